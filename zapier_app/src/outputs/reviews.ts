// A question to a person, as people see it in the Zap editor.
import type { OutputFields, PlainOutputField, ZObject } from "zapier-platform-core";

import { hydratePicture } from "../hydrators.js";
import type { Review } from "../resources.js";
import { probabilityFields } from "./predictions.js";

/** The output of every step that is about a review. */
export function showReview(z: ZObject, review: Review) {
  const [first, second] = review.suggestions;
  const about = { id: review.prediction_id, name: review.name };
  return {
    id: review.id,
    prediction_id: review.prediction_id,
    classifier_id: review.classifier_id,
    kind: review.kind,
    state: review.state,
    code: review.code,
    reason: review.reason,
    likeliest_label: first ?? null,
    second_label: second ?? null,
    suggestions: review.suggestions,
    probabilities: review.probabilities,
    label: review.label,
    answered_by: review.answered_by,
    name: review.name,
    picture: review.image_url === null ? null : hydratePicture(z, about),
    url: review.url,
    created_at: review.created_at,
    answered_at: review.answered_at,
  };
}

export type ReviewOutput = ReturnType<typeof showReview>;

const reviewFields: PlainOutputField[] = [
  { key: "id", label: "ID", type: "string", primary: true },
  { key: "prediction_id", label: "Prediction ID", type: "string" },
  { key: "classifier_id", label: "Classifier ID", type: "string" },
  { key: "kind", label: "Kind", type: "string" },
  { key: "state", label: "State", type: "string" },
  { key: "code", label: "Reason Code", type: "string" },
  { key: "reason", label: "Reason", type: "string" },
  { key: "likeliest_label", label: "Likeliest Label", type: "string" },
  { key: "second_label", label: "Second Likeliest Label", type: "string" },
  { key: "suggestions[]", label: "Suggestions", type: "string" },
  { key: "label", label: "Label", type: "string" },
  { key: "answered_by", label: "Answered By", type: "string" },
  { key: "name", label: "Name", type: "string" },
  { key: "picture", label: "Picture", type: "file" },
  { key: "url", label: "URL", type: "string" },
  { key: "created_at", label: "Created At", type: "datetime" },
  { key: "answered_at", label: "Answered At", type: "datetime" },
];

export const reviewOutput: OutputFields = [...reviewFields, probabilityFields];

/** For steps whose input names no classifier, so that there are no labels to ask for. */
export const answeredReviewOutput: OutputFields = reviewFields;

export const openReviewSample: ReviewOutput = {
  id: "rev_01jdf6h8j0k2m4n6",
  prediction_id: "pred_01jdf3k8w5m2q9x7",
  classifier_id: "clf_01jdf2a4r6t8v0y2",
  kind: "question",
  state: "open",
  code: "unsure",
  reason: "The model is 54 % sure of “invoice”, and 80 % are needed.",
  likeliest_label: "invoice",
  second_label: "letter",
  suggestions: ["invoice", "letter"],
  probabilities: { invoice: 0.54, letter: 0.46 },
  label: null,
  answered_by: null,
  name: "scan-0001.jpg",
  picture: "https://example.com/scan-0001.jpg",
  url: "https://colabel.example.com/api/v1/reviews/rev_01jdf6h8j0k2m4n6",
  created_at: "2026-11-24T09:00:00.120+00:00",
  answered_at: null,
};

export const answeredReviewSample: ReviewOutput = {
  ...openReviewSample,
  state: "answered",
  label: "letter",
  answered_by: "Alice",
  answered_at: "2026-11-24T09:03:10.000+00:00",
};
