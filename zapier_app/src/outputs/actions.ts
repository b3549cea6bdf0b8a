// An action of a rule, as people see it in the Zap editor.
import type { OutputFields } from "zapier-platform-core";

import type { Action } from "../resources.js";

/** What a rule did with a picture. */
export function showAction(action: Action) {
  return {
    id: action.id,
    prediction_id: action.prediction_id,
    kind: action.kind,
    status: action.status,
    undo_requested: action.undo_requested,
    error: action.error?.detail ?? null,
    created_at: action.created_at,
    finished_at: action.finished_at,
  };
}

export const actionOutput: OutputFields = [
  { key: "id", label: "ID", type: "string", primary: true },
  { key: "prediction_id", label: "Prediction ID", type: "string" },
  { key: "kind", label: "Kind", type: "string" },
  { key: "status", label: "Status", type: "string" },
  { key: "undo_requested", label: "Undo Requested", type: "boolean" },
  { key: "error", label: "Error", type: "string" },
  { key: "created_at", label: "Created At", type: "datetime" },
  { key: "finished_at", label: "Finished At", type: "datetime" },
];

export const actionSample: ReturnType<typeof showAction> = {
  id: "act_01jdf4b6c8d0e2f4",
  prediction_id: "pred_01jdf3k8w5m2q9x7",
  kind: "move",
  status: "undone",
  undo_requested: true,
  error: null,
  created_at: "2026-11-24T09:00:00.120+00:00",
  finished_at: "2026-11-24T09:05:00.000+00:00",
};
