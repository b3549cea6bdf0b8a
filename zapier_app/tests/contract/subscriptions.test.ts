import { describe, expect, onTestFinished, test } from "vitest";

import { auth, run } from "./support/core.js";
import { facts } from "./support/facts.js";
import { LiveZap } from "./support/hooks.js";
import { LocalServer } from "./support/server.js";
import { answer, api, classified, deleteRule, makeRule, tryApi } from "./support/service.js";
import { until } from "./support/until.js";

const ours = { classifier_id: facts.classifier };

describe("filters", () => {
  test("of Picture Classified: only this label of this classifier", async () => {
    const zap = await LiveZap.on("picture_classified", { ...ours, label: "red" });
    await classified("blue");
    await classified("red", { classifier: facts.actingClassifier });
    const wanted = await classified("red");
    expect((await zap.fired()).map(({ id }) => id)).toEqual([wanted.id]);
    // The messages are written down with the answer, so none of the others can still come.
    expect(await zap.deliveries()).toBe(1);
    const listed = await zap.listed();
    expect(listed.map(({ label }) => label)).toEqual(listed.map(() => "red"));
    const classifiers = listed.map(({ classifier_id }) => classifier_id);
    expect(classifiers).toEqual(listed.map(() => facts.classifier));
  });

  test("of Picture Classified: only answers between two confidences", async () => {
    const sure = await LiveZap.on("picture_classified", { ...ours, min_confidence: 0.9 });
    const unsure = await LiveZap.on("picture_classified", { ...ours, max_confidence: 0.6 });
    const clear = await classified("green");
    const unclear = await classified("grey");
    await answer(unclear, "blue");
    expect((await sure.fired()).map(({ id }) => id)).toEqual([clear.id]);
    expect((await unsure.fired()).map(({ id }) => id)).toEqual([unclear.id]);
    expect([await sure.deliveries(), await unsure.deliveries()]).toEqual([1, 1]);
  });

  test("of Review Answered: only this label", async () => {
    const zap = await LiveZap.on("review_answered", { ...ours, label: "blue" });
    await answer(await classified("grey"), "red");
    const wanted = await classified("grey");
    await answer(wanted, "blue");
    expect((await zap.fired()).map(({ id }) => id)).toEqual([wanted.review_id]);
    expect(await zap.deliveries()).toBe(1);
  });

  test("that are left out let everything of the workspace through", async () => {
    const zap = await LiveZap.on("picture_classified", {});
    const one = await classified("red", { classifier: facts.actingClassifier });
    const two = await classified("blue");
    const items = [...(await zap.fired()), ...(await zap.fired())];
    expect(items.map(({ id }) => id).sort()).toEqual([one.id, two.id].sort());
  });
});

describe("a subscription", () => {
  test("that is ended gets nothing more, while others do", async () => {
    const ended = await LiveZap.on("picture_classified", ours);
    const other = await LiveZap.on("picture_classified", ours);
    await ended.off();
    const { id } = await classified("red");
    expect((await other.fired()).map((item) => item.id)).toEqual([id]);
    const hooks = await api<{ items: { id: string }[] }>("GET", "/webhooks");
    expect(hooks.items.map((hook) => hook.id)).not.toContain(ended.subscribeData.id);
    expect(ended.receiver.received).toEqual([]);
  });

  test("whose address says 410 ends by itself, and can still be ended", async () => {
    const gone = await LocalServer.open(() => ({ status: 410 }));
    const zap = await LiveZap.on("picture_classified", ours, gone);
    await classified("red");
    await until("the subscription has ended", async () => {
      const path = `/webhooks/${zap.subscribeData.id}`;
      const [status, hook] = await tryApi<{ enabled?: boolean }>("GET", path);
      return status === 404 || hook.enabled === false;
    });
    await classified("red");
    expect(gone.received).toHaveLength(1);
    await zap.off();
  });

  test("of one key cannot be ended by another workspace's", async () => {
    const zap = await LiveZap.on("picture_classified", ours);
    const foreign = { authData: auth(facts.charliesKey), subscribeData: zap.subscribeData };
    // For Charlie there is no such subscription, which is the same as one that is gone.
    await run("triggers.picture_classified.operation.performUnsubscribe", foreign);
    expect((await tryApi("GET", `/webhooks/${zap.subscribeData.id}`))[0]).toBe(200);
  });

  test("hears nothing of another workspace", async () => {
    const charlie = await LocalServer.open();
    const theirs = { authData: auth(facts.charliesKey), targetUrl: `${charlie.url}/hooks/` };
    const operation = "triggers.picture_classified.operation";
    const { results: subscribeData } = await run(`${operation}.performSubscribe`, theirs);
    const alice = await LiveZap.on("picture_classified", {});
    await classified("red");
    await alice.fired();
    await run(`${operation}.performUnsubscribe`, { ...theirs, subscribeData });
    expect(charlie.received).toEqual([]);
  });
});

test("what was too large to be sent whole is read again where it is", async () => {
  const copies = Array.from({ length: 8 }, (_, number) => ({
    kind: "copy",
    params: { folder: `${"f".repeat(200)} ${number}` },
  }));
  const message = `A {label} one. ${"It is scratched. ".repeat(250)}`;
  const alert = { kind: "alert", params: { channel: "webhook", message } };
  const rule = await makeRule("red", [...copies, alert]);
  onTestFinished(() => deleteRule(rule));
  const inputData = { classifier_id: facts.actingClassifier };
  const answers = await LiveZap.on("picture_classified", inputData);
  const alerts = await LiveZap.on("alert_raised", inputData);
  const metadata = { note: "x".repeat(15_900) };
  const { id } = await classified("red", { classifier: facts.actingClassifier, metadata });
  for (const [zap, known] of [
    [answers, { id, label: "red" }],
    [alerts, { prediction_id: id, label: "red", message: message.replace("{label}", "red") }],
  ] as const) {
    const delivery = await zap.receiver.next(`${zap.trigger} arrives`);
    expect(JSON.parse(delivery.body.toString())).toMatchObject({ data: { thin: true } });
    expect(await zap.understood(delivery)).toMatchObject([{ ...known, metadata }]);
  }
});
