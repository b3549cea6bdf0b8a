import { expect, onTestFinished, test } from "vitest";

import { failure, run } from "./support/core.js";
import { facts } from "./support/facts.js";
import type { Item } from "./support/hooks.js";
import { pictureServer } from "./support/server.js";
import { api, newPicture } from "./support/service.js";

const PERFORM = "creates.classify_picture.operation.perform";

async function classify(said: Record<string, unknown>, meta = {}): Promise<Item> {
  const inputData = { classifier_id: facts.classifier, ...said };
  const { status, results } = await run<Item>(PERFORM, { inputData, meta });
  expect(status).toBe("SUCCESS");
  return results;
}

async function keptPicture(id: string): Promise<Buffer> {
  const headers = { authorization: `Bearer ${facts.adminKey}` };
  const response = await fetch(`${facts.url}/api/v1/predictions/${id}/image`, { headers });
  return Buffer.from(await response.arrayBuffer());
}

test("a file of an earlier step is classified, and its server never sees the key", async () => {
  const picture = await newPicture("red");
  const files = await pictureServer(picture);
  const metadata = { camera: "3" };
  const said = { picture: `${files.url}/scan.png`, external_id: "order-8", metadata };
  const item = await classify({ ...said, name: "page 1.png" });
  expect(item).toMatchObject({
    status: "done",
    label: "red",
    decided_by: "model",
    classifier_id: facts.classifier,
    external_id: "order-8",
    name: "page 1.png",
  });
  expect(item.confidence).toBeGreaterThan(0.9);
  expect(item.confidence_percent).toBeGreaterThan(90);
  expect(await keptPicture(item.id)).toEqual(picture);
  const kept = await api<{ metadata: object }>("GET", `/predictions/${item.id}`);
  expect(kept.metadata).toEqual(metadata);
  expect(files.received.length).toBeGreaterThan(0);
  expect(files.seen()).not.toContain(facts.key);
});

test("a file without a name of its own keeps the one that its address ends with", async () => {
  const files = await pictureServer(await newPicture("green"));
  const item = await classify({ picture: `${files.url}/received/scan%207.png` });
  expect(item).toMatchObject({ label: "green", name: "scan 7.png" });
});

test("a picture at an address is classified, and its server never sees the key", async () => {
  const picture = await newPicture("blue");
  const files = await pictureServer(picture);
  const item = await classify({ picture_url: `${files.url}/photo.png` });
  expect(item).toMatchObject({ status: "done", label: "blue" });
  expect(await keptPicture(item.id)).toEqual(picture);
  expect(files.seen()).not.toContain(facts.key);
});

test("a step that Zapier runs again classifies nothing twice", async () => {
  const files = await pictureServer(await newPicture("red"));
  const said = { picture: `${files.url}/scan.png`, external_id: "order-9" };
  const first = await classify(said);
  const again = await classify(said);
  expect(again.id).toBe(first.id);
  const found = await api<{ items: unknown[] }>("GET", "/predictions?external_id=order-9");
  expect(found.items).toHaveLength(1);
});

test("another picture is no repeat, though all else is the same", async () => {
  const said = { external_id: "order-10" };
  const one = await pictureServer(await newPicture("red"));
  const two = await pictureServer(await newPicture("red"));
  const first = await classify({ ...said, picture: `${one.url}/scan.png` });
  const second = await classify({ ...said, picture: `${two.url}/scan.png` });
  expect(second.id).not.toBe(first.id);
});

test("a classifier that nobody has trained stops the Zap with a sentence", async () => {
  const made = { name: "untrained", recipe: "sort", labels: ["cat", "dog"] };
  const { id } = await api<{ id: string }>("POST", "/classifiers", made);
  onTestFinished(() => api("DELETE", `/classifiers/${id}`));
  const files = await pictureServer(await newPicture("red"));
  const inputData = { classifier_id: id, picture: `${files.url}/scan.png` };
  const { name, sentence } = await failure(PERFORM, { inputData });
  expect(name).toBe("HaltedError");
  expect(sentence).toMatch(/train/i);
});

test("there is a field for the probability of each label, and the output fills it", async () => {
  const inputData = { classifier_id: facts.classifier };
  const method = "creates.classify_picture.operation.outputFields";
  const { results: fields } = await run<{ key: string }[]>(method, { inputData });
  const keys = fields.map(({ key }) => key);
  const labels = ["blue", "green", "red"].map((label) => `probabilities__${label}`);
  expect(keys).toEqual(expect.arrayContaining(labels));
  const files = await pictureServer(await newPicture("red"));
  const item = await classify({ picture: `${files.url}/scan.png` });
  expect(Object.keys(flat(item))).toEqual(expect.arrayContaining(labels));
});

/** Zapier shows `{a: {b: 1}}` as the field `a__b`. */
function flat(value: object, before = ""): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, inner]: [string, unknown]) =>
      typeof inner === "object" && inner !== null && !Array.isArray(inner)
        ? Object.entries(flat(inner, `${before}${key}__`))
        : [[before + key, inner]],
    ),
  );
}
