// What dropdowns are filled with, and the output fields that depend on a choice.
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";

import App from "../src/index.js";
import { method, results } from "./support/core.js";
import { action, classifier, page, prediction, review } from "./support/samples.js";
import { Loopback } from "./support/service.js";
import { Zapier } from "./support/zapier.js";

interface Choices {
  results: { id: string; label: string }[];
  paging_token: string | null;
}

let service: Loopback;
let zapier: Zapier;
beforeAll(async () => {
  service = await Loopback.start();
  zapier = await Zapier.start();
});
beforeEach(() => {
  service.clear();
  service.on("GET /api/v1/classifiers/clf_1", { json: classifier() });
});
afterAll(async () => {
  await service.stop();
  await zapier.server.stop();
});

/** The path of a field's choices, as Zapier asks for them. */
function choicesOf(kind: "triggers" | "creates" | "searches", key: string, field: string): string {
  const steps = App[kind] as Record<string, { operation: { inputFields?: unknown[] } }>;
  const fields = (steps[key]?.operation.inputFields ?? []) as { key: string }[];
  const index = fields.findIndex((one) => one.key === field);
  return `${kind}.${key}.operation.inputFields.${index}.choices.perform`;
}

describe.each([
  ["classifier_list", "/api/v1/classifiers", {}, classifier(), { id: "clf_1", name: "Pages" }],
  [
    "open_review_list",
    "/api/v1/reviews",
    { state: "open" },
    review(),
    { id: "rev_1", name: "photo.jpg: left? (rev_1)" },
  ],
])("%s", (key, path, query, item, shown) => {
  it("goes on from page to page by the service's cursor, and ends", async () => {
    const pages = { "": "c1", c1: "c2", c2: null } as Record<string, string | null>;
    service.on(`GET ${path}`, ({ query: { cursor = "" } }) => page([item], pages[cursor] ?? null));
    const read = async (page: number) =>
      results(service, method.trigger(key), { meta: { page } }, zapier.event);
    for (const number of [0, 1, 2]) expect(await read(number)).toEqual([shown]);
    expect(await read(3)).toEqual([]);
    expect(service.asked.map((one) => one.query)).toEqual([
      query,
      { ...query, cursor: "c1" },
      { ...query, cursor: "c2" },
    ]);
  });

  it("ends after the only page, whatever an earlier list has left behind", async () => {
    const read = async (page: number) =>
      results(service, method.trigger(key), { meta: { page } }, zapier.event);
    service.on(`GET ${path}`, page([item], "c1"));
    await read(0);
    service.on(`GET ${path}`, page([item]));
    expect(await read(0)).toEqual([shown]);
    expect(await read(1)).toEqual([]);
  });
});

describe("labels", () => {
  it.each([
    ["triggers", "picture_classified"],
    ["triggers", "review_answered"],
    ["triggers", "alert_raised"],
    ["creates", "add_labelled_picture"],
  ] as const)("depend on the classifier (%s.%s)", async (kind, key) => {
    const where = choicesOf(kind, key, "label");
    const none = await results<Choices>(service, where, { inputData: {} });
    expect(none).toEqual({ results: [], paging_token: null });
    const some = await results<Choices>(service, where, { inputData: { classifier_id: "clf_1" } });
    expect(some.results.map((one) => one.id)).toEqual(["left", "right", "upside down"]);
    expect(some.results[2]).toEqual({ id: "upside down", label: "upside down" });
  });

  it("of an answer begin with the likeliest, and include those that no model knows yet", async () => {
    service.on("GET /api/v1/reviews/rev_1", {
      json: review({ suggestions: ["right", "gone", "left"] }),
    });
    const where = choicesOf("creates", "answer_review", "label");
    const said = await results<Choices>(service, where, { inputData: { review_id: "rev_1" } });
    expect(said.results.map((one) => one.id)).toEqual(["right", "left", "upside down"]);
  });
});

describe("other choices", () => {
  it("offers the actions that can be undone, page by page", async () => {
    const items = [action(), action({ id: "act_2", kind: "alert", undoable: false })];
    service.on("GET /api/v1/actions", page(items, "c1"));
    const where = choicesOf("creates", "undo_action", "action_id");
    const meta = { paging_token: "c0" };
    const said = await results<Choices>(service, where, { meta });
    expect(said.results.map((one) => one.id)).toEqual(["act_1"]);
    expect(said.paging_token).toBe("c1");
    expect(service.asked[0]?.query).toEqual({ status: "done", cursor: "c0" });
  });

  it("offers the newest predictions", async () => {
    service.on("GET /api/v1/predictions", page([prediction(), prediction({ label: null })]));
    const where = choicesOf("searches", "find_prediction", "prediction_id");
    const said = await results<Choices>(service, where);
    expect(said.results.map((one) => one.label)).toEqual([
      "photo.jpg: left (2026-11-24T09:00:00.000+00:00)",
      "photo.jpg: no answer yet (2026-11-24T09:00:00.000+00:00)",
    ]);
    expect(said.paging_token).toBeNull();
  });
});

describe("output fields", () => {
  it.each([
    ["triggers", "picture_classified"],
    ["triggers", "review_needed"],
    ["creates", "classify_picture"],
  ])("have one probability per label of the classifier (%s.%s)", async (kind, key) => {
    const where = `${kind}.${key}.operation.outputFields`;
    const bundle = { inputData: { classifier_id: "clf_1" } };
    const fields = await results<{ key: string; type: string }[]>(service, where, bundle);
    expect(fields.filter((one) => one.key.startsWith("probabilities__"))).toEqual([
      { key: "probabilities__left", label: "Probability of left", type: "number" },
      { key: "probabilities__right", label: "Probability of right", type: "number" },
      { key: "probabilities__upside down", label: "Probability of upside down", type: "number" },
    ]);
  });

  it("have none while no classifier is chosen", async () => {
    const where = "triggers.picture_classified.operation.outputFields";
    const fields = await results<{ key: string }[]>(service, where);
    expect(fields.filter((one) => one.key.startsWith("probabilities__"))).toEqual([]);
    expect(service.asked).toEqual([]);
  });
});
