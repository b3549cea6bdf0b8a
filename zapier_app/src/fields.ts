// Input fields that several steps share.
import { defineInputField } from "zapier-platform-core";
import type { PlainInputField } from "zapier-platform-core";

import { labelChoices } from "./labels.js";

const classifier = {
  key: "classifier_id",
  label: "Classifier",
  type: "string",
  dynamic: "classifier_list.id.name",
} as const;

/** Which classifier is to do it. Its labels become output fields. */
export const classifierField = defineInputField({
  ...classifier,
  search: "find_classifier.id",
  required: true,
  altersDynamicFields: true,
  helpText: "The classifier that the picture is for.",
});

/** Which classifier a trigger listens to; all of them when it is left out. */
export const classifierFilter = defineInputField({
  ...classifier,
  required: false,
  altersDynamicFields: true,
  helpText: "Only what this classifier does. Leave it empty for all classifiers.",
});

/** Which label a trigger listens to. */
export const labelFilter = defineInputField({
  key: "label",
  label: "Label",
  type: "string",
  required: false,
  dependsOn: ["classifier_id"],
  choices: { perform: labelChoices },
  helpText: "Only pictures with this label. Leave it empty for all labels.",
});

/** Which of the pictures a trigger listens to by how sure the model was. */
export const confidenceFilters = [
  {
    key: "min_confidence",
    label: "Minimum Confidence",
    type: "number",
    required: false,
    helpText: "Only pictures that the model was at least this sure of: `0.9`, or `90` for percent.",
  },
  {
    key: "max_confidence",
    label: "Maximum Confidence",
    type: "number",
    required: false,
    helpText: "Only pictures that the model was at most this sure of: `0.9`, or `90` for percent.",
  },
] as const satisfies PlainInputField[];

/** The picture, as a file of an earlier step or as an address. */
export const pictureFields = [
  {
    key: "picture",
    label: "Picture",
    type: "file",
    required: false,
    helpText:
      "The file of an earlier step. JPEG, PNG, WebP, GIF, BMP, TIFF, HEIC and AVIF are read. Leave it empty to give a Picture URL instead.",
  },
  {
    key: "picture_url",
    label: "Picture URL",
    type: "string",
    required: false,
    helpText:
      "A public address, in place of Picture. colabel fetches it itself, so it must be reachable without signing in.",
  },
  {
    key: "name",
    label: "Name",
    type: "string",
    required: false,
    helpText: "The picture's file name in colabel. If left empty, the one that it comes with.",
  },
] as const satisfies PlainInputField[];

/** Whether a yes-or-no field says yes; Zapier hands over booleans, numbers and words. */
export function saysYes(value: unknown): boolean {
  return value === true || /^(true|yes|y|1|on)$/i.test(String(value ?? "").trim());
}
