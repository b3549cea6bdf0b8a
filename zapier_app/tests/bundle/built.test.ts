// What Zapier's own command line has built (`npm run bundle`).
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import packageJson from "../../package.json" with { type: "json" };
import App from "../../src/index.js";
import { MOST_ZIPPED, askUnpacked } from "../support/unpacked.js";
import { unzip } from "../support/zip.js";

const build = join(import.meta.dirname, "..", "..", "build");
const zip = readFileSync(join(build, "build.zip"));
const files = unzip(zip);
const folder = mkdtempSync(join(tmpdir(), "colabel-bundle-"));

beforeAll(() => {
  for (const [name, content] of files) {
    const path = join(folder, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, content);
  }
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("build.zip", () => {
  it("is small", () => {
    expect(zip.length).toBeLessThan(MOST_ZIPPED);
  });

  it("holds the app, its entry point and its definition, and nothing to develop it with", () => {
    const names = [...files.keys()];
    expect(names).toEqual(
      expect.arrayContaining([
        "zapierwrapper.js",
        "definition.json",
        "package.json",
        "dist/index.js",
      ]),
    );
    expect(
      names.filter((name) => /(^|\/)(vitest|typescript|prettier|tests|\.env)(\/|$)/.test(name)),
    ).toEqual([]);
  });

  it("says in its definition what the sources say", () => {
    const definition = JSON.parse(files.get("definition.json")?.toString() ?? "{}") as {
      version: string;
      triggers: object;
    };
    expect(definition.version).toBe(packageJson.version);
    expect(Object.keys(definition.triggers)).toEqual(Object.keys(App.triggers));
  });

  it("starts and is valid where nothing else is", async () => {
    expect(await askUnpacked(folder)).toMatchObject({ errors: [], version: packageJson.version });
  });
});

describe("source.zip", () => {
  it("holds the sources and nothing that was installed or built", () => {
    const names = [...unzip(readFileSync(join(build, "source.zip"))).keys()];
    expect(names).toEqual(expect.arrayContaining(["src/index.ts", "package-lock.json"]));
    expect(names.filter((name) => /^(node_modules|dist|build)\//.test(name))).toEqual([]);
  });
});
