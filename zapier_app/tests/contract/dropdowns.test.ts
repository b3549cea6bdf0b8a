import { afterAll, beforeAll, expect, test } from "vitest";

import App from "../../src/index.js";
import { run } from "./support/core.js";
import { facts } from "./support/facts.js";
import type { Item } from "./support/hooks.js";
import { classified } from "./support/service.js";
import { Zapier } from "../support/zapier.js";

// Zapier keeps the cursor between the pages of a dropdown.
let zapier: Zapier;
beforeAll(async () => {
  zapier = await Zapier.start();
});
afterAll(() => zapier.server.stop());

const list = async (key: string, inputData = {}) => {
  const bundle = { inputData, meta: { isFillingDynamicDropdown: true } };
  const method = `triggers.${key}.operation.perform`;
  return (await run<Item[]>(method, bundle, zapier.event)).results;
};

test("the classifiers to choose from are those of the workspace", async () => {
  const names = Object.fromEntries(
    (await list("classifier_list")).map(({ id, name }) => [id, name]),
  );
  expect(names).toEqual({ [facts.classifier]: "colours", [facts.actingClassifier]: "Parcels" });
});

test("the reviews to choose from are the open ones", async () => {
  const asked = await classified("grey", { name: "doubtful.png" });
  const sure = await classified("red");
  const open = await list("open_review_list");
  const found = open.find(({ id }) => id === asked.review_id);
  expect(JSON.stringify(found)).toContain("doubtful.png");
  expect(JSON.stringify(open)).not.toContain(sure.id);
});

test("the labels to choose from are those of the chosen classifier", async () => {
  const operation = "creates.add_labelled_picture.operation";
  const fields = App.creates?.add_labelled_picture?.operation.inputFields as { key?: string }[];
  const position = fields.findIndex(({ key }) => key === "label");
  const method = `${operation}.inputFields.${position}.choices.perform`;
  const { results } = await run<unknown>(method, {
    inputData: { classifier_id: facts.classifier },
  });
  for (const label of ["blue", "green", "red"])
    expect(JSON.stringify(results)).toContain(`"${label}"`);
});
