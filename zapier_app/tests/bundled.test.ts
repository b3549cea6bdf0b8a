// The bundle as far as it can be checked without a network: what is pushed is the compiled app
// and the packages that it needs. `npm run test:bundle` has Zapier's command line build it.
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { deflateRawSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import packageJson from "../package.json" with { type: "json" };
import App from "../src/index.js";
import { MOST_ZIPPED, askUnpacked } from "./support/unpacked.js";

const root = join(import.meta.dirname, "..");
const lock = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8")) as {
  packages: Record<string, { dev?: boolean; devOptional?: boolean; resolved?: string }>;
};
/** What `npm install --omit=dev` would leave here. */
const needed = Object.entries(lock.packages)
  .filter(([path, about]) => path !== "" && !about.dev && !about.devOptional)
  .map(([path]) => path)
  .filter((path) => existsSync(join(root, path)));
const folder = mkdtempSync(join(tmpdir(), "colabel-bundled-"));

beforeAll(() => {
  for (const path of needed) {
    cpSync(join(root, path), join(folder, path), {
      recursive: true,
      // Packages inside of packages are listed by themselves.
      filter: (source) => {
        const inside = relative(join(root, path), source);
        return (
          !inside.split("/").includes("node_modules") && !/\.(d\.[cm]?ts|map|md)$/.test(source)
        );
      },
    });
  }
  cpSync(join(root, "dist"), join(folder, "dist"), { recursive: true });
  cpSync(join(root, "package.json"), join(folder, "package.json"));
  const wrapper = join(root, "node_modules/zapier-platform-core/include/zapierwrapper.mjs");
  writeFileSync(
    join(folder, "zapierwrapper.js"),
    readFileSync(wrapper, "utf8").replaceAll("{REPLACE_ME_PACKAGE_NAME}", packageJson.name),
  );
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function filesBelow(path: string): string[] {
  return readdirSync(path, { withFileTypes: true }).flatMap((entry) =>
    entry.isDirectory() ? filesBelow(join(path, entry.name)) : [join(path, entry.name)],
  );
}

describe("the bundle", () => {
  it("starts and is valid with nothing but its own packages", async () => {
    expect(await askUnpacked(folder)).toEqual({
      errors: [],
      version: packageJson.version,
      platformVersion: "19.1.0",
      keys: [App.triggers, App.creates, App.searches].flatMap((steps) => Object.keys(steps)),
    });
  });

  it("does not start without one of them, so the check above means something", async () => {
    const broken = join(folder, "broken");
    mkdirSync(broken);
    for (const name of ["dist", "package.json", "zapierwrapper.js"]) {
      cpSync(join(folder, name), join(broken, name), { recursive: true });
    }
    mkdirSync(join(broken, "node_modules"));
    for (const path of ["node_modules/zapier-platform-core", "node_modules/form-data"]) {
      cpSync(join(folder, path), join(broken, path), { recursive: true });
    }
    // Away from here, or else Node finds the packages one folder up.
    const away = mkdtempSync(join(tmpdir(), "colabel-broken-"));
    cpSync(broken, away, { recursive: true });
    rmSync(broken, { recursive: true });
    try {
      await expect(askUnpacked(away)).rejects.toThrow(/Cannot find/);
    } finally {
      rmSync(away, { recursive: true });
    }
  });

  it("is under 5 MB, zipped", () => {
    const zipped = filesBelow(folder).reduce((sum, path) => {
      const name = relative(folder, path);
      // A zip holds each name twice, with 76 bytes around them.
      return sum + deflateRawSync(readFileSync(path), { level: 9 }).length + 2 * name.length + 76;
    }, 0);
    expect(zipped).toBeLessThan(MOST_ZIPPED);
    expect(zipped).toBeGreaterThan(100_000);
  });

  it("needs no package that Zapier's command line would pack without its files", () => {
    // It finds files with esbuild, which does not know Node's condition "module-sync": Node 22 then
    // asks for a file that is not there. get-intrinsic 1.3.1 brought such packages in; see overrides.
    const risky = needed.filter((path) =>
      JSON.stringify(
        (
          JSON.parse(readFileSync(join(root, path, "package.json"), "utf8")) as {
            exports?: unknown;
          }
        ).exports ?? "",
      ).includes("module-sync"),
    );
    expect(risky).toEqual([]);
  });
});

describe("the lock file", () => {
  it("records no addresses, so that any registry will do", () => {
    const addresses = Object.entries(lock.packages).filter(([, { resolved }]) => resolved);
    expect(addresses).toEqual([]);
  });
});
