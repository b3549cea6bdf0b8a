// Resources as the service sends them.
import type { Action, Classifier, ModelVersion, Prediction, Review } from "../../src/resources.js";

const when = "2026-11-24T09:00:00.000+00:00";

export function prediction(over: Partial<Prediction> = {}): Prediction {
  return {
    id: "pred_1",
    classifier_id: "clf_1",
    status: "done",
    label: "left",
    confidence: 0.9712,
    probabilities: { left: 0.9712, "upside down": 0.0288 },
    decided_by: "model",
    model_version: 3,
    corrected_label: null,
    review_id: null,
    external_id: null,
    name: "photo.jpg",
    metadata: {},
    actions: [],
    image_url: "https://colabel.example.com/api/v1/predictions/pred_1/image",
    url: "https://colabel.example.com/api/v1/predictions/pred_1",
    error: null,
    created_at: when,
    decided_at: when,
    ...over,
  };
}

export function review(over: Partial<Review> = {}): Review {
  return {
    id: "rev_1",
    prediction_id: "pred_1",
    classifier_id: "clf_1",
    kind: "question",
    state: "open",
    code: "unsure",
    reason: "The model is 54 % sure.",
    suggestions: ["left", "right"],
    probabilities: { left: 0.54, right: 0.46 },
    label: null,
    answered_by: null,
    name: "photo.jpg",
    image_url: "https://colabel.example.com/api/v1/predictions/pred_1/image",
    url: "https://colabel.example.com/api/v1/reviews/rev_1",
    created_at: when,
    answered_at: null,
    ...over,
  };
}

export function action(over: Partial<Action> = {}): Action {
  return {
    id: "act_1",
    prediction_id: "pred_1",
    kind: "move",
    status: "done",
    undoable: true,
    undo_requested: false,
    detail: {},
    error: null,
    created_at: when,
    finished_at: when,
    ...over,
  };
}

export function classifier(over: Partial<Classifier> = {}): Classifier {
  return {
    id: "clf_1",
    name: "Pages",
    recipe: "sort",
    labels: [
      { name: "left", examples: 10 },
      { name: "right", examples: 10 },
      { name: "upside down", examples: 0 },
    ],
    unlabelled: 0,
    live_version: 3,
    accuracy: 0.98,
    url: "https://colabel.example.com/api/v1/classifiers/clf_1",
    created_at: when,
    ...over,
  };
}

export function version(over: Partial<ModelVersion> = {}): ModelVersion {
  return {
    number: 4,
    classifier_id: "clf_1",
    kind: "head",
    live: true,
    labels: ["left", "right"],
    metrics: { accuracy: 0.985 },
    reason: "It is better.",
    created_at: when,
    ...over,
  };
}

export const page = <T>(items: T[], next_cursor: string | null = null) => ({
  json: { items, next_cursor },
});
