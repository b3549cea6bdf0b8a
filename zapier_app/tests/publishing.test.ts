// What Zapier's servers check before an integration is published, and local validation does not.
//
// After Zapier's integration check reference and its guides for field definitions and samples.
import { describe, expect, it } from "vitest";

import App from "../src/index.js";
import { command } from "./support/core.js";

interface Field {
  key: string;
  label?: string;
  helpText?: string;
  type?: string;
  primary?: boolean;
  dynamic?: string;
  search?: string;
  choices?: unknown;
  required?: boolean;
  dependsOn?: string[];
}

interface Step {
  key: string;
  noun: string;
  display: { label: string; description: string; hidden?: boolean };
  operation: {
    type?: string;
    inputFields?: (Field | (() => unknown))[];
    outputFields?: (Field | (() => unknown))[];
    sample?: Record<string, unknown>;
    [name: string]: unknown;
  };
}

const KINDS = ["triggers", "creates", "searches"] as const;
const all = KINDS.flatMap((kind) =>
  Object.values(App[kind] as unknown as Record<string, Step>).map(
    (step) => [`${kind}.${step.key}`, step, kind] as const,
  ),
);
const visible = all.filter(([, step]) => !step.display.hidden);
const plain = (fields: (Field | (() => unknown))[] = []) =>
  fields.filter((field): field is Field => typeof field === "object");
const inputs = all.flatMap(([where, step]) =>
  plain(step.operation.inputFields).map((field) => [`${where}: ${field.key}`, field] as const),
);
const triggers = Object.values(App.triggers) as unknown as Step[];
const trigger = (key: string | undefined) => triggers.find((one) => one.key === key);

/** Words that stay small inside a title. */
const SMALL = new Set([
  "a",
  "an",
  "and",
  "as",
  "at",
  "by",
  "for",
  "if",
  "in",
  "of",
  "on",
  "or",
  "the",
  "to",
  "with",
]);
const isTitle = (text: string) =>
  text.split(" ").every((word, at) => (at > 0 && SMALL.has(word)) || /^[A-Z0-9]/.test(word));

describe.each(visible)("%s", (_where, step, kind) => {
  const { label, description } = step.display;
  const sample = step.operation.sample ?? {};
  const outputs = plain(step.operation.outputFields);

  it("has a short label in title case, without punctuation or the app's name", () => {
    expect(isTitle(label), label).toBe(true);
    expect(label).toMatch(/^[A-Za-z ]{2,64}$/);
    expect(label).not.toMatch(/colabel|zapier/i);
  });

  it("has a description that is one sentence and begins as Zapier wants it", () => {
    const beginning = {
      triggers: /^Triggers when /,
      creates: /^[A-Z][a-z]+s /,
      searches: /^Finds /,
    };
    expect(description).toMatch(beginning[kind]);
    expect(description).toMatch(/^[^.]+\.$/);
    expect(description.length).toBeLessThanOrEqual(140);
    expect(description).not.toMatch(/https?:/);
  });

  it("has a singular noun in title case", () => {
    expect(isTitle(step.noun)).toBe(true);
    expect(step.noun).not.toMatch(/[^s]s$/);
    expect(step.noun).not.toMatch(/^(Get|New|List) /);
  });

  it("has a sample of which each field is described, and with a value for most", () => {
    for (const { key } of outputs) expect(valueOf(sample, key), key).not.toBeUndefined();
    const known = new Set(outputs.map(({ key }) => key.split(/\[\]|__/)[0]));
    const dynamic = ["metadata", "probabilities"];
    for (const key of Object.keys(sample)) {
      expect(known.has(key) || dynamic.includes(key), key).toBe(true);
    }
    const empty = Object.values(sample).filter((value) => value === null);
    expect(empty.length).toBeLessThan(Object.keys(sample).length / 2);
  });

  it("has sample values of the types that are described", () => {
    for (const { key, type } of outputs) {
      const value = valueOf(sample, key);
      if (value === null) continue;
      if (type === "integer") expect(Number.isInteger(value), key).toBe(true);
      else if (type === "number") expect(typeof value, key).toBe("number");
      else if (type === "boolean") expect(typeof value, key).toBe("boolean");
      else expect(typeof value, key).toBe("string");
    }
  });

  it("gives times as ISO 8601 with offset, and says that they are times", () => {
    for (const { key, type } of outputs) {
      const isTime = key.endsWith("_at");
      expect(type === "datetime", key).toBe(isTime);
      const value = valueOf(sample, key);
      if (isTime && value !== null) {
        expect(value, key).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/);
      }
    }
  });

  it("names every output field in title case, and marks the one that makes it unique", () => {
    for (const { label, key } of outputs) expect(isTitle(label ?? ""), key).toBe(true);
    expect(outputs.filter((one) => one.primary).map((one) => one.key)).toEqual(["id"]);
    expect(new Set(outputs.map((one) => one.key)).size).toBe(outputs.length);
    expect(String(sample.id)).not.toBe("");
  });

  it("holds no secret in its sample", () => {
    expect(JSON.stringify(sample)).not.toMatch(/clbl_|whsec_|bearer|password|hook_url/i);
  });
});

/** A sample's value at an output field's key: `a[]b` is b of the first of a, `a__b` is b of a. */
function valueOf(sample: Record<string, unknown>, key: string): unknown {
  const parts = key.split(/\[\]|__/);
  const list = /^(.+)\[\](.*)$/.exec(key);
  if (list) {
    const [first] = (sample[list[1] ?? ""] ?? []) as unknown[];
    return list[2] ? (first as Record<string, unknown>)?.[list[2]] : first;
  }
  return parts.reduce<unknown>((at, part) => (at as Record<string, unknown>)?.[part], sample);
}

