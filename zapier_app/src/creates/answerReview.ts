import { defineCreate, defineInputFields } from "zapier-platform-core";
import type { Bundle, InferInputData, ZObject } from "zapier-platform-core";

import { call, path, respond } from "../api.js";
import { halted } from "../errors.js";
import { answerChoices } from "../labels.js";
import { answeredReviewOutput, answeredReviewSample, showReview } from "../outputs/reviews.js";
import { readProblem } from "../problems.js";
import type { Review } from "../resources.js";

const inputFields = defineInputFields([
  {
    key: "review_id",
    label: "Review",
    type: "string",
    required: true,
    dynamic: "open_review_list.id.name",
    helpText: "The question to answer, such as the Review ID of a Review Needed trigger.",
  },
  {
    key: "label",
    label: "Label",
    type: "string",
    required: true,
    dependsOn: ["review_id"],
    choices: { perform: answerChoices },
    helpText: "What is right for the picture. It must be one of the classifier's labels.",
  },
]);

type InputBundle = Bundle<InferInputData<typeof inputFields>>;

async function perform(z: ZObject, bundle: InputBundle) {
  const { review_id, label } = bundle.inputData;
  const answered = await respond<Review>(z, bundle, path("reviews", review_id, "answer"), {
    method: "POST",
    body: { label },
    expects: [409],
  });
  if (answered.status !== 409) return showReview(z, answered.data);
  // A replay finds its own answer. The same answer by somebody else is just as well.
  const review = await call<Review>(z, bundle, path("reviews", review_id));
  if (review.state === "answered" && review.label === label) return showReview(z, review);
  throw halted(
    z,
    readProblem(answered.content).detail ?? "Somebody else has answered this review otherwise.",
  );
}

export const answerReview = defineCreate({
  key: "answer_review",
  noun: "Review",
  display: {
    label: "Answer Review",
    description: "Answers a question about a picture with the label that is right.",
  },
  operation: {
    inputFields,
    perform,
    outputFields: answeredReviewOutput,
    sample: answeredReviewSample,
  },
});
