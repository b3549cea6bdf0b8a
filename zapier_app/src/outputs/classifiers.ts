// A classifier, as people see it in the Zap editor.
import type { OutputFields } from "zapier-platform-core";

import type { Classifier } from "../resources.js";
import { percent } from "./predictions.js";

/** A classifier without its hook address: who knows that may hand pictures in. */
export function showClassifier(classifier: Classifier) {
  return {
    id: classifier.id,
    name: classifier.name,
    recipe: classifier.recipe,
    labels: classifier.labels.map((label) => label.name),
    live_version: classifier.live_version,
    accuracy: classifier.accuracy,
    accuracy_percent: percent(classifier.accuracy),
    unlabelled: classifier.unlabelled,
    url: classifier.url,
    created_at: classifier.created_at,
  };
}

export const classifierOutput: OutputFields = [
  { key: "id", label: "ID", type: "string", primary: true },
  { key: "name", label: "Name", type: "string" },
  { key: "recipe", label: "Recipe", type: "string" },
  { key: "labels[]", label: "Labels", type: "string" },
  { key: "live_version", label: "Live Version", type: "integer" },
  { key: "accuracy", label: "Accuracy", type: "number" },
  { key: "accuracy_percent", label: "Accuracy Percent", type: "number" },
  { key: "unlabelled", label: "Pictures Without a Label", type: "integer" },
  { key: "url", label: "URL", type: "string" },
  { key: "created_at", label: "Created At", type: "datetime" },
];

export const classifierSample: ReturnType<typeof showClassifier> = {
  id: "clf_01jdf2a4r6t8v0y2",
  name: "Incoming Mail",
  recipe: "sort",
  labels: ["invoice", "letter"],
  live_version: 3,
  accuracy: 0.97,
  accuracy_percent: 97,
  unlabelled: 12,
  url: "https://colabel.example.com/api/v1/classifiers/clf_01jdf2a4r6t8v0y2",
  created_at: "2026-11-20T08:00:00.000+00:00",
};
