// From what the service answers to what a person reads: always a sentence, never raw JSON or HTML.
import type { HttpResponse, ZObject } from "zapier-platform-core";

import { expired, failed, halted, throttled } from "./errors.js";

/** An error of the service (RFC 9457), as far as it is read here. */
export interface Problem {
  detail?: string;
  code?: string;
}

const LONGEST_SENTENCE = 1000;

/** What is there does not allow it: running the same step again at once would not help. */
const UNMET = new Set([404, 409, 410, 413, 415, 422]);

/** The problem that a body holds; an empty one when it is not JSON of ours. */
export function readProblem(body: string): Problem {
  try {
    const parsed: unknown = JSON.parse(body);
    return typeof parsed === "object" && parsed !== null ? (parsed as Problem) : {};
  } catch {
    return {};
  }
}

/** Seconds that a Retry-After header (a number or a date) asks to wait. */
export function retryAfter(header: string | null | undefined, now = Date.now()): number | null {
  const said = (header ?? "").trim();
  if (/^\d{1,9}$/.test(said)) return Number(said);
  const until = Date.parse(said);
  return Number.isNaN(until) ? null : Math.max(0, Math.ceil((until - now) / 1000));
}

/** Raise the error that Zapier understands for an answer of the service that is none of success. */
export function refuse(z: ZObject, response: HttpResponse, body: string): never {
  const { status } = response;
  const problem = readProblem(body);
  const sentence = sentenceOf(problem) ?? unexplained(status, response.request.url);
  const delay = retryAfter(response.headers.get("retry-after"));
  // The service speaks of its command line and of headers, which people in Zapier do not see.
  if (status === 401) throw expired(z, unexplained(status, response.request.url));
  if (problem.code === "no_such_address") throw failed(z, tooOld(response), problem.code);
  if (status === 429) throw throttled(z, sentence, delay);
  // 503 says when it makes sense again; Zapier then repeats the step by itself.
  if (status === 503 && delay !== null) throw throttled(z, sentence, delay);
  if (UNMET.has(status)) throw halted(z, sentence);
  throw failed(z, sentence, problem.code ?? "unexpected_answer", status);
}

/** The sentence of a problem, if it has one. */
export function sentenceOf(problem: Problem): string | null {
  if (typeof problem.detail !== "string" || problem.detail.trim() === "") return null;
  return problem.detail.trim().slice(0, LONGEST_SENTENCE);
}

function unexplained(status: number, url: string | undefined): string {
  const host = hostOf(url);
  if (status === 401)
    return `${host} does not accept this API key (any more). Connect colabel again with a key that is valid.`;
  if (status === 403) return `${host} does not let this API key do that; give the key more scopes.`;
  if (status === 429) return `${host} has too much to do at the moment.`;
  if (status >= 500) {
    return `${host} could not answer (${status}). Check that colabel is running, then run the step again.`;
  }
  return `${host} answered ${status} without an explanation, so it may not be colabel. Check the base URL of the connection.`;
}

function tooOld(response: HttpResponse): string {
  return `The colabel at ${hostOf(response.request.url)} does not know what this step needs. Update it to the release that this integration belongs to.`;
}

/** The host of an address, for a sentence. */
export function hostOf(url: string | undefined): string {
  try {
    return new URL(url ?? "").host;
  } catch {
    return "The server";
  }
}
