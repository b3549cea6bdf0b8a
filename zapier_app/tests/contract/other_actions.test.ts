import { access, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { describe, expect, onTestFinished, test } from "vitest";

import { failure, run } from "./support/core.js";
import { facts } from "./support/facts.js";
import { pictureServer } from "./support/server.js";
import {
  answer,
  api,
  classified,
  deleteRule,
  makeRule,
  newPicture,
  type Prediction,
} from "./support/service.js";
import { until } from "./support/until.js";

const act = (key: string, inputData: Record<string, unknown>) =>
  run(`creates.${key}.operation.perform`, { inputData }).then(({ results }) => results);

const refused = (key: string, inputData: Record<string, unknown>) =>
  failure(`creates.${key}.operation.perform`, { inputData });

interface Example {
  id: string;
  label: string;
}

async function examples(label: string): Promise<string[]> {
  const path = `/classifiers/${facts.classifier}/examples?label=${label}`;
  return (await api<{ items: Example[] }>("GET", path)).items.map(({ id }) => id);
}

describe("Add Labelled Picture", () => {
  test("makes an example of a file, once however often it is run", async () => {
    const files = await pictureServer(await newPicture("green"));
    const said = { classifier_id: facts.classifier, picture: `${files.url}/a.png`, label: "green" };
    const added = await act("add_labelled_picture", said);
    expect(added).toMatchObject({ label: "green" });
    await act("add_labelled_picture", said);
    expect((await examples("green")).filter((id) => id === added.id)).toHaveLength(1);
    expect(files.seen()).not.toContain(facts.key);
  });

  test("makes an example of a picture at an address", async () => {
    const { url } = await pictureServer(await newPicture("blue"));
    const said = { classifier_id: facts.classifier, picture_url: `${url}/b.png`, label: "blue" };
    const added = await act("add_labelled_picture", said);
    expect(await examples("blue")).toContain(added.id);
  });

  test("says in a sentence what is wrong with a file that is no picture", async () => {
    const { url } = await pictureServer(Buffer.from("%PDF-1.7"));
    const said = { classifier_id: facts.classifier, picture: `${url}/c.pdf`, label: "blue" };
    const { sentence } = await refused("add_labelled_picture", said);
    expect(sentence).toMatch(/picture/i);
    expect(sentence).not.toContain('"code"');
  });
});

describe("Answer Review", () => {
  test("decides the picture as the person says", async () => {
    const asked = await classified("grey");
    const said = { review_id: asked.review_id, label: "green" };
    expect(await act("answer_review", said)).toMatchObject({ id: asked.review_id, label: "green" });
    const decided = await api<Prediction>("GET", `/predictions/${asked.id}`);
    expect(decided).toMatchObject({ status: "done", decided_by: "person", label: "green" });
  });

  test("stops the Zap when somebody was quicker", async () => {
    const asked = await classified("grey");
    await answer(asked, "red");
    const said = { review_id: asked.review_id, label: "green" };
    const { name, sentence } = await refused("answer_review", said);
    expect(name).toBe("HaltedError");
    expect(sentence).toContain("answered this already");
    expect(sentence).not.toContain("{");
  });

  test("names the labels that there are when it is given another one", async () => {
    const asked = await classified("grey");
    const said = { review_id: asked.review_id, label: "purple" };
    expect((await refused("answer_review", said)).sentence).toContain("“green”");
  });
});

describe("Undo Action", () => {
  /** A picture that a rule has copied into a folder, and the file that it made. */
  async function copied(name: string): Promise<{ action_id: string; file: string }> {
    const rule = await makeRule("blue", [{ kind: "copy", params: { folder: "found/{label}" } }]);
    onTestFinished(() => deleteRule(rule));
    const { id } = await classified("blue", { classifier: facts.actingClassifier, name });
    const action = await until("it is copied", async () => {
      const { actions } = await api<Prediction>("GET", `/predictions/${id}`);
      return actions.find(({ status }) => status === "done");
    });
    return { action_id: action.id, file: join(facts.sorted, "Parcels", "found", "blue", name) };
  }

  const isThere = (file: string) =>
    access(file).then(
      () => true,
      () => false,
    );

  test("takes back what a rule did with a picture", async () => {
    const { action_id, file } = await copied("undone.png");
    expect(await isThere(file)).toBe(true);
    const undone = await act("undo_action", { action_id });
    expect(undone).toMatchObject({ id: action_id, kind: "copy", status: "undone" });
    expect(await isThere(file)).toBe(false);
  });

  test("stops the Zap when the file was changed since", async () => {
    const { action_id, file } = await copied("changed.png");
    await writeFile(file, "somebody else's work");
    const { name, sentence } = await refused("undo_action", { action_id });
    expect(name).toBe("HaltedError");
    expect(sentence).toMatch(/changed/);
    expect(await isThere(file)).toBe(true);
  });
});
