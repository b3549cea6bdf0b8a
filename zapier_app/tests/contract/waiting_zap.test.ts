import { describe, expect, test } from "vitest";

import type { Item } from "./support/hooks.js";
import { asksForCallback, Proxy } from "./support/proxy.js";
import { answer, api, atDesk, type Prediction } from "./support/service.js";
import { Step } from "./support/waiting_zap.js";

/** A person answers the question about the picture of a step. */
async function personSays(label: string, { id }: { id: string }): Promise<void> {
  await answer(await api<Prediction>("GET", `/predictions/${id}`), label);
}

function expectThePersonsAnswer(item: Item, step: Step): void {
  expect(item).toMatchObject({ status: "done", decided_by: "person", label: "green" });
  expect(item.id).toBe(step.outcome?.results.id);
}

describe("a step that waits for a person", () => {
  test("pauses, and goes on with the person's answer", async () => {
    const step = await Step.for("grey");
    const { status, results } = await step.start();
    expect(status).toBe("CALLBACK");
    expect(results).toMatchObject({ status: "needs_review", review_id: expect.any(String) });
    expect(step.zapier.received).toEqual([]);
    await personSays("green", results);
    expectThePersonsAnswer(await step.resumed(), step);
  });

  test("does not pause when the model is sure", async () => {
    const proxy = await Proxy.open();
    const step = await Step.for("red", { url: proxy.url });
    const { status, results } = await step.start();
    expect(status).toBe("SUCCESS");
    expect(results).toMatchObject({ status: "done", decided_by: "model", label: "red" });
    expect(proxy.passed.filter(({ received }) => asksForCallback(received))).toEqual([]);
  });

  test("does not pause in the editor, where nobody could resume it", async () => {
    const proxy = await Proxy.open();
    const step = await Step.for("grey", { url: proxy.url });
    const { status, results } = await step.start({ isLoadingSample: true });
    expect(status).toBe("SUCCESS");
    expect(results).toMatchObject({ status: "needs_review" });
    expect(proxy.passed.filter(({ received }) => asksForCallback(received))).toEqual([]);
  });

  test("does not pause when it was not told to wait", async () => {
    const step = await Step.for("grey", { said: { wait_for_person: false } });
    const { status, results } = await step.start();
    expect(status).toBe("SUCCESS");
    expect(results).toMatchObject({ status: "needs_review" });
  });

  test("goes on although the person was quicker than its request to be called back", async () => {
    let asked: Item | undefined;
    const proxy = await Proxy.open(async (received) => {
      if (!asksForCallback(received)) return;
      const id = received.path.split("/").at(-2) as string;
      await personSays("green", { id });
      asked = { id };
    });
    const step = await Step.for("grey", { url: proxy.url });
    const { status } = await step.start();
    expect(asked).toEqual({ id: step.outcome?.results.id });
    expect(status).toBe("CALLBACK");
    expectThePersonsAnswer(await step.resumed(), step);
  });

  test("that Zapier runs again asks nobody twice, and both runs go on", async () => {
    const step = await Step.for("grey");
    const first = await step.start({}, "/callback/first");
    const second = await step.start({}, "/callback/second");
    expect([first.status, second.status]).toEqual(["CALLBACK", "CALLBACK"]);
    expect(second.results.id).toBe(first.results.id);
    await personSays("green", first.results);
    const callbacks = [
      await step.zapier.next("one calls back"),
      await step.zapier.next("the other calls back"),
    ];
    expect(callbacks.map(({ path }) => path).sort()).toEqual([
      "/callback/first",
      "/callback/second",
    ]);
    for (const callback of callbacks) expectThePersonsAnswer(await step.resume(callback), step);
  });
});

describe("a step that waits goes on although", () => {
  test("the service died and Redis was emptied meanwhile", async () => {
    const step = await Step.for("grey");
    const { results } = await step.start();
    await atDesk("restart", { crash: true, flush: true });
    await personSays("green", results);
    expectThePersonsAnswer(await step.resumed(), step);
  });

  test("Zapier had trouble when it was first called", async () => {
    let calls = 0;
    const zapier = (): { status: number } => ({ status: ++calls === 1 ? 500 : 200 });
    const step = await Step.for("grey", { zapier });
    const { results } = await step.start();
    await personSays("green", results);
    await step.zapier.next("the first call");
    expectThePersonsAnswer(await step.resumed(), step);
    expect(calls).toBe(2);
  });

  test("what calls back is a forger who says something else", async () => {
    const step = await Step.for("grey");
    const { results } = await step.start();
    await personSays("green", results);
    const callback = await step.zapier.next("the service calls back");
    const forged = JSON.stringify({
      type: "prediction.completed",
      data: { id: "pred_x", label: "red" },
    });
    expectThePersonsAnswer(await step.resume({ ...callback, body: Buffer.from(forged) }), step);
  });
});
