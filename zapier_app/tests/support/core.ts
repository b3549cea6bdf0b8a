// Runs the app the way Zapier does: through core's own handler, events in and envelopes out.
import zapier from "zapier-platform-core";

import App from "../../src/index.js";
import type { Loopback } from "./service.js";

export const KEY = "clbl_test_0123456789";

interface Outcome {
  status: string;
  results: unknown;
}

type Handler = (event: Record<string, unknown>) => Promise<Outcome>;
// The handler is what Zapier's servers call; core exports it without a type.
const handler = (
  zapier as unknown as { createAppHandler(app: typeof App): Handler }
).createAppHandler(App);

interface Given {
  inputData?: Record<string, unknown>;
  meta?: Record<string, unknown>;
  [rest: string]: unknown;
}

/** Call one function of the app; `event` is what Zapier says beside the bundle. */
export async function run(
  service: Loopback | string,
  method: string,
  bundle: Given = {},
  event: Record<string, unknown> = {},
): Promise<Outcome> {
  const base_url = typeof service === "string" ? service : service.url;
  return handler({
    command: "execute",
    method,
    bundle: { authData: { base_url, api_key: KEY }, inputData: {}, ...bundle },
    zcacheTestObj: {},
    cursorTestObj: {},
    callback_url: "https://hooks.zapier.com/hooks/callback/1",
    ...event,
  });
}

/** The results alone. */
export async function results<T>(...call: Parameters<typeof run>): Promise<T> {
  return (await run(...call)).results as T;
}

export async function command<T>(name: string): Promise<T> {
  return (await handler({ command: name, bundle: {} })).results as T;
}

/** How a call failed: the kind that Zapier goes by, the sentence that people read, and the rest. */
export interface Failure {
  name: string;
  message: string;
  delay?: number | null;
  code?: string;
}

export async function failure(...call: Parameters<typeof run>): Promise<Failure> {
  try {
    await run(...call);
  } catch (error) {
    const { name, message } = error as Error;
    // Core packs what it says beside the sentence into the message, as JSON.
    if (name === "AppError" || name === "ThrottledError") {
      return { name, ...(JSON.parse(message) as { message: string }) };
    }
    return { name, message };
  }
  throw new Error("It did not fail.");
}

export const method = {
  trigger: (key: string, which = "perform") => `triggers.${key}.operation.${which}`,
  create: (key: string, which = "perform") => `creates.${key}.operation.${which}`,
  search: (key: string, which = "perform") => `searches.${key}.operation.${which}`,
};
