import zapier from "zapier-platform-core";

import App from "../../../src/index.js";
import { facts } from "./facts.js";

export interface Bundle {
  authData?: Record<string, string>;
  inputData?: Record<string, unknown>;
  meta?: Record<string, unknown>;
  targetUrl?: string;
  subscribeData?: unknown;
  cleanedRequest?: unknown;
  rawRequest?: unknown;
  outputData?: unknown;
}

/** What Zapier sends beside the bundle. */
export interface Event {
  callback_url?: string;
  rpc_base?: string;
}

export interface Outcome<T> {
  status: "SUCCESS" | "CALLBACK";
  results: T;
}

export interface Failure {
  name: string;
  /** What the person reads. */
  sentence: string;
  /** Seconds after which Zapier is to try again. */
  delay: number | undefined;
}

type Handler = (event: object) => Promise<unknown>;

// Core's own types leave this function out.
const { createAppHandler } = zapier as unknown as { createAppHandler: (app: object) => Handler };
const handler = createAppHandler(App);

export const auth = (key = facts.key, url = facts.url): Record<string, string> => ({
  base_url: url,
  api_key: key,
});

/** Runs one method of the app as Zapier does: JSON in, through the real core, and JSON out. */
export async function run<T = Record<string, unknown>>(
  method: string,
  bundle: Bundle,
  event: Event = {},
): Promise<Outcome<T>> {
  const whole = { authData: auth(), inputData: {}, meta: {}, ...bundle };
  const sent = { command: "execute", method, bundle: whole, ...event };
  return asJson(await handler(asJson(sent))) as Outcome<T>;
}

/** Runs a method that must fail, and gives the error that Zapier is told. */
export async function failure(method: string, bundle: Bundle): Promise<Failure> {
  let outcome: unknown;
  try {
    outcome = await run(method, bundle);
  } catch (error) {
    return explained(error as Error);
  }
  throw new Error(`${method} went through: ${JSON.stringify(outcome)}`);
}

/**
 * Core puts what some of its errors say beside the sentence into their message, as JSON, and tells
 * tests how it came to the others.
 */
function explained(error: Error): Failure {
  const { name } = error;
  const message = error.message.split("\nWhat happened:")[0] as string;
  if (name !== "AppError" && name !== "ThrottledError") {
    return { name, sentence: message, delay: undefined };
  }
  const said = JSON.parse(message) as { message: string; delay?: number };
  return { name, sentence: said.message, delay: said.delay };
}

function asJson<T>(value: T): T {
  return JSON.parse(JSON.stringify(value)) as T;
}
