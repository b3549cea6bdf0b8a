import { describe, expect, test } from "vitest";

import { auth, run } from "./support/core.js";
import { facts } from "./support/facts.js";
import type { Item } from "./support/hooks.js";
import { classified } from "./support/service.js";

async function find(key: string, inputData: object, secret?: string): Promise<Item[]> {
  const bundle = { authData: auth(secret), inputData: { ...inputData } };
  return (await run<Item[]>(`searches.${key}.operation.perform`, bundle)).results;
}

const ids = (items: Item[]) => items.map(({ id }) => id);

describe("Find Classifier", () => {
  test("finds one by its name, however it is written", async () => {
    const found = await find("find_classifier", { name: "Colours" });
    expect(ids(found)).toEqual([facts.classifier]);
    expect(found[0]).toMatchObject({ name: "colours" });
  });

  test("finds nothing by a part of a name, nor somebody else's", async () => {
    expect(await find("find_classifier", { name: "colour" })).toEqual([]);
    expect(await find("find_classifier", { name: "Charlie's colours" })).toEqual([]);
  });
});

describe("Find Prediction", () => {
  test("finds one by its id, and by the id that it was sent with", async () => {
    const { id } = await classified("green", { external_id: "order / 11 & co" });
    const [found] = await find("find_prediction", { prediction_id: id });
    expect(found).toMatchObject({ id, label: "green", external_id: "order / 11 & co" });
    expect(await find("find_prediction", { external_id: "order / 11 & co" })).toEqual([found]);
  });

  test("finds nothing that is not there, nor somebody else's", async () => {
    const { id } = await classified("green", { external_id: "order-12" });
    expect(await find("find_prediction", { prediction_id: "pred_of_nobody" })).toEqual([]);
    expect(await find("find_prediction", { external_id: "order-none" })).toEqual([]);
    expect(await find("find_prediction", { prediction_id: id }, facts.charliesKey)).toEqual([]);
    const said = { external_id: "order-12" };
    expect(await find("find_prediction", said, facts.charliesKey)).toEqual([]);
  });
});