describe.each(inputs)("%s", (_where, field) => {
  it("has a label in title case and a help text that adds something", () => {
    expect(isTitle(field.label ?? ""), field.label).toBe(true);
    expect(field.label).not.toMatch(/[.:?!]$/);
    const help = field.helpText ?? "";
    expect(help).toMatch(/[.]$/);
    expect(help.length).toBeGreaterThanOrEqual(20);
    expect(help.length).toBeLessThanOrEqual(1000);
    const words = (text = ""): string[] => text.toLowerCase().match(/[a-z]+/g) ?? [];
    const added = words(help).filter((word) => !words(field.label).includes(word));
    expect(added.length).toBeGreaterThan(3);
  });

  it("shows addresses as code or as links", () => {
    const bare = (field.helpText ?? "").replace(/`[^`]*`/g, "").replace(/\[[^\]]*\]\([^)]*\)/g, "");
    expect(bare).not.toMatch(/https?:|www\./);
  });

  it("asks for no key, password or token, which belong to the connection", () => {
    expect(`${field.key} ${field.label}`).not.toMatch(/api.?key|secret|token|password|auth/i);
  });

  it("has a dropdown if it is an id of colabel's", () => {
    const own = /_id$/.test(field.key) && field.key !== "external_id";
    if (own) expect(field.dynamic ?? field.choices).toBeTruthy();
  });

  it("leads to a hidden trigger with these very fields, and to a search if it names one", () => {
    if (field.search) expect(field.dynamic, "no dropdown behind a search").toBeTruthy();
    if (!field.dynamic) return;
    const [key, id, name] = field.dynamic.split(".");
    const source = trigger(key);
    expect(source?.display.hidden).toBe(true);
    expect(Object.keys(source?.operation.sample ?? {})).toEqual(
      expect.arrayContaining<unknown>([id, name]),
    );
    if (!field.search) return;
    const [search = "", output = ""] = field.search.split(".");
    const found = (App.searches as unknown as Record<string, Step>)[search];
    expect(found?.operation.sample).toHaveProperty(output);
  });
});

describe("dropdowns", () => {
  it("depend on fields that come before them", () => {
    for (const [where, step] of all) {
      const fields = plain(step.operation.inputFields);
      fields.forEach((field, at) => {
        const before = fields.slice(0, at).map((one) => one.key);
        for (const needed of field.dependsOn ?? []) expect(before, where).toContain(needed);
      });
    }
  });

  it("are filled by hidden triggers that poll page by page, and only those are hidden", () => {
    const used = new Set(inputs.map(([, field]) => field.dynamic?.split(".")[0]).filter(Boolean));
    const hidden = triggers.filter((one) => one.display.hidden);
    expect(new Set(hidden.map((one) => one.key))).toEqual(used);
    for (const { operation } of hidden) {
      expect(operation).toMatchObject({ type: "polling", canPaginate: true });
      expect(plain(operation.outputFields).find((one) => one.primary)?.key).toBe("id");
    }
  });
});

describe("triggers", () => {
  it("that people see are REST hooks with all that belongs to one", () => {
    for (const { operation, display } of triggers.filter((one) => !one.display.hidden)) {
      expect(operation.type, display.label).toBe("hook");
      for (const name of ["perform", "performList", "performSubscribe", "performUnsubscribe"]) {
        expect(typeof operation[name], `${display.label}: ${name}`).toBe("function");
      }
    }
  });
});

describe("the connection", () => {
  const { fields = [], connectionLabel, test } = App.authentication ?? {};

  it("is tested against the service, and asks for the key where it is not shown", () => {
    expect(typeof test).toBe("function");
    const types = Object.fromEntries(fields.map(({ key, type }) => [key, type]));
    expect(types).toEqual({ base_url: "string", api_key: "password" });
    for (const field of fields) {
      expect(field.required).toBe(true);
      expect(isTitle(field.label ?? ""), field.label).toBe(true);
      expect(field.helpText).toMatch(/\.$/);
    }
  });

  it("is named by what tells connections apart, and never by its key", () => {
    expect(connectionLabel).toMatch(/\{\{workspace_name\}\}/);
    expect(connectionLabel).not.toMatch(/key|token|secret|authData/i);
  });
});

describe("the whole", () => {
  it("has no key twice", () => {
    const keys = all.map(([, { key }]) => key);
    expect(new Set(keys).size).toBe(keys.length);
    for (const key of keys) expect(key).toMatch(/^[a-z][a-z_]+$/);
  });

  it("pairs a search with a create that takes what the search was asked for", () => {
    for (const [key, pair] of Object.entries(App.searchOrCreates ?? {})) {
      expect(pair).toMatchObject({ key, search: key });
      expect(isTitle(pair.display.label ?? "")).toBe(true);
      const shown = (App.creates as unknown as Record<string, Step>)[pair.create];
      const found = (App.searches as unknown as Record<string, Step>)[pair.search];
      expect(Object.keys(shown?.operation.sample ?? {})).toEqual(
        Object.keys(found?.operation.sample ?? {}),
      );
      const accepted = plain(shown?.operation.inputFields).map((field) => field.key);
      expect(accepted).toContain("external_id");
    }
  });

  it("holds no secret and no address of this machine in what is pushed", async () => {
    const definition = JSON.stringify(await command("definition"));
    expect(definition).not.toMatch(/clbl_[a-z0-9]{6}|whsec_|localhost|127\.0\.0\.1/i);
  });
});
