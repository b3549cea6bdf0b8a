// Add Labelled Picture, Answer Review, Undo Action, and the two searches.
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";

import { failure, method, results } from "./support/core.js";
import { action, classifier, page, prediction, review } from "./support/samples.js";
import { Loopback, jsonOf, problem } from "./support/service.js";

let service: Loopback;
beforeAll(async () => {
  service = await Loopback.start();
});
beforeEach(() => service.clear());
afterAll(() => service.stop());

describe("Add Labelled Picture", () => {
  const add = method.create("add_labelled_picture");
  const POST = "POST /api/v1/classifiers/clf_1/examples";
  const example = {
    id: "ex_1",
    classifier_id: "clf_1",
    label: "left",
    outcome: "relabelled",
    contradiction: { kind: "same", sentence: "This same picture was labelled “right” before." },
    name: "a.jpg",
    media_type: "image/jpeg",
    width: 10,
    height: 10,
    size: 99,
    sha256: "00",
    image_url: "https://colabel.example.com/x",
    labelled_at: "2026-11-24T09:00:00.000+00:00",
    created_at: "2026-11-24T09:00:00.000+00:00",
  };

  it("sends a file with its label", async () => {
    service.on(POST, { status: 201, json: example });
    service.on("GET /a.jpg", { body: "bytes", headers: { "Content-Type": "image/jpeg" } });
    const shown = await results(service, add, {
      inputData: { classifier_id: "clf_1", picture: `${service.url}/a.jpg`, label: "left" },
    });
    expect(shown).toMatchObject({
      id: "ex_1",
      outcome: "relabelled",
      contradiction: example.contradiction.sentence,
    });
    const [asked] = service.to(POST);
    const headers = { "Content-Type": asked?.headers["content-type"] ?? "" };
    const form = await new Response(new Uint8Array(asked?.body ?? []), { headers }).formData();
    expect(form.get("label")).toBe("left");
    expect(await (form.get("image") as File).text()).toBe("bytes");
  });

  it("sends an address with its label", async () => {
    service.on(POST, { status: 201, json: { ...example, contradiction: null } });
    const inputData = {
      classifier_id: "clf_1",
      picture_url: "https://example.com/a.jpg",
      label: "left",
    };
    expect(await results(service, add, { inputData })).toMatchObject({ contradiction: null });
    expect(jsonOf(service.asked[0])).toEqual({
      image_url: "https://example.com/a.jpg",
      label: "left",
    });
  });
});

describe("Answer Review", () => {
  const answer = method.create("answer_review");
  const POST = "POST /api/v1/reviews/rev_1/answer";
  const inputData = { review_id: "rev_1", label: "left" };
  const answered = review({ state: "answered", label: "left", answered_by: "Zapier" });
  const late = problem(409, "already_answered", "Somebody has answered this already.");

  it("answers", async () => {
    service.on(POST, { json: { ...answered, put_right: null, contradiction: null } });
    expect(await results(service, answer, { inputData })).toMatchObject({
      id: "rev_1",
      state: "answered",
      label: "left",
    });
    expect(jsonOf(service.asked[0])).toEqual({ label: "left" });
  });

  it("is content with its own answer of an earlier run", async () => {
    service.on(POST, late).on("GET /api/v1/reviews/rev_1", { json: answered });
    expect(await results(service, answer, { inputData })).toMatchObject({ label: "left" });
  });

  it("stops when somebody else has answered otherwise", async () => {
    const other = review({ state: "answered", label: "right" });
    service.on(POST, late).on("GET /api/v1/reviews/rev_1", { json: other });
    expect(await failure(service, answer, { inputData })).toEqual({
      name: "HaltedError",
      message: "Somebody has answered this already.",
    });
  });

  it("stops for a label that there is not", async () => {
    service.on(
      POST,
      problem(422, "unknown_label", "There is no label “lft”; there are left, right."),
    );
    expect((await failure(service, answer, { inputData })).name).toBe("HaltedError");
  });
});

describe("Undo Action", () => {
  const undo = method.create("undo_action");
  const POST = "POST /api/v1/actions/act_1/undo";
  const inputData = { action_id: "act_1" };

  it("undoes", async () => {
    service.on(POST, { json: action({ status: "undone" }) });
    expect(await results(service, undo, { inputData })).toMatchObject({
      id: "act_1",
      status: "undone",
    });
  });

  it("says so while the undoing is still on its way", async () => {
    service.on(POST, { status: 202, json: action({ undo_requested: true }) });
    expect(await results(service, undo, { inputData })).toMatchObject({
      status: "done",
      undo_requested: true,
    });
  });

  it("is content with what an earlier run has undone", async () => {
    service.on(POST, problem(409, "not_undoable", "This cannot be undone."));
    service.on("GET /api/v1/actions/act_1", { json: action({ status: "undone" }) });
    expect(await results(service, undo, { inputData })).toMatchObject({ status: "undone" });
  });

  it("stops when the file was changed since", async () => {
    const detail = "The file was changed since, so it stays as it is.";
    service.on(POST, problem(409, "file_changed", detail));
    service.on("GET /api/v1/actions/act_1", { json: action() });
    expect(await failure(service, undo, { inputData })).toEqual({
      name: "HaltedError",
      message: detail,
    });
  });
});

describe("Find Classifier", () => {
  it("finds by name, and does not tell the address that lets anybody hand pictures in", async () => {
    const secret = { ...classifier(), hook_url: "https://colabel.example.com/hooks/secret-token" };
    service.on("GET /api/v1/classifiers", page([secret]));
    const inputData = { name: " Pages " };
    const found = await results(service, method.search("find_classifier"), { inputData });
    expect(found).toMatchObject([
      { id: "clf_1", name: "Pages", labels: ["left", "right", "upside down"] },
    ]);
    expect(JSON.stringify(found)).not.toContain("secret-token");
    expect(service.asked[0]?.query).toEqual({ name: "Pages" });
  });

  it("finds nothing", async () => {
    service.on("GET /api/v1/classifiers", page([]));
    const inputData = { name: "None" };
    expect(await results(service, method.search("find_classifier"), { inputData })).toEqual([]);
  });
});

describe("Find Prediction", () => {
  const find = method.search("find_prediction");

  it("finds by an own id, the newest of several", async () => {
    service.on("GET /api/v1/predictions", page([prediction({ external_id: "order 7/a" })]));
    const inputData = { external_id: "order 7/a" };
    expect(await results(service, find, { inputData })).toMatchObject([{ id: "pred_1" }]);
    expect(service.asked[0]?.query).toEqual({ external_id: "order 7/a", limit: "1" });
  });

  it("finds by colabel's id, which goes before", async () => {
    service.on("GET /api/v1/predictions/pred_1", { json: prediction() });
    const inputData = { prediction_id: "pred_1", external_id: "order-7" };
    expect(await results(service, find, { inputData })).toMatchObject([{ id: "pred_1" }]);
  });

  it("finds nothing where there is nothing, so that a Zap may go on to classify", async () => {
    const inputData = { prediction_id: "pred_9" };
    expect(await results(service, find, { inputData })).toEqual([]);
  });

  it("needs something to search by", async () => {
    expect((await failure(service, find, { inputData: {} })).message).toMatch(
      /nothing to search by/,
    );
  });
});
