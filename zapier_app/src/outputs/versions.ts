// A model version, as people see it in the Zap editor.
import type { OutputFields } from "zapier-platform-core";

import type { ModelVersion } from "../resources.js";
import { percent } from "./predictions.js";

/** A version has no id of its own over the wire: its number counts within its classifier. */
export function showVersion(version: ModelVersion) {
  const accuracy = version.metrics?.accuracy;
  return {
    id: `${version.classifier_id}-v${version.number}`,
    classifier_id: version.classifier_id,
    number: version.number,
    kind: version.kind,
    live: version.live,
    labels: version.labels ?? [],
    accuracy: typeof accuracy === "number" ? accuracy : null,
    accuracy_percent: typeof accuracy === "number" ? percent(accuracy) : null,
    reason: version.reason ?? null,
    created_at: version.created_at,
  };
}

export const versionOutput: OutputFields = [
  { key: "id", label: "ID", type: "string", primary: true },
  { key: "classifier_id", label: "Classifier ID", type: "string" },
  { key: "number", label: "Version Number", type: "integer" },
  { key: "kind", label: "Kind", type: "string" },
  { key: "live", label: "Live", type: "boolean" },
  { key: "labels[]", label: "Labels", type: "string" },
  { key: "accuracy", label: "Accuracy", type: "number" },
  { key: "accuracy_percent", label: "Accuracy Percent", type: "number" },
  { key: "reason", label: "Reason", type: "string" },
  { key: "created_at", label: "Created At", type: "datetime" },
];

export const versionSample: ReturnType<typeof showVersion> = {
  id: "clf_01jdf2a4r6t8v0y2-v4",
  classifier_id: "clf_01jdf2a4r6t8v0y2",
  number: 4,
  kind: "head",
  live: true,
  labels: ["invoice", "letter"],
  accuracy: 0.982,
  accuracy_percent: 98.2,
  reason: "It is right about 3 more of 100 held-out pictures than version 3.",
  created_at: "2026-11-24T10:30:00.000+00:00",
};
