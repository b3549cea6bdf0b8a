import { defineTrigger } from "zapier-platform-core";

import { call, path } from "../api.js";
import { classifierFilter, labelFilter } from "../fields.js";
import { hookOperation } from "../hooks.js";
import { alertOutput, alertSample, showAlert } from "../outputs/alerts.js";
import type { Action, Alert, Prediction } from "../resources.js";

export const alertRaised = defineTrigger({
  key: "alert_raised",
  noun: "Alert",
  display: {
    label: "Alert Raised",
    description: "Triggers when a rule raises an alert about a picture.",
  },
  operation: {
    type: "hook",
    inputFields: [classifierFilter, labelFilter],
    ...hookOperation({
      eventType: "alert.raised",
      // A thin alert names its action only, and that names the prediction.
      async complete(z, bundle, part: Partial<Alert>) {
        const action = await call<Action>(z, bundle, path("actions", part.action_id ?? ""));
        const where = path("predictions", action.prediction_id);
        const said = action.detail.message;
        return {
          action_id: action.id,
          channel: part.channel ?? "",
          message: part.message ?? (typeof said === "string" ? said : ""),
          prediction: await call<Prediction>(z, bundle, where),
        };
      },
      show: showAlert,
    }),
    outputFields: alertOutput,
    sample: alertSample,
  },
});
