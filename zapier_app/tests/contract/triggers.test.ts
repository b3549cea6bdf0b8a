import { describe, expect, onTestFinished, test } from "vitest";

import App from "../../src/index.js";
import { facts } from "./support/facts.js";
import { LiveZap, shape } from "./support/hooks.js";
import { answer, api, classified, deleteRule, makeRule, tryApi } from "./support/service.js";

interface Case {
  trigger: string;
  input: Record<string, unknown>;
  /** Makes it happen, and says what part of the item must then be. */
  happens: () => Promise<Record<string, unknown>>;
}

const ours = { classifier_id: facts.classifier };

const CASES: Case[] = [
  {
    trigger: "picture_classified",
    input: ours,
    happens: async () => {
      const { id } = await classified("red", { external_id: "order-7" });
      return { id, label: "red", status: "done", external_id: "order-7", decided_by: "model" };
    },
  },
  {
    trigger: "review_needed",
    input: ours,
    happens: async () => {
      const { id, review_id } = await classified("grey");
      return { id: review_id, prediction_id: id };
    },
  },
  {
    trigger: "review_answered",
    input: ours,
    happens: async () => {
      const asked = await classified("grey");
      await answer(asked, "green");
      return { id: asked.review_id, prediction_id: asked.id, label: "green" };
    },
  },
  {
    trigger: "model_improved",
    input: ours,
    happens: async () => {
      const path = `/classifiers/${facts.classifier}`;
      const { live_version } = await api<{ live_version: number }>("GET", path);
      const number = live_version === 1 ? 2 : 1;
      await api("POST", `${path}/versions/${number}/promote`);
      return { number, classifier_id: facts.classifier };
    },
  },
  {
    trigger: "alert_raised",
    input: { classifier_id: facts.actingClassifier },
    happens: async () => {
      const params = { channel: "webhook", message: "A {label} one" };
      const rule = await makeRule("red", [{ kind: "alert", params }]);
      onTestFinished(() => deleteRule(rule));
      await classified("red", { classifier: facts.actingClassifier });
      return { message: "A red one" };
    },
  },
];

/** What the editor shows before anything has happened. */
function sampleOf(trigger: string): object {
  const triggers = App.triggers as Record<string, { operation: { sample: object } }>;
  return triggers[trigger]?.operation.sample ?? {};
}

describe.each(CASES)("$trigger", ({ trigger, input, happens }) => {
  test("is told what happened, in the shape of its samples, until it is switched off", async () => {
    const zap = await LiveZap.on(trigger, input);
    expect(zap.subscribeData.id).toEqual(expect.any(String));

    const expected = await happens();
    const items = await zap.fired();
    expect(items).toHaveLength(1);
    const [item] = items;
    expect(item).toMatchObject(expected);
    expect(Object.keys(item ?? {}).sort()).toEqual(Object.keys(sampleOf(trigger)).sort());

    const listed = await zap.listed({ isLoadingSample: true });
    expect(listed.length).toBeLessThanOrEqual(3);
    const same = listed.find(({ id }) => id === item?.id);
    expect(shape(same)).toEqual(shape(item));

    await zap.off();
    expect((await tryApi("GET", `/webhooks/${zap.subscribeData.id}`))[0]).toBe(404);
    await zap.off();
  });
});

test("samples are of one's own workspace only", async () => {
  await classified("red");
  const zap = await LiveZap.on("picture_classified", {});
  expect(await zap.listed({}, facts.charliesKey)).toEqual([]);
  expect(await zap.listed()).not.toEqual([]);
});
