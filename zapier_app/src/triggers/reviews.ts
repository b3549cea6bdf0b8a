import { defineTrigger } from "zapier-platform-core";
import type { Bundle, ZObject } from "zapier-platform-core";

import { call, path } from "../api.js";
import { classifierFilter, labelFilter } from "../fields.js";
import { hookOperation } from "../hooks.js";
import {
  answeredReviewSample,
  openReviewSample,
  reviewOutput,
  showReview,
} from "../outputs/reviews.js";
import type { Review } from "../resources.js";

const complete = (z: ZObject, bundle: Bundle, { id }: Partial<Review>) =>
  call<Review>(z, bundle, path("reviews", id ?? ""));

export const reviewNeeded = defineTrigger({
  key: "review_needed",
  noun: "Review",
  display: {
    label: "Review Needed",
    description: "Triggers when a person is asked about a picture.",
  },
  operation: {
    type: "hook",
    inputFields: [classifierFilter],
    ...hookOperation({ eventType: "review.requested", complete, show: showReview }),
    outputFields: reviewOutput,
    sample: openReviewSample,
  },
});

export const reviewAnswered = defineTrigger({
  key: "review_answered",
  noun: "Review",
  display: {
    label: "Review Answered",
    description: "Triggers when a person has answered a question about a picture.",
  },
  operation: {
    type: "hook",
    inputFields: [classifierFilter, labelFilter],
    ...hookOperation({ eventType: "review.answered", complete, show: showReview }),
    outputFields: reviewOutput,
    sample: answeredReviewSample,
  },
});
