import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";

import App from "../../src/index.js";
import { Zapier } from "../support/zapier.js";
import { run } from "./support/core.js";
import { facts } from "./support/facts.js";
import type { Item } from "./support/hooks.js";
import { api, classified } from "./support/service.js";

// Zapier keeps the cursor between the pages of a dropdown.
let zapier: Zapier;
beforeAll(async () => {
  zapier = await Zapier.start();
});
afterAll(() => zapier.server.stop());

const list = async (key: string, page = 0) => {
  const bundle = { meta: { isFillingDynamicDropdown: true, page } };
  const method = `triggers.${key}.operation.perform`;
  return (await run<Item[]>(method, bundle, zapier.event)).results;
};

test("the classifiers to choose from are those of the workspace", async () => {
  const names = Object.fromEntries(
    (await list("classifier_list")).map(({ id, name }) => [id, name]),
  );
  expect(names).toEqual({ [facts.classifier]: "colours", [facts.actingClassifier]: "Parcels" });
});

test("more classifiers than a page holds come page by page", async () => {
  const many = Array.from({ length: 50 }, (_, number) => `one of many ${number}`);
  const made = new Set<string>();
  onTestFinished(async () => {
    for (const id of made) await api("DELETE", `/classifiers/${id}`);
  });
  for (const name of many) {
    const { id } = await api<Item>("POST", "/classifiers", { name, recipe: "sort" });
    made.add(id);
  }
  const pages = [];
  for (const page of [0, 1, 2]) pages.push(await list("classifier_list", page));
  expect(pages.map(({ length }) => length)).toEqual([50, 2, 0]);
  const found = pages.flat().map(({ id }) => id);
  expect(found.sort()).toEqual([...made, facts.classifier, facts.actingClassifier].sort());
});

test("the reviews to choose from are the open ones", async () => {
  const asked = await classified("grey", { name: "doubtful.png" });
  const sure = await classified("red");
  const open = await list("open_review_list");
  const found = open.find(({ id }) => id === asked.review_id);
  expect(JSON.stringify(found)).toContain("doubtful.png");
  expect(JSON.stringify(open)).not.toContain(sure.id);
});

/** What the dropdown of a field without a trigger of its own offers. */
async function choices(of: "creates" | "searches", key: string, field: string, inputData = {}) {
  const steps = App[of] as Record<string, { operation: { inputFields: { key?: string }[] } }>;
  const fields = steps[key]?.operation.inputFields ?? [];
  const position = fields.findIndex((one) => one.key === field);
  const method = `${of}.${key}.operation.inputFields.${position}.choices.perform`;
  const bundle = { inputData, meta: { isFillingDynamicDropdown: true } };
  const { results } = await run<{ results: { id: string; label: string }[] }>(method, bundle);
  return results.results;
}

test("the labels to choose from are those of the chosen classifier", async () => {
  const said = { classifier_id: facts.classifier };
  const offered = await choices("creates", "add_labelled_picture", "label", said);
  expect(offered.map(({ id }) => id).sort()).toEqual(["blue", "green", "red"]);
});

test("the answers to choose from are the labels of the review's classifier", async () => {
  const { review_id } = await classified("grey");
  const { suggestions } = await api<{ suggestions: string[] }>("GET", `/reviews/${review_id}`);
  const offered = await choices("creates", "answer_review", "label", { review_id });
  expect(offered.map(({ id }) => id)).toEqual(suggestions);
});

test("the predictions to choose from are the newest ones", async () => {
  const { id } = await classified("red", { name: "newest.png" });
  const [first] = await choices("searches", "find_prediction", "prediction_id");
  expect(first).toMatchObject({ id, label: expect.stringContaining("newest.png: red") });
});
