// Builds build/build.zip with Zapier's own command line, as `zapier-platform push` would.
//
// The command line is no dependency of ours: it is large and needs a newer Node than the rest, so
// npx fetches both into its cache. It asks Zapier to check the definition; on a machine
// without an account that question goes to a server in this process, which finds nothing.
import { spawn } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const CLI = "zapier-platform-cli@19.1.0";
const NODE = "node@22";
const root = dirname(dirname(fileURLToPath(import.meta.url)));
const needed = ["src", "scripts", "package.json", "package-lock.json", ".npmrc", ".gitignore"];
const nothing = { total_failures: 0, display_label: "", results: [] };
const noObjection = { passes: [], errors: nothing, warnings: nothing, suggestions: nothing };

const asked = [];
const registry = createServer((request, response) => {
  asked.push(`${request.method} ${request.url}`);
  request.resume().on("end", () => {
    response.setHeader("Content-Type", "application/json");
    response.end(JSON.stringify(noObjection));
  });
});

function run(command, args, options) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: "inherit", ...options });
    child.on("error", reject);
    child.on("exit", (code) => {
      if (code === 0) resolve();
      else reject(new Error(`${command} ${args.join(" ")} ended with ${code}.`));
    });
  });
}

const workshop = mkdtempSync(join(tmpdir(), "colabel-zapier-"));
try {
  await new Promise((resolve) => registry.listen(0, "127.0.0.1", resolve));
  const app = join(workshop, "app");
  for (const name of [...needed, "tsconfig.json", "dist"]) {
    cpSync(join(root, name), join(app, name), { recursive: true });
  }
  // No files of this machine's owner: neither credentials nor a linked integration.
  const home = join(workshop, "home");
  mkdirSync(home);
  writeFileSync(join(home, ".zapierrc"), JSON.stringify({ analyticsMode: "disabled" }));
  const env = {
    ...process.env,
    HOME: home,
    npm_config_cache: process.env.npm_config_cache ?? join(process.env.HOME ?? home, ".npm"),
    ZAPIER_BASE_ENDPOINT: `http://127.0.0.1:${registry.address().port}`,
    NO_UPDATE_NOTIFIER: "1",
  };
  await run("npm", ["ci", "--no-audit", "--no-fund"], { cwd: app, env });
  await run("npx", ["--yes", "-p", NODE, "-p", CLI, "zapier-platform", "build"], { cwd: app, env });
  if (!asked.some((one) => one.endsWith("/check"))) {
    throw new Error("The command line has not asked for Zapier's check; look at what it did.");
  }
  rmSync(join(root, "build"), { recursive: true, force: true });
  cpSync(join(app, "build"), join(root, "build"), { recursive: true });
  if (!existsSync(join(root, "build", "build.zip"))) throw new Error("There is no build.zip.");
  console.log("build/build.zip is what Zapier would get.");
} finally {
  registry.close();
  registry.closeAllConnections();
  rmSync(workshop, { recursive: true, force: true });
}
