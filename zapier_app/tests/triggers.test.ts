// REST hooks: subscribed, told, looked back upon, unsubscribed.
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";

import App from "../src/index.js";
import { failure, method, results } from "./support/core.js";
import { action, page, prediction, review, version } from "./support/samples.js";
import { Loopback, jsonOf, problem } from "./support/service.js";

let service: Loopback;
beforeAll(async () => {
  service = await Loopback.start();
});
beforeEach(() => service.clear());
afterAll(() => service.stop());

const target = "https://hooks.zapier.com/hooks/standard/1/abc/";
// What the service's alerts tell of their picture: see connector/domain/picture_facts.py.
const {
  status: _,
  probabilities: _probabilities,
  actions: _actions,
  review_id: _review,
  model_version: _version,
  corrected_label: _corrected,
  error: _error,
  decided_at: _decided,
  ...alerted
} = prediction();
const alert = {
  action_id: "act_1",
  channel: "webhook",
  message: "Broken!",
  prediction: { ...alerted, classifier_name: "pages", media_type: "image/jpeg", sha256: "00" },
};
const hooks = [
  ["picture_classified", "prediction.completed", prediction(), "pred_1"],
  ["review_needed", "review.requested", review(), "rev_1"],
  ["review_answered", "review.answered", review({ state: "answered", label: "left" }), "rev_1"],
  ["model_improved", "model.promoted", version(), "clf_1-v4"],
  ["alert_raised", "alert.raised", alert, "act_1"],
] as const;

const event = (type: string, data: object) => ({
  type,
  timestamp: "2026-11-24T09:00:00.000+00:00",
  data,
});

describe.each(hooks)("%s", (key, type, data, id) => {
  it("subscribes to its event and returns the subscription's id, but no secret", async () => {
    service.on("POST /api/v1/webhooks", { status: 201, json: { id: "wh_1", secret: "whsec_x" } });
    const made = await results(service, method.trigger(key, "performSubscribe"), {
      targetUrl: target,
      inputData: { classifier_id: "clf_1" },
    });
    expect(made).toEqual({ id: "wh_1" });
    expect(jsonOf(service.asked[0])).toEqual({
      url: target,
      event_types: [type],
      filters: { classifier_ids: ["clf_1"], ...always(key).filters },
    });
  });

  it("subscribes without filters when none is filled in", async () => {
    service.on("POST /api/v1/webhooks", { status: 201, json: { id: "wh_1" } });
    await results(service, method.trigger(key, "performSubscribe"), {
      targetUrl: target,
      inputData: { classifier_id: "", label: null },
    });
    expect(jsonOf(service.asked[0]).filters).toEqual(always(key).filters);
  });

  it("unsubscribes", async () => {
    service.on("DELETE /api/v1/webhooks/wh_1", { status: 204 });
    const bundle = { subscribeData: { id: "wh_1" } };
    await results(service, method.trigger(key, "performUnsubscribe"), bundle);
    expect(service.to("DELETE /api/v1/webhooks/wh_1")).toHaveLength(1);
  });

  it("shows what arrives exactly as it shows what it looks back upon", async () => {
    service.on("GET /api/v1/events", page([event(type, data)]));
    const [live] = await results<{ id: string }[]>(service, method.trigger(key), {
      cleanedRequest: event(type, data),
    });
    const [sample] = await results<{ id: string }[]>(service, method.trigger(key, "performList"));
    expect(live?.id).toBe(id);
    expect(Object.keys(sample ?? {})).toEqual(Object.keys(live ?? {}));
    expect(unsigned(sample)).toEqual(unsigned(live));
  });

  it("takes no more than three samples", async () => {
    service.on("GET /api/v1/events", page([]));
    const meta = { isLoadingSample: true };
    expect(await results(service, method.trigger(key, "performList"), { meta })).toEqual([]);
    expect(service.asked[0]?.query).toEqual({
      event_type: type,
      limit: "3",
      ...always(key).query,
    });
  });

  it("ignores a trial message and anything that is none of its own", async () => {
    for (const other of [event("webhook.test", {}), {}, event("something.else", data)]) {
      const bundle = { cleanedRequest: other };
      expect(await results(service, method.trigger(key), bundle)).toEqual([]);
    }
  });

  it("shows the same fields as its static sample", async () => {
    const [live] = await results<object[]>(service, method.trigger(key), {
      cleanedRequest: event(type, data),
    });
    const { sample } = App.triggers[key].operation;
    expect(Object.keys(live ?? {}).sort()).toEqual(Object.keys(sample ?? {}).sort());
  });
});

/** What a trigger asks for whatever is filled in: a picture that failed was not classified. */
function always(key: string): { filters: object; query: object } {
  if (key !== "picture_classified") return { filters: {}, query: {} };
  return { filters: { statuses: ["done"] }, query: { status: "done" } };
}

/** Without the signature of the pointer to a picture: two pointers to one picture may differ. */
function unsigned(item: unknown): unknown {
  return JSON.parse(JSON.stringify(item).replace(/hydrate\|\|\|.*?\|\|\|hydrate/g, "a picture"));
}

