import { defineCreate, defineInputFields } from "zapier-platform-core";
import type { Bundle, HttpResponse, InferInputData, ZObject } from "zapier-platform-core";

import { call, path, respond } from "../api.js";
import { failed, halted } from "../errors.js";
import { classifierField, pictureFields, saysYes } from "../fields.js";
import { predictionOutput, predictionSample, showPrediction } from "../outputs/predictions.js";
import { formOf, readPicture } from "../picture.js";
import type { Picture } from "../picture.js";
import { readProblem } from "../problems.js";
import { replayKey } from "../replay.js";
import type { Prediction } from "../resources.js";

/** Zapier ends a step after 30 seconds; what is left of these pays for the way there and back. */
const STEP_SECONDS = 22;
const LONGEST_WAIT = 20;

const inputFields = defineInputFields([
  classifierField,
  ...pictureFields,
  {
    key: "external_id",
    label: "External ID",
    type: "string",
    required: false,
    helpText: "Your own id for the picture, such as an order's number; find it again by this.",
  },
  {
    key: "metadata",
    label: "Metadata",
    dict: true,
    required: false,
    helpText: "Anything else to keep with the picture. Rules in colabel can go by it.",
  },
  {
    key: "wait_for_person",
    label: "Wait for a Person",
    type: "boolean",
    required: false,
    default: "false",
    helpText:
      "If the model may not decide by itself, the Zap pauses here until a person has answered in colabel (or in Slack, or by another Zap), for up to 30 days. In the editor it never pauses: a test shows what is known so far.",
  },
  {
    key: "once_per",
    label: "Once Per",
    type: "string",
    required: false,
    helpText:
      "Only needed if one and the same address can hold another picture at each run. Map what is different for each run, such as the trigger’s ID or time. A step that runs again for the same value gets the first answer; if left empty, one that was given exactly the same.",
  },
]);

type Input = InferInputData<typeof inputFields>;
type InputBundle = Bundle<Input>;

async function perform(z: ZObject, bundle: InputBundle) {
  const began = Date.now();
  const input = bundle.inputData;
  const picture = await readPicture(z, input);
  const spent = (Date.now() - began) / 1000;
  const wait = Math.max(1, Math.min(LONGEST_WAIT, Math.floor(STEP_SECONDS - spent)));
  const prediction = await submit(z, bundle, picture, wait);
  const undecided = prediction.status === "needs_review" || prediction.status === "queued";
  // A callback never resumes a test in the editor, so pausing there would hang it.
  if (undecided && saysYes(input.wait_for_person) && !bundle.meta?.isLoadingSample) {
    await pause(z, bundle, prediction);
  }
  return finished(z, prediction);
}

/** Ask to be called back. From the moment that the address was made, core reports CALLBACK. */
async function pause(z: ZObject, bundle: Bundle, prediction: Prediction): Promise<void> {
  await call(z, bundle, path("predictions", prediction.id, "callbacks"), {
    method: "POST",
    body: { callback_url: z.generateCallbackUrl() },
  });
}

async function submit(
  z: ZObject,
  bundle: InputBundle,
  picture: Picture,
  wait: number,
): Promise<Prediction> {
  const { classifier_id, external_id, metadata, once_per } = bundle.inputData;
  const about = { classifier_id, external_id, metadata, name: bundle.inputData.name };
  const key = replayKey(bundle, picture, { oncePer: once_per, about });
  const first = await send(z, bundle, picture, { wait, key });
  if (first.status !== 422) return first.data as Prediction;
  const problem = readProblem(first.content);
  // An address that shows another picture than before: this is another run, not a repeat.
  if (problem.code === "idempotency_key_reused" && !once_per?.trim()) {
    return (await send(z, bundle, picture, { wait, key: undefined })).data as Prediction;
  }
  throw halted(z, problem.detail ?? "colabel did not take this picture.");
}

function send(
  z: ZObject,
  bundle: InputBundle,
  picture: Picture,
  { wait, key }: { wait: number; key: string | undefined },
): Promise<HttpResponse<Prediction>> {
  const { classifier_id, external_id, metadata } = bundle.inputData;
  const common = {
    method: "POST",
    params: { wait },
    ...(key === undefined ? {} : { expects: [422] }),
  } as const;
  const replay: Record<string, string> = key === undefined ? {} : { "Idempotency-Key": key };
  const where = path("classifiers", classifier_id, "predictions");
  if (picture.kind === "url") {
    const body = { image_url: picture.address, name: picture.name, external_id, metadata };
    return respond<Prediction>(z, bundle, where, {
      ...common,
      headers: replay,
      body: filled(body),
    });
  }
  const form = formOf(picture, {
    name: picture.name,
    external_id: external_id || undefined,
    metadata: metadata === undefined ? undefined : JSON.stringify(metadata),
  });
  return respond<Prediction>(z, bundle, where, {
    ...common,
    headers: { ...form.headers, ...replay },
    body: form.body,
  });
}

function filled(fields: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(fields).filter(([, value]) => value !== undefined && value !== ""),
  );
}

function finished(z: ZObject, prediction: Prediction) {
  if (prediction.status === "failed") {
    const why = prediction.error?.detail ?? "Look at it in colabel.";
    throw halted(z, `colabel could not classify this picture. ${why}`);
  }
  return showPrediction(z, prediction);
}

/**
 * Go on with the person's answer.
 *
 * Callbacks are not signed: nothing of the call's body is used, and the answer is read by the id
 * that this step itself had returned.
 */
async function performResume(z: ZObject, bundle: InputBundle) {
  const { id } = (bundle.outputData ?? {}) as { id?: string };
  if (!id) {
    throw failed(z, "Zapier lost which prediction this step waits for.", "no_prediction");
  }
  const prediction = await call<Prediction>(z, bundle, path("predictions", id));
  if (prediction.status === "queued" || prediction.status === "needs_review") {
    throw failed(
      z,
      "This picture has no answer yet. Replay the Zap run to wait for it again.",
      "not_decided",
    );
  }
  return finished(z, prediction);
}

export const classifyPicture = defineCreate({
  key: "classify_picture",
  noun: "Picture",
  display: {
    label: "Classify Picture",
    description: "Classifies a picture, and waits for a person's answer if the model is unsure.",
  },
  operation: {
    inputFields,
    perform,
    performResume,
    outputFields: predictionOutput,
    sample: predictionSample,
  },
});
