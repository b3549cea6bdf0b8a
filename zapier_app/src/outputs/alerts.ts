// An alert with the prediction that it is about, as people see it in the Zap editor.
import type { OutputFields, PlainOutputField, ZObject } from "zapier-platform-core";

import type { Alert } from "../resources.js";
import {
  predictionFields,
  predictionSample,
  probabilityFields,
  showPrediction,
} from "./predictions.js";

/** The alert, and beside it the prediction that it is about. */
export function showAlert(z: ZObject, alert: Alert) {
  const { id: prediction_id, ...prediction } = showPrediction(z, alert.prediction);
  return {
    id: alert.action_id,
    channel: alert.channel,
    message: alert.message,
    prediction_id,
    ...prediction,
  };
}

const alertPrediction = predictionFields.map(({ primary: _, ...field }): PlainOutputField =>
  field.key === "id" ? { ...field, key: "prediction_id" } : field,
);

export const alertOutput: OutputFields = [
  { key: "id", label: "Alert ID", type: "string", primary: true },
  { key: "channel", label: "Channel", type: "string" },
  { key: "message", label: "Message", type: "string" },
  ...alertPrediction,
  probabilityFields,
];

const { id: samplePredictionId, ...samplePrediction } = predictionSample;

export const alertSample: ReturnType<typeof showAlert> = {
  id: "act_01jdf4b6c8d0e2f4",
  channel: "webhook",
  message: "scan-0001.jpg is an invoice.",
  prediction_id: samplePredictionId,
  ...samplePrediction,
};