describe("subscribing", () => {
  it("passes on labels and confidences, percent as a share", async () => {
    service.on("POST /api/v1/webhooks", { status: 201, json: { id: "wh_1" } });
    await results(service, method.trigger("picture_classified", "performSubscribe"), {
      targetUrl: target,
      inputData: { classifier_id: "clf_1", label: "left", min_confidence: 0, max_confidence: 90 },
    });
    expect(jsonOf(service.asked[0]).filters).toEqual({
      classifier_ids: ["clf_1"],
      labels: ["left"],
      min_confidence: 0,
      max_confidence: 0.9,
      statuses: ["done"],
    });
  });

  it("asks for the same things when it looks back", async () => {
    service.on("GET /api/v1/events", page([]));
    await results(service, method.trigger("picture_classified", "performList"), {
      inputData: { classifier_id: "clf_1", label: "left", min_confidence: "95 %" },
      meta: { isLoadingSample: true },
    });
    expect(service.asked[0]?.query).toEqual({
      event_type: "prediction.completed",
      limit: "3",
      classifier_id: "clf_1",
      label: "left",
      min_confidence: "0.95",
      status: "done",
    });
  });

  it.each([
    [{ min_confidence: "much" }, /Minimum Confidence has to be/],
    [{ max_confidence: 101 }, /Maximum Confidence has to be/],
    [{ min_confidence: -0.1 }, /Minimum Confidence has to be/],
    [{ min_confidence: 0.9, max_confidence: 0.5 }, /no picture could ever match/],
  ])("refuses %j before it asks", async (inputData, sentence) => {
    const failed = await failure(
      service,
      method.trigger("picture_classified", "performSubscribe"),
      { targetUrl: target, inputData },
    );
    expect(failed.message).toMatch(sentence);
    expect(service.asked).toEqual([]);
  });

  it("fails when no id comes back, since it could never be ended", async () => {
    service.on("POST /api/v1/webhooks", { status: 201, json: {} });
    const failed = await failure(service, method.trigger("alert_raised", "performSubscribe"), {
      targetUrl: target,
    });
    expect(failed.message).toMatch(/without an id/);
  });

  it("names the scope that is missing", async () => {
    const detail = "The key 'Zapier' lacks the scope 'subscribe'.";
    service.on("POST /api/v1/webhooks", problem(403, "missing_scope", detail));
    const failed = await failure(service, method.trigger("alert_raised", "performSubscribe"), {
      targetUrl: target,
    });
    expect(failed).toMatchObject({ name: "AppError", message: detail, code: "missing_scope" });
  });
});

describe("unsubscribing", () => {
  const unsubscribe = method.trigger("picture_classified", "performUnsubscribe");

  it.each([404, 410])("takes %i as done", async (status) => {
    service.on("DELETE /api/v1/webhooks/wh_1", problem(status, "gone", "It is gone."));
    expect(await results(service, unsubscribe, { subscribeData: { id: "wh_1" } })).toEqual({
      id: "wh_1",
    });
  });

  it("takes a proxy's 404 as done, too", async () => {
    service.on("DELETE /api/v1/webhooks/wh_1", { status: 404, body: "<html>" });
    expect(await results(service, unsubscribe, { subscribeData: { id: "wh_1" } })).toEqual({
      id: "wh_1",
    });
  });

  it("does not take a service that is down as done", async () => {
    service.on("DELETE /api/v1/webhooks/wh_1", { status: 502, body: "<html>" });
    expect((await failure(service, unsubscribe, { subscribeData: { id: "wh_1" } })).name).toBe(
      "AppError",
    );
  });
});

describe("a thin body", () => {
  const told = (type: string, data: object) => ({
    cleanedRequest: event(type, { ...data, thin: true }),
  });

  it("of a prediction is completed from the service", async () => {
    service.on("GET /api/v1/predictions/pred_1", { json: prediction({ label: "right" }) });
    const [shown] = await results<{ label: string; probabilities: object }[]>(
      service,
      method.trigger("picture_classified"),
      // A forged body's link leads nowhere: only the id is used.
      told("prediction.completed", {
        id: "pred_1",
        url: "http://127.0.0.1:9/api/v1/predictions/x",
      }),
    );
    expect(shown?.label).toBe("right");
    expect(shown?.probabilities).toEqual(prediction().probabilities);
  });

  it("of a review is completed from the service", async () => {
    service.on("GET /api/v1/reviews/rev_1", { json: review() });
    const bundle = told("review.requested", { id: "rev_1" });
    const [shown] = await results<object[]>(service, method.trigger("review_needed"), bundle);
    expect(shown).toMatchObject({ likeliest_label: "left", second_label: "right" });
  });

  it("of a model is completed from the service, and keeps its reason", async () => {
    const { reason: _, ...whole } = version();
    service.on("GET /api/v1/classifiers/clf_1/versions/4", { json: whole });
    const bundle = told("model.promoted", {
      number: 4,
      classifier_id: "clf_1",
      reason: "It is better.",
    });
    const [shown] = await results<object[]>(service, method.trigger("model_improved"), bundle);
    expect(shown).toMatchObject({
      id: "clf_1-v4",
      reason: "It is better.",
      accuracy_percent: 98.5,
    });
  });

  it("of an alert is completed by way of its action", async () => {
    const detail = { message: "A long message" };
    service.on("GET /api/v1/actions/act_1", { json: action({ kind: "alert", detail }) });
    service.on("GET /api/v1/predictions/pred_1", { json: prediction() });
    const bundle = told("alert.raised", { action_id: "act_1", channel: "email" });
    const [shown] = await results<object[]>(service, method.trigger("alert_raised"), bundle);
    expect(shown).toMatchObject({
      id: "act_1",
      channel: "email",
      message: "A long message",
      prediction_id: "pred_1",
      label: "left",
    });
  });

  it("cannot lead out of the API by its id", async () => {
    const bundle = told("prediction.completed", { id: "../me?x=" });
    await failure(service, method.trigger("picture_classified"), bundle);
    expect(service.asked.map((one) => one.path)).toEqual(["/api/v1/predictions/..%2Fme%3Fx%3D"]);
  });
});
