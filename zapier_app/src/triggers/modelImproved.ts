import { defineTrigger } from "zapier-platform-core";

import { call, path } from "../api.js";
import { classifierFilter } from "../fields.js";
import { hookOperation } from "../hooks.js";
import { showVersion, versionOutput, versionSample } from "../outputs/versions.js";
import type { ModelVersion } from "../resources.js";

export const modelImproved = defineTrigger({
  key: "model_improved",
  noun: "Model Version",
  display: {
    label: "Model Improved",
    description: "Triggers when a better model goes live for a classifier.",
  },
  operation: {
    type: "hook",
    inputFields: [classifierFilter],
    ...hookOperation({
      eventType: "model.promoted",
      async complete(z, bundle, part: Partial<ModelVersion>) {
        const { classifier_id = "", number = "", reason } = part;
        const where = path("classifiers", classifier_id, "versions", number);
        return { ...(await call<ModelVersion>(z, bundle, where)), reason };
      },
      show: (_, version) => showVersion(version),
    }),
    outputFields: versionOutput,
    sample: versionSample,
  },
});
