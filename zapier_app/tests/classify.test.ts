// Classify Picture: what arrives on the wire, waiting for a person, and replays.
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";

import { failure, method, results, run } from "./support/core.js";
import { prediction } from "./support/samples.js";
import type { Asked } from "./support/service.js";
import { Loopback, jsonOf, problem } from "./support/service.js";

const POST = "POST /api/v1/classifiers/clf_1/predictions";
const CALLBACKS = "POST /api/v1/predictions/pred_1/callbacks";
const classify = method.create("classify_picture");
const resume = method.create("classify_picture", "performResume");
const PICTURE = Buffer.from([0xff, 0xd8, 0xff, 0x00, 0x0d, 0x0a, 0x2d, 0x2d, 0xff, 0xd9]);

let service: Loopback;
beforeAll(async () => {
  service = await Loopback.start();
});
beforeEach(() => {
  service.clear();
  service.on(POST, { json: prediction() });
  service.on("GET /photo.jpg", { body: PICTURE, headers: { "Content-Type": "image/jpeg" } });
});
afterAll(() => service.stop());

const byUrl = (over: Record<string, unknown> = {}) => ({
  classifier_id: "clf_1",
  picture_url: "https://example.com/photo.jpg",
  ...over,
});
const byFile = (over: Record<string, unknown> = {}) => ({
  classifier_id: "clf_1",
  picture: `${service.url}/photo.jpg`,
  ...over,
});

/** The parts of a multipart body, byte for byte, read by the platform's own parser. */
async function formIn(asked: Asked | undefined) {
  const headers = { "Content-Type": asked?.headers["content-type"] ?? "" };
  const form = await new Response(new Uint8Array(asked?.body ?? []), { headers }).formData();
  const image = form.get("image") as File;
  const fields = [...form.entries()].filter(([key]) => key !== "image");
  return { image, fields: Object.fromEntries(fields) };
}

describe("what arrives", () => {
  it("is the file, whole, with its name, type and length", async () => {
    await run(service, classify, { inputData: byFile() });
    const [asked] = service.to(POST);
    const { image, fields } = await formIn(asked);
    expect(Buffer.from(await image.arrayBuffer())).toEqual(PICTURE);
    expect(image).toMatchObject({ name: "photo.jpg", type: "image/jpeg" });
    expect(fields).toEqual({ name: "photo.jpg" });
    // Without a length the body would be chunked, which servers refuse for forms.
    expect(asked?.headers["content-length"]).toBe(String(asked?.body.length));
    expect(asked?.headers["transfer-encoding"]).toBeUndefined();
  });

  it("is everything that was said beside the file", async () => {
    await run(service, classify, {
      inputData: byFile({
        name: "Überblick 写真.jpg",
        external_id: "order-7",
        metadata: { a: "1" },
      }),
    });
    const { fields } = await formIn(service.to(POST)[0]);
    expect(fields).toEqual({
      name: "Überblick 写真.jpg",
      external_id: "order-7",
      metadata: '{"a":"1"}',
    });
  });

  it("is the address, where there is no file", async () => {
    await run(service, classify, {
      inputData: byUrl({ external_id: "order-7", metadata: { a: "1" }, name: "" }),
    });
    expect(jsonOf(service.asked[0])).toEqual({
      image_url: "https://example.com/photo.jpg",
      external_id: "order-7",
      metadata: { a: "1" },
    });
    expect(service.asked[0]?.headers["content-type"]).toMatch(/^application\/json/);
  });

  it("asks to wait for less than Zapier's 30 seconds", async () => {
    await run(service, classify, { inputData: byUrl() });
    const wait = Number(service.asked[0]?.query.wait);
    expect(wait).toBeGreaterThanOrEqual(10);
    expect(wait).toBeLessThanOrEqual(20);
  });

  it("is never a callback_url: that is asked for only when a person has to answer", async () => {
    await run(service, classify, { inputData: byUrl({ wait_for_person: true }) });
    expect(JSON.stringify(jsonOf(service.asked[0]))).not.toContain("callback");
  });
});

