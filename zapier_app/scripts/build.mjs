// Compiles src to dist from nothing, so that no file of an earlier build is pushed along.
import { spawnSync } from "node:child_process";
import { rmSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const compiler = createRequire(import.meta.url).resolve("typescript/bin/tsc");

rmSync(join(root, "dist"), { recursive: true, force: true });
const done = spawnSync(process.execPath, [compiler, "--project", join(root, "tsconfig.json")], {
  cwd: root,
  stdio: "inherit",
});
process.exit(done.status ?? 1);
