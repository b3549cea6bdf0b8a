import { defineCreate, defineInputFields } from "zapier-platform-core";
import type { Bundle, InferInputData, ZObject } from "zapier-platform-core";

import { call, listPage, path, respond } from "../api.js";
import { halted } from "../errors.js";
import { actionOutput, actionSample, showAction } from "../outputs/actions.js";
import { readProblem } from "../problems.js";
import type { Action } from "../resources.js";

/** What rules did and what can be taken back, the last first. */
async function undoableActions(z: ZObject, bundle: Bundle) {
  const page = await listPage<Action>(z, bundle, "actions", {
    status: "done",
    cursor: bundle.meta?.paging_token,
  });
  const results = page.items
    .filter((action) => action.undoable)
    .map(({ id, kind, finished_at, created_at }) => ({
      id,
      label: `${kind} at ${finished_at ?? created_at} (${id})`,
    }));
  return { results, paging_token: page.next_cursor };
}

const inputFields = defineInputFields([
  {
    key: "action_id",
    label: "Action ID",
    type: "string",
    required: true,
    choices: { perform: undoableActions },
    helpText: "What a rule did with a picture, such as an Action ID of Picture Classified.",
  },
]);

type InputBundle = Bundle<InferInputData<typeof inputFields>>;

async function perform(z: ZObject, bundle: InputBundle) {
  const { action_id } = bundle.inputData;
  const undone = await respond<Action>(z, bundle, path("actions", action_id, "undo"), {
    method: "POST",
    expects: [409],
  });
  if (undone.status !== 409) return showAction(undone.data);
  // A replay finds that its first run has undone it already.
  const action = await call<Action>(z, bundle, path("actions", action_id));
  if (action.status === "undone") return showAction(action);
  throw halted(z, readProblem(undone.content).detail ?? "This action cannot be undone any more.");
}

export const undoAction = defineCreate({
  key: "undo_action",
  noun: "Action",
  display: {
    label: "Undo Action",
    description: "Takes back what a rule did with a picture, such as moving or rotating it.",
  },
  operation: { inputFields, perform, outputFields: actionOutput, sample: actionSample },
});