describe("what comes out", () => {
  it("is the answer, for people", async () => {
    service.on(POST, {
      json: prediction({ actions: [], metadata: { a: "1" }, external_id: "order-7" }),
    });
    const shown = await results<Record<string, unknown>>(service, classify, {
      inputData: byUrl(),
    });
    expect(shown).toMatchObject({
      id: "pred_1",
      label: "left",
      confidence: 0.9712,
      confidence_percent: 97.1,
      status: "done",
      decided_by: "model",
      external_id: "order-7",
      metadata: { a: "1" },
      probabilities: { left: 0.9712, "upside down": 0.0288 },
    });
    expect(shown.picture).toMatch(/^hydrate\|\|\|/);
    expect(shown.picture).not.toContain("clbl_");
  });

  it("is no picture where that was deleted", async () => {
    service.on(POST, { json: prediction({ image_url: null }) });
    expect(await results(service, classify, { inputData: byUrl() })).toMatchObject({
      picture: null,
    });
  });

  it("is the end of the run when the picture cannot be read", async () => {
    const error = { code: "picture_unreadable", detail: "The picture cannot be decoded." };
    service.on(POST, { json: prediction({ status: "failed", label: null, error }) });
    expect(await failure(service, classify, { inputData: byUrl() })).toEqual({
      name: "HaltedError",
      message: "colabel could not classify this picture. The picture cannot be decoded.",
    });
  });
});

describe("waiting for a person", () => {
  const unsure = prediction({ status: "needs_review", label: null, review_id: "rev_1" });
  const waiting = { inputData: { ...byUrl(), wait_for_person: true } };

  beforeEach(() => {
    service.on(POST, { json: unsure });
    service.on(CALLBACKS, { status: 202, json: unsure });
  });

  it("pauses, and leaves Zapier's address with the prediction", async () => {
    const { status, results: shown } = await run(service, classify, waiting);
    expect(status).toBe("CALLBACK");
    expect(shown).toMatchObject({ id: "pred_1", status: "needs_review" });
    expect(jsonOf(service.to(CALLBACKS)[0])).toEqual({
      callback_url: "https://hooks.zapier.com/hooks/callback/1",
    });
  });

  it("pauses also while the model itself has not answered in time", async () => {
    service.on(POST, { status: 202, json: prediction({ status: "queued", label: null }) });
    expect((await run(service, classify, waiting)).status).toBe("CALLBACK");
  });

  it.each([true, "true", "yes", 1])("pauses when asked to by %j", async (wait_for_person) => {
    const inputData = byUrl({ wait_for_person });
    expect((await run(service, classify, { inputData })).status).toBe("CALLBACK");
  });

  it.each([false, "false", "no", 0, undefined, ""])(
    "does not pause when told %j",
    async (wait_for_person) => {
      const { status } = await run(service, classify, { inputData: byUrl({ wait_for_person }) });
      expect(status).not.toBe("CALLBACK");
      expect(service.to(CALLBACKS)).toEqual([]);
    },
  );

  it("does not pause when the model has decided", async () => {
    service.on(POST, { json: prediction() });
    expect((await run(service, classify, waiting)).status).not.toBe("CALLBACK");
    expect(service.to(CALLBACKS)).toEqual([]);
  });

  it("never pauses in the editor, where nothing would resume it", async () => {
    const bundle = { ...waiting, meta: { isLoadingSample: true } };
    const { status, results: shown } = await run(service, classify, bundle);
    expect(status).not.toBe("CALLBACK");
    expect(shown).toMatchObject({ status: "needs_review" });
    expect(service.to(CALLBACKS)).toEqual([]);
  });

  it("fails when the address could not be left", async () => {
    service.on(
      CALLBACKS,
      problem(503, "database_unavailable", "Try again.", { "Retry-After": "5" }),
    );
    expect(await failure(service, classify, waiting)).toMatchObject({
      name: "ThrottledError",
      delay: 5,
    });
  });
});

describe("going on", () => {
  const by = (outputData: object, content: object = {}) => ({
    outputData,
    cleanedRequest: content,
    inputData: {},
  });

  it("takes the answer from the service, and nothing from the call", async () => {
    const answered = prediction({ label: "right", decided_by: "person" });
    service.on("GET /api/v1/predictions/pred_1", { json: answered });
    const forged = { type: "prediction.completed", data: { id: "pred_2", label: "forged" } };
    expect(await results(service, resume, by({ id: "pred_1" }, forged))).toMatchObject({
      id: "pred_1",
      label: "right",
      decided_by: "person",
    });
    expect(service.asked.map((one) => one.path)).toEqual(["/api/v1/predictions/pred_1"]);
  });

  it.each(["queued", "needs_review"] as const)("does not go on while it is %s", async (status) => {
    service.on("GET /api/v1/predictions/pred_1", { json: prediction({ status }) });
    expect((await failure(service, resume, by({ id: "pred_1" }))).message).toMatch(/no answer yet/);
  });

  it("needs to know of which prediction", async () => {
    expect((await failure(service, resume, by({}))).message).toMatch(/lost which prediction/);
  });
});

