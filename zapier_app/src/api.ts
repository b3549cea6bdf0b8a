// Calls to the service's API.
import type { Bundle, HttpRequestOptions, HttpResponse, ZObject } from "zapier-platform-core";

import { failed } from "./errors.js";
import { baseUrl } from "./middleware.js";
import type { Page } from "./resources.js";

type Options = Pick<HttpRequestOptions, "method" | "headers" | "body" | "params" | "timeout"> & {
  expects?: number[];
};

/** A path below /api/v1 from its parts, each escaped. */
export function path(...parts: (string | number)[]): string {
  return parts.map((part) => encodeURIComponent(String(part))).join("/");
}

/** Call the API and return the whole answer; errors are raised but for those that are expected. */
export async function respond<T>(
  z: ZObject,
  bundle: Bundle,
  where: string,
  { expects, ...options }: Options = {},
): Promise<HttpResponse<T>> {
  const asked = z.request<T>({
    ...options,
    url: `${baseUrl(z, bundle)}/api/v1/${where}`,
    headers: { Accept: "application/json", ...options.headers },
    middlewareData: { expects },
    skipThrowForStatus: expects !== undefined,
  });
  const response = await asked.catch((error: Error) => {
    throw networkFault(error) ? unreachable(z, bundle, error) : error;
  });
  // A website that answers whatever it is asked is no colabel; "no content" is an answer of ours.
  const ours = typeof response.data === "object" && response.data !== null;
  if (response.status < 300 && response.status !== 204 && !ours) throw notColabel(z, bundle);
  return response;
}

/** Call the API and return what it answers. */
export async function call<T>(
  z: ZObject,
  bundle: Bundle,
  where: string,
  options: Options = {},
): Promise<T> {
  return (await respond<T>(z, bundle, where, options)).data;
}

/** One page of a list, from a cursor on. */
export async function listPage<T>(
  z: ZObject,
  bundle: Bundle,
  where: string,
  params: Record<string, string | number | undefined>,
): Promise<Page<T>> {
  const said = Object.entries(params).filter(([, value]) => value !== undefined && value !== "");
  return call<Page<T>>(z, bundle, where, { params: Object.fromEntries(said) });
}

/** Whether a request got no answer at all, as opposed to one that is an error. */
export function networkFault(error: unknown): boolean {
  return error instanceof Error && error.name === "FetchError";
}

function unreachable(z: ZObject, bundle: Bundle, error: Error & { code?: string }): Error {
  return failed(
    z,
    `colabel cannot be reached at ${baseUrl(z, bundle)}${error.code ? ` (${error.code})` : ""}. Check that it is running, and that Zapier can reach it from the internet.`,
    "unreachable",
  );
}

function notColabel(z: ZObject, bundle: Bundle): Error {
  return failed(
    z,
    `${baseUrl(z, bundle)} answers, but not as colabel does. Check the base URL of the connection.`,
    "not_colabel",
  );
}
