// What a trigger is to be told of, in the two forms that the service takes it.
import type { ZObject } from "zapier-platform-core";

import { failed } from "./errors.js";

/** The input fields of triggers that filter; each trigger has some of them. */
export interface FilterInput {
  classifier_id?: string;
  label?: string;
  min_confidence?: number | string;
  max_confidence?: number | string;
}

/** For a subscription: nothing but what was filled in, since not every event takes every filter. */
export function subscriptionFilters(z: ZObject, input: FilterInput) {
  const { classifier_id, label, ...between } = eventParams(z, input);
  return {
    ...(classifier_id === undefined ? {} : { classifier_ids: [classifier_id] }),
    ...(label === undefined ? {} : { labels: [label] }),
    ...between,
  };
}

/** For the list of past events. */
export function eventParams(z: ZObject, input: FilterInput): Record<string, string | number> {
  const low = confidence(z, input.min_confidence, "Minimum Confidence");
  const high = confidence(z, input.max_confidence, "Maximum Confidence");
  if (low !== undefined && high !== undefined && low > high) {
    throw failed(
      z,
      "Minimum Confidence is above Maximum Confidence, so no picture could ever match. Swap them.",
      "bad_filter",
    );
  }
  const wanted = {
    classifier_id: input.classifier_id || undefined,
    label: input.label || undefined,
    min_confidence: low,
    max_confidence: high,
  };
  return Object.fromEntries(
    Object.entries(wanted).filter(
      (entry): entry is [string, string | number] => entry[1] !== undefined,
    ),
  );
}

/** A confidence from 0 to 1. People also write percent: above 1 it can be nothing else. */
function confidence(
  z: ZObject,
  value: number | string | undefined,
  field: string,
): number | undefined {
  if (value === undefined || value === null || value === "") return undefined;
  const number = Number(String(value).replace(/\s*%$/, "").replace(",", "."));
  const share = number > 1 ? number / 100 : number;
  if (Number.isNaN(share) || share < 0 || share > 1) {
    throw failed(
      z,
      `${field} has to be between 0 and 1, or between 0 and 100 for percent.`,
      "bad_filter",
    );
  }
  return share;
}
