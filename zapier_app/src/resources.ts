// What the service sends, as docs/api.md describes it; only what is read here.

/** A list comes in pages. */
export interface Page<T> {
  items: T[];
  next_cursor: string | null;
}

/** What happened, in the shape of a webhook's body. */
export interface ServiceEvent<T = Record<string, unknown>> {
  type: string;
  timestamp: string;
  data: T;
}

export interface Me {
  workspace_id: string;
  workspace_name: string;
  key_name: string;
  scopes: string[];
}

export interface Fault {
  code: string;
  detail: string;
}

export interface Action {
  id: string;
  prediction_id: string;
  kind: string;
  status: string;
  undoable: boolean;
  undo_requested: boolean;
  detail: Record<string, unknown>;
  error: Fault | null;
  created_at: string;
  finished_at: string | null;
}

export interface Prediction {
  id: string;
  classifier_id: string;
  status: "queued" | "needs_review" | "done" | "failed";
  label: string | null;
  confidence: number | null;
  probabilities: Record<string, number> | null;
  decided_by: "model" | "person" | "policy" | null;
  model_version: number | null;
  corrected_label: string | null;
  review_id: string | null;
  external_id: string | null;
  name: string;
  metadata: Record<string, unknown>;
  actions: Action[];
  image_url: string | null;
  url: string;
  error: Fault | null;
  created_at: string;
  decided_at: string | null;
}

export interface Review {
  id: string;
  prediction_id: string;
  classifier_id: string;
  kind: "question" | "audit";
  state: "open" | "answered" | "settled";
  code: string;
  reason: string;
  suggestions: string[];
  probabilities: Record<string, number>;
  label: string | null;
  answered_by: string | null;
  name: string;
  image_url: string | null;
  url: string;
  created_at: string;
  answered_at: string | null;
}

export interface ModelVersion {
  number: number;
  classifier_id: string;
  kind: string;
  live: boolean;
  labels: string[];
  metrics: Record<string, unknown>;
  reason?: string;
  created_at: string;
}

/** What an alert tells of its picture: less than the prediction itself. */
export type AlertedPrediction = Pick<
  Prediction,
  | "id"
  | "classifier_id"
  | "label"
  | "confidence"
  | "decided_by"
  | "external_id"
  | "name"
  | "metadata"
  | "image_url"
  | "url"
  | "created_at"
>;

export interface Alert {
  action_id: string;
  channel: string;
  message: string;
  prediction: AlertedPrediction;
}

export interface Classifier {
  id: string;
  name: string;
  recipe: string;
  labels: { name: string; examples: number }[];
  unlabelled: number;
  live_version: number | null;
  accuracy: number | null;
  url: string;
  created_at: string;
}

export interface Example {
  id: string;
  classifier_id: string;
  label: string | null;
  name: string;
  media_type: string;
  width: number;
  height: number;
  size: number;
  labelled_at: string | null;
  created_at: string;
  outcome: string;
  contradiction: { sentence: string } | null;
}
