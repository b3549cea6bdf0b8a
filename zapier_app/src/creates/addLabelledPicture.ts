import { defineCreate, defineInputFields } from "zapier-platform-core";
import type { Bundle, InferInputData, ZObject } from "zapier-platform-core";

import { call, path } from "../api.js";
import { classifierField, pictureFields } from "../fields.js";
import { labelChoices } from "../labels.js";
import { exampleOutput, exampleSample, showExample } from "../outputs/examples.js";
import { formOf, readPicture } from "../picture.js";
import type { Example } from "../resources.js";

const inputFields = defineInputFields([
  { ...classifierField, helpText: "The classifier that learns from the picture." },
  ...pictureFields,
  {
    key: "label",
    label: "Label",
    type: "string",
    required: true,
    dependsOn: ["classifier_id"],
    choices: { perform: labelChoices },
    helpText: "What is right for this picture. A label that is new to the classifier is added.",
  },
]);

type InputBundle = Bundle<InferInputData<typeof inputFields>>;

/** The same picture again is no second example, so a replay needs no key. */
async function perform(z: ZObject, bundle: InputBundle) {
  const { classifier_id, label } = bundle.inputData;
  const picture = await readPicture(z, bundle.inputData);
  const where = path("classifiers", classifier_id, "examples");
  if (picture.kind === "url") {
    const name = picture.name === undefined ? {} : { name: picture.name };
    const body = { image_url: picture.address, label, ...name };
    return showExample(await call<Example>(z, bundle, where, { method: "POST", body }));
  }
  const form = formOf(picture, { label, name: picture.name });
  return showExample(await call<Example>(z, bundle, where, { method: "POST", ...form }));
}

export const addLabelledPicture = defineCreate({
  key: "add_labelled_picture",
  noun: "Labelled Picture",
  display: {
    label: "Add Labelled Picture",
    description: "Adds a picture with its right label, from which the classifier learns.",
  },
  operation: { inputFields, perform, outputFields: exampleOutput, sample: exampleSample },
});
