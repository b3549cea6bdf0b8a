import { defineTrigger } from "zapier-platform-core";

import { call, path } from "../api.js";
import { classifierFilter, confidenceFilters, labelFilter } from "../fields.js";
import { hookOperation } from "../hooks.js";
import { predictionOutput, predictionSample, showPrediction } from "../outputs/predictions.js";
import type { Prediction } from "../resources.js";

export const pictureClassified = defineTrigger({
  key: "picture_classified",
  noun: "Picture",
  display: {
    label: "Picture Classified",
    description: "Triggers when a picture has its answer, by the model or by a person.",
  },
  operation: {
    type: "hook",
    inputFields: [classifierFilter, labelFilter, ...confidenceFilters],
    ...hookOperation({
      eventType: "prediction.completed",
      // The event tells of pictures that could not be read, too; those were not classified.
      status: "done",
      complete: (z, bundle, { id }: Partial<Prediction>) =>
        call<Prediction>(z, bundle, path("predictions", id ?? "")),
      show: showPrediction,
    }),
    outputFields: predictionOutput,
    sample: predictionSample,
  },
});
