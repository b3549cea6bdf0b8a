// Runs a bundle where it was unpacked, in a process of its own, as Zapier's servers do.
import { spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";

/** The most that a zip may hold here; Zapier itself refuses from 120 MB on. */
export const MOST_ZIPPED = 5 * 1024 * 1024;

const SCRIPT = `
import { handler } from "./zapierwrapper.js";
const ask = async (command) => (await handler({ command, bundle: {} })).results;
const errors = await ask("validate");
const { version, platformVersion, triggers, creates, searches } = await ask("definition");
const keys = [triggers, creates, searches].flatMap((steps) => Object.keys(steps));
process.stdout.write("\\n" + JSON.stringify({ errors, version, platformVersion, keys }));
`;

export interface Said {
  errors: unknown[];
  version: string;
  platformVersion: string;
  keys: string[];
}

/** Import a bundle's entry point in its own folder, and ask it what it is. */
export async function askUnpacked(folder: string): Promise<Said> {
  writeFileSync(join(folder, "ask.mjs"), SCRIPT);
  // No variables of this process: what the bundle needs has to be in it.
  const env = { PATH: process.env.PATH ?? "", NODE_ENV: "production" };
  const child = spawn(process.execPath, ["ask.mjs"], { cwd: folder, env });
  let told = "";
  let complaints = "";
  child.stdout.on("data", (part) => (told += String(part)));
  child.stderr.on("data", (part) => (complaints += String(part)));
  const code = await new Promise((resolve) => child.on("close", resolve));
  if (code !== 0) throw new Error(`The bundle does not start: ${complaints}`);
  return JSON.parse(told.slice(told.lastIndexOf("\n") + 1)) as Said;
}
