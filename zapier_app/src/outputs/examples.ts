// A labelled picture, as people see it in the Zap editor.
import type { OutputFields } from "zapier-platform-core";

import type { Example } from "../resources.js";

/** A labelled picture, and what adding it came to. */
export function showExample(example: Example) {
  return {
    id: example.id,
    classifier_id: example.classifier_id,
    label: example.label,
    outcome: example.outcome,
    contradiction: example.contradiction?.sentence ?? null,
    name: example.name,
    media_type: example.media_type,
    width: example.width,
    height: example.height,
    size: example.size,
    labelled_at: example.labelled_at,
    created_at: example.created_at,
  };
}

export const exampleOutput: OutputFields = [
  { key: "id", label: "ID", type: "string", primary: true },
  { key: "classifier_id", label: "Classifier ID", type: "string" },
  { key: "label", label: "Label", type: "string" },
  { key: "outcome", label: "Outcome", type: "string" },
  { key: "contradiction", label: "Contradiction", type: "string" },
  { key: "name", label: "Name", type: "string" },
  { key: "media_type", label: "Media Type", type: "string" },
  { key: "width", label: "Width in Pixels", type: "integer" },
  { key: "height", label: "Height in Pixels", type: "integer" },
  { key: "size", label: "Size in Bytes", type: "integer" },
  { key: "labelled_at", label: "Labelled At", type: "datetime" },
  { key: "created_at", label: "Created At", type: "datetime" },
];

export const exampleSample: ReturnType<typeof showExample> = {
  id: "ex_01jdf5p7q9r1s3t5",
  classifier_id: "clf_01jdf2a4r6t8v0y2",
  label: "invoice",
  outcome: "added",
  contradiction: null,
  name: "scan-0001.jpg",
  media_type: "image/jpeg",
  width: 1654,
  height: 2339,
  size: 482113,
  labelled_at: "2026-11-24T09:00:00.000+00:00",
  created_at: "2026-11-24T09:00:00.000+00:00",
};
