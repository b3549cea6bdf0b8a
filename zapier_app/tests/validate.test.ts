import { describe, expect, it } from "vitest";
import zapier from "zapier-platform-core";

import packageJson from "../package.json" with { type: "json" };
import App from "../src/index.js";
import { command } from "./support/core.js";

describe("the app's structure", () => {
  it("is valid by the check that `zapier-platform validate` runs first", async () => {
    expect(await command("validate")).toEqual([]);
  });

  it("can be serialised as it is when it is pushed", async () => {
    const definition = await command<{ version: string; platformVersion: string }>("definition");
    expect(definition).toMatchObject({ version: packageJson.version, platformVersion: "19.1.0" });
  });

  it("is made for exactly the core that is pinned", () => {
    expect(packageJson.dependencies["zapier-platform-core"]).toBe(zapier.version);
    const all = { ...packageJson.dependencies, ...packageJson.devDependencies };
    for (const version of Object.values(all)) expect(version).toMatch(/^\d+\.\d+\.\d+$/);
    expect(Object.keys(all)).not.toContain("zapier-platform-cli");
  });

  it("has the keys that Zaps refer to", () => {
    expect(Object.keys(App.triggers)).toEqual([
      "picture_classified",
      "review_needed",
      "review_answered",
      "model_improved",
      "alert_raised",
      "classifier_list",
      "open_review_list",
    ]);
    expect(Object.keys(App.creates)).toEqual([
      "classify_picture",
      "add_labelled_picture",
      "answer_review",
      "undo_action",
    ]);
    expect(Object.keys(App.searches)).toEqual(["find_classifier", "find_prediction"]);
  });
});
