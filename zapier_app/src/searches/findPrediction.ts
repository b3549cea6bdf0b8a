import { defineInputFields, defineSearch } from "zapier-platform-core";
import type { Bundle, InferInputData, ZObject } from "zapier-platform-core";

import { listPage, path, respond } from "../api.js";
import { halted } from "../errors.js";
import { predictionFields, predictionSample, showPrediction } from "../outputs/predictions.js";
import type { Prediction } from "../resources.js";

/** The newest predictions, by the names of their pictures. */
async function recentPredictions(z: ZObject, bundle: Bundle) {
  const cursor = bundle.meta?.paging_token;
  const page = await listPage<Prediction>(z, bundle, "predictions", { cursor });
  const results = page.items.map(({ id, name, label, created_at }) => ({
    id,
    label: `${name || "Picture"}: ${label ?? "no answer yet"} (${created_at})`,
  }));
  return { results, paging_token: page.next_cursor };
}

const inputFields = defineInputFields([
  {
    key: "external_id",
    label: "External ID",
    type: "string",
    required: false,
    helpText: "Your own id that the picture was handed in with. Of several, the newest is found.",
  },
  {
    key: "prediction_id",
    label: "Prediction ID",
    type: "string",
    required: false,
    choices: { perform: recentPredictions },
    helpText:
      "The ID that colabel gave it. If this is filled in, the External ID is not looked at.",
  },
]);

async function perform(z: ZObject, bundle: Bundle<InferInputData<typeof inputFields>>) {
  const id = bundle.inputData.prediction_id?.trim();
  const external = bundle.inputData.external_id?.trim();
  if (id) {
    const found = await respond<Prediction>(z, bundle, path("predictions", id), {
      expects: [404],
    });
    return found.status === 404 ? [] : [showPrediction(z, found.data)];
  }
  if (!external) {
    throw halted(z, "There is nothing to search by: fill in External ID or Prediction ID.");
  }
  const page = await listPage<Prediction>(z, bundle, "predictions", {
    external_id: external,
    limit: 1,
  });
  return page.items.map((prediction) => showPrediction(z, prediction));
}

export const findPrediction = defineSearch({
  key: "find_prediction",
  noun: "Prediction",
  display: {
    label: "Find Prediction",
    description: "Finds what a picture was classified as, by your own id or by colabel's.",
  },
  operation: { inputFields, perform, outputFields: predictionFields, sample: predictionSample },
});
