import { defineInputFields, defineSearch } from "zapier-platform-core";
import type { Bundle, InferInputData, ZObject } from "zapier-platform-core";

import { listPage } from "../api.js";
import { classifierOutput, classifierSample, showClassifier } from "../outputs/classifiers.js";
import type { Classifier } from "../resources.js";

const inputFields = defineInputFields([
  {
    key: "name",
    label: "Name",
    type: "string",
    required: true,
    helpText: "The classifier's whole name. Capital and small letters are the same.",
  },
]);

async function perform(z: ZObject, bundle: Bundle<InferInputData<typeof inputFields>>) {
  const name = bundle.inputData.name.trim();
  const page = await listPage<Classifier>(z, bundle, "classifiers", { name });
  return page.items.map(showClassifier);
}

export const findClassifier = defineSearch({
  key: "find_classifier",
  noun: "Classifier",
  display: {
    label: "Find Classifier",
    description: "Finds a classifier by its name.",
  },
  operation: { inputFields, perform, outputFields: classifierOutput, sample: classifierSample },
});
