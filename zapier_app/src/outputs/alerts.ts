// An alert with what it tells of its picture, as people see it in the Zap editor.
import type { OutputFields, ZObject } from "zapier-platform-core";

import { hydratePicture } from "../hydrators.js";
import type { Alert } from "../resources.js";
import { percent, predictionFields, predictionSample } from "./predictions.js";

/** The alert, and what it tells of its picture; Find Prediction gives the rest by its id. */
export function showAlert(z: ZObject, { action_id, channel, message, prediction }: Alert) {
  return {
    id: action_id,
    channel,
    message,
    prediction_id: prediction.id,
    classifier_id: prediction.classifier_id,
    label: prediction.label,
    confidence: prediction.confidence,
    confidence_percent: percent(prediction.confidence),
    decided_by: prediction.decided_by,
    external_id: prediction.external_id,
    name: prediction.name,
    picture: prediction.image_url === null ? null : hydratePicture(z, prediction),
    metadata: prediction.metadata,
    url: prediction.url,
    created_at: prediction.created_at,
  };
}

export const alertSample: ReturnType<typeof showAlert> = {
  id: "act_01jdf4b6c8d0e2f4",
  channel: "webhook",
  message: "scan-0001.jpg is an invoice.",
  prediction_id: predictionSample.id,
  classifier_id: predictionSample.classifier_id,
  label: predictionSample.label,
  confidence: predictionSample.confidence,
  confidence_percent: predictionSample.confidence_percent,
  decided_by: predictionSample.decided_by,
  external_id: predictionSample.external_id,
  name: predictionSample.name,
  picture: predictionSample.picture,
  metadata: predictionSample.metadata,
  url: predictionSample.url,
  created_at: predictionSample.created_at,
};

const ofThePicture = predictionFields.filter(({ key }) => key !== "id" && key in alertSample);

export const alertOutput: OutputFields = [
  { key: "id", label: "ID", type: "string", primary: true },
  { key: "channel", label: "Channel", type: "string" },
  { key: "message", label: "Message", type: "string" },
  { key: "prediction_id", label: "Prediction ID", type: "string" },
  ...ofThePicture,
];
