// What every request and every answer passes through, those of file downloads included.
import type {
  AfterResponseMiddleware,
  BeforeRequestMiddleware,
  Bundle,
  HttpResponse,
  RawHttpResponse,
  ZObject,
} from "zapier-platform-core";

import { AddressProblem, isOwnApi, normaliseBaseUrl } from "./address.js";
import { failed } from "./errors.js";
import { hostOf, refuse } from "./problems.js";

/** What a request says to the middleware; it is not sent. */
export interface Notes {
  /** Statuses that the caller deals with itself. */
  expects?: number[];
}

/** The connection's base URL. Raises an error that Zapier shows. */
export function baseUrl(z: ZObject, bundle: Bundle): string {
  try {
    return normaliseBaseUrl(bundle.authData?.base_url);
  } catch (error) {
    if (error instanceof AddressProblem) throw failed(z, error.message, "bad_base_url");
    throw error;
  }
}

/**
 * Add the key, but only where it belongs.
 *
 * Core runs this for file downloads, too. Redirects are never followed by the HTTP client: it
 * keeps the Authorization header towards other ports and subdomains of the same host.
 */
export const addKey: BeforeRequestMiddleware = (request, z, bundle) => {
  const headers = Object.fromEntries(
    Object.entries(request.headers ?? {}).filter(
      ([name]) => name.toLowerCase() !== "authorization",
    ),
  );
  const key = bundle.authData?.api_key?.trim();
  if (key && isOwnApi(request.url, baseUrl(z, bundle))) {
    headers.Authorization = `Bearer ${key}`;
  }
  return { ...request, headers, redirect: "manual" };
};

/**
 * Turn what the service refuses into errors that Zapier understands.
 *
 * Answers of other hosts are none of ours: a picture's host that answers 401 must not make Zapier
 * believe that the connection to colabel has expired.
 */
export const explainRefusal: AfterResponseMiddleware = async (response, z, bundle) => {
  const { request, status } = response;
  if (!isOwnApi(request.url ?? "", baseUrl(z, bundle))) return response;
  if (status < 300 || expected(response)) return response;
  if (status < 400) throw movedElsewhere(z, response);
  return refuse(z, response, await bodyOf(response));
};

function expected(response: HttpResponse): boolean {
  const notes = (response.request.middlewareData ?? {}) as Notes;
  return notes.expects?.includes(response.status) ?? false;
}

function movedElsewhere(z: ZObject, response: HttpResponse): Error {
  const target = response.headers.get("location") ?? "";
  return failed(
    z,
    `${hostOf(response.request.url)} sends requests on to ${hostOf(target)}, and the API key stays with the address that you gave. Connect colabel again with the base URL that it really has.`,
    "redirected",
    response.status,
  );
}

async function bodyOf(response: HttpResponse): Promise<string> {
  if (!("raw" in response.request && response.request.raw)) return response.content;
  return (response as unknown as RawHttpResponse).text();
}