describe("running again", () => {
  const keyOf = (index: number) => service.to(POST)[index]?.headers["idempotency-key"];
  const both = async (first: Record<string, unknown>, second: Record<string, unknown>) => {
    await run(service, classify, first);
    await run(service, classify, second);
    return [keyOf(0), keyOf(1)];
  };

  it.each([
    [
      "file",
      () => byFile({ metadata: { b: "2", a: "1" } }),
      () => byFile({ metadata: { a: "1", b: "2" } }),
    ],
    ["address", () => byUrl(), () => byUrl()],
  ])("sends the same key for the same %s", async (_, first, second) => {
    const [one, other] = await both({ inputData: first() }, { inputData: second() });
    expect(one).toMatch(/^zapier-[0-9a-f]{64}$/);
    expect(other).toBe(one);
  });

  it.each([
    ["classifier", { classifier_id: "clf_2" }],
    ["address", { picture_url: "https://example.com/other.jpg" }],
    ["external id", { external_id: "order-8" }],
    ["metadata", { metadata: { a: "2" } }],
    ["name", { name: "other.jpg" }],
  ])("sends another key for another %s", async (_, over) => {
    service.on("POST /api/v1/classifiers/clf_2/predictions", { json: prediction() });
    await run(service, classify, { inputData: byUrl() });
    await run(service, classify, { inputData: byUrl(over) });
    const keys = service.asked.map((one) => one.headers["idempotency-key"]);
    expect(new Set(keys).size).toBe(2);
  });

  it("sends another key when the same address holds another file by now", async () => {
    await run(service, classify, { inputData: byFile() });
    service.on("GET /photo.jpg", { body: "another picture" });
    await run(service, classify, { inputData: byFile() });
    expect(keyOf(1)).not.toBe(keyOf(0));
  });

  it("sends another key in another Zap, where Zapier tells which one it is", async () => {
    const [one, other] = await both(
      { inputData: byUrl(), meta: { zap: { id: "1" } } },
      { inputData: byUrl(), meta: { zap: { id: "2" } } },
    );
    expect(other).not.toBe(one);
  });

  it("lets Once Per decide alone", async () => {
    const [one, other] = await both(
      { inputData: byFile({ once_per: "msg-1" }) },
      { inputData: byUrl({ once_per: "msg-1 " }) },
    );
    expect(one).toMatch(/^zapier-once-/);
    expect(other).toBe(one);
    service.asked.length = 0;
    const [third, fourth] = await both(
      { inputData: byUrl({ once_per: "msg-1" }) },
      { inputData: byUrl({ once_per: "msg-2" }) },
    );
    expect(third).not.toBe(fourth);
  });

  it("sends no key for tests in the editor, each of which is meant", async () => {
    await run(service, classify, { inputData: byUrl(), meta: { isLoadingSample: true } });
    expect(keyOf(0)).toBeUndefined();
  });

  it("classifies anew when an address shows another picture than the time before", async () => {
    const reused = problem(422, "idempotency_key_reused", "The key was used for another picture.");
    service.on(POST, ({ headers }) =>
      headers["idempotency-key"] === undefined ? { json: prediction({ id: "pred_2" }) } : reused,
    );
    expect(await results(service, classify, { inputData: byUrl() })).toMatchObject({
      id: "pred_2",
    });
    expect(service.to(POST)).toHaveLength(2);
  });

  it("does not, when Once Per says that it is the same", async () => {
    service.on(POST, problem(422, "idempotency_key_reused", "Use a new key for a new picture."));
    const inputData = byUrl({ once_per: "msg-1" });
    expect(await failure(service, classify, { inputData })).toEqual({
      name: "HaltedError",
      message: "Use a new key for a new picture.",
    });
    expect(service.to(POST)).toHaveLength(1);
  });

  it("stops for any other reason that the service gives", async () => {
    service.on(POST, problem(422, "forbidden_address", "Use a public address."));
    expect(await failure(service, classify, { inputData: byUrl() })).toEqual({
      name: "HaltedError",
      message: "Use a public address.",
    });
    expect(service.to(POST)).toHaveLength(1);
  });
});
