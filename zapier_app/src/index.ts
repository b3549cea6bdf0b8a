import zapier, { defineApp } from "zapier-platform-core";

import packageJson from "../package.json" with { type: "json" };

import { authentication } from "./authentication.js";
import { addLabelledPicture } from "./creates/addLabelledPicture.js";
import { answerReview } from "./creates/answerReview.js";
import { classifyPicture } from "./creates/classifyPicture.js";
import { undoAction } from "./creates/undoAction.js";
import { hydrators } from "./hydrators.js";
import { addKey, explainRefusal } from "./middleware.js";
import { findClassifier } from "./searches/findClassifier.js";
import { findPrediction } from "./searches/findPrediction.js";
import { alertRaised } from "./triggers/alertRaised.js";
import { classifierList, openReviewList } from "./triggers/dropdowns.js";
import { modelImproved } from "./triggers/modelImproved.js";
import { pictureClassified } from "./triggers/pictureClassified.js";
import { reviewAnswered, reviewNeeded } from "./triggers/reviews.js";

const App = defineApp({
  version: packageJson.version,
  platformVersion: zapier.version,
  authentication,
  beforeRequest: [addKey],
  afterResponse: [explainRefusal],
  hydrators,
  flags: {
    // Otherwise core throws its own words for a 429 before the service's sentence is read.
    throwForThrottlingEarly: false,
    cleanInputData: true,
  },
  triggers: {
    [pictureClassified.key]: pictureClassified,
    [reviewNeeded.key]: reviewNeeded,
    [reviewAnswered.key]: reviewAnswered,
    [modelImproved.key]: modelImproved,
    [alertRaised.key]: alertRaised,
    [classifierList.key]: classifierList,
    [openReviewList.key]: openReviewList,
  },
  creates: {
    [classifyPicture.key]: classifyPicture,
    [addLabelledPicture.key]: addLabelledPicture,
    [answerReview.key]: answerReview,
    [undoAction.key]: undoAction,
  },
  searches: {
    [findClassifier.key]: findClassifier,
    [findPrediction.key]: findPrediction,
  },
  searchOrCreates: {
    [findPrediction.key]: {
      key: findPrediction.key,
      display: {
        label: "Find or Classify Picture",
        description: "Finds what a picture was classified as, or classifies it now.",
      },
      search: findPrediction.key,
      create: classifyPicture.key,
    },
  },
});

export default App;
