// A prediction as people see it in the Zap editor.
import type { Bundle, OutputFields, PlainOutputField, ZObject } from "zapier-platform-core";

import { hydratePicture } from "../hydrators.js";
import { labelsOf } from "../labels.js";
import type { Prediction } from "../resources.js";

/** The output of every step that is about a prediction. */
export function showPrediction(z: ZObject, prediction: Prediction) {
  return {
    id: prediction.id,
    classifier_id: prediction.classifier_id,
    status: prediction.status,
    label: prediction.label,
    confidence: prediction.confidence,
    confidence_percent: percent(prediction.confidence),
    decided_by: prediction.decided_by,
    model_version: prediction.model_version,
    corrected_label: prediction.corrected_label,
    review_id: prediction.review_id,
    external_id: prediction.external_id,
    name: prediction.name,
    picture: prediction.image_url === null ? null : hydratePicture(z, prediction),
    metadata: prediction.metadata,
    probabilities: prediction.probabilities ?? {},
    actions: (prediction.actions ?? []).map(({ id, kind, status, undoable }) => ({
      id,
      kind,
      status,
      undoable,
    })),
    error: prediction.error?.detail ?? null,
    url: prediction.url,
    created_at: prediction.created_at,
    decided_at: prediction.decided_at,
  };
}

export type PredictionOutput = ReturnType<typeof showPrediction>;

/** A share as a percentage with one digit after the point; null stays null. */
export function percent(share: number | null): number | null {
  return share === null ? null : Math.round(share * 1000) / 10;
}

/** What is known of the output before anything ran. `primary` marks the id. */
export const predictionFields: PlainOutputField[] = [
  { key: "id", label: "ID", type: "string", primary: true },
  { key: "classifier_id", label: "Classifier ID", type: "string" },
  { key: "status", label: "Status", type: "string" },
  { key: "label", label: "Label", type: "string" },
  { key: "confidence", label: "Confidence", type: "number" },
  { key: "confidence_percent", label: "Confidence Percent", type: "number" },
  { key: "decided_by", label: "Decided By", type: "string" },
  { key: "model_version", label: "Model Version", type: "integer" },
  { key: "corrected_label", label: "Corrected Label", type: "string" },
  { key: "review_id", label: "Review ID", type: "string" },
  { key: "external_id", label: "External ID", type: "string" },
  { key: "name", label: "Name", type: "string" },
  { key: "picture", label: "Picture", type: "file" },
  { key: "actions[]id", label: "Action ID", type: "string" },
  { key: "actions[]kind", label: "Action Kind", type: "string" },
  { key: "actions[]status", label: "Action Status", type: "string" },
  { key: "actions[]undoable", label: "Action Undoable", type: "boolean" },
  { key: "error", label: "Error", type: "string" },
  { key: "url", label: "URL", type: "string" },
  { key: "created_at", label: "Created At", type: "datetime" },
  { key: "decided_at", label: "Decided At", type: "datetime" },
];

/** One field per label of the classifier that was chosen, so that each probability has a name. */
export async function probabilityFields(
  z: ZObject,
  bundle: Bundle<{ classifier_id?: string }>,
): Promise<PlainOutputField[]> {
  const labels = await labelsOf(z, bundle, bundle.inputData.classifier_id);
  return labels.map((label) => ({
    key: `probabilities__${label}`,
    label: `Probability of ${label}`,
    type: "number",
  }));
}

export const predictionOutput: OutputFields = [...predictionFields, probabilityFields];

export const predictionSample: PredictionOutput = {
  id: "pred_01jdf3k8w5m2q9x7",
  classifier_id: "clf_01jdf2a4r6t8v0y2",
  status: "done",
  label: "invoice",
  confidence: 0.97,
  confidence_percent: 97,
  decided_by: "model",
  model_version: 3,
  corrected_label: null,
  review_id: null,
  external_id: "order-7",
  name: "scan-0001.jpg",
  picture: "https://example.com/scan-0001.jpg",
  metadata: { camera: "front" },
  probabilities: { invoice: 0.97, letter: 0.03 },
  actions: [{ id: "act_01jdf4b6c8d0e2f4", kind: "move", status: "done", undoable: true }],
  error: null,
  url: "https://colabel.example.com/api/v1/predictions/pred_01jdf3k8w5m2q9x7",
  created_at: "2026-11-24T09:00:00.000+00:00",
  decided_at: "2026-11-24T09:00:00.120+00:00",
};
