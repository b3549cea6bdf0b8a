// The labels of a classifier, for dropdowns and for the names of output fields.
import type { Bundle, ZObject } from "zapier-platform-core";

import { call, path } from "./api.js";
import type { Classifier, Review } from "./resources.js";

interface Choices {
  results: { id: string; label: string }[];
  paging_token: string | null;
}

/** The names of a classifier's labels in their order; none while no classifier is chosen. */
export async function labelsOf(
  z: ZObject,
  bundle: Bundle,
  classifierId: string | undefined,
): Promise<string[]> {
  if (!classifierId) return [];
  const classifier = await call<Classifier>(z, bundle, path("classifiers", classifierId));
  return classifier.labels.map((label) => label.name);
}

/** Labels of the classifier that the step's `classifier_id` names. */
export async function labelChoices(
  z: ZObject,
  bundle: Bundle<{ classifier_id?: string }>,
): Promise<Choices> {
  return choicesOf(await labelsOf(z, bundle, bundle.inputData.classifier_id));
}

/** Labels that a review can be answered with, the likeliest first. */
export async function answerChoices(
  z: ZObject,
  bundle: Bundle<{ review_id?: string }>,
): Promise<Choices> {
  const { review_id: id } = bundle.inputData;
  if (!id) return choicesOf([]);
  const review = await call<Review>(z, bundle, path("reviews", id));
  const all = await labelsOf(z, bundle, review.classifier_id);
  // A label that the model does not know yet has no probability, but may well be the answer.
  return choicesOf([
    ...new Set([...review.suggestions.filter((one) => all.includes(one)), ...all]),
  ]);
}

function choicesOf(labels: string[]): Choices {
  return { results: labels.map((label) => ({ id: label, label })), paging_token: null };
}
