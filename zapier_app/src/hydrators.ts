// Pictures that are fetched only when a later step of the Zap uses them.
import type { Bundle, ZObject } from "zapier-platform-core";

import { path } from "./api.js";
import { baseUrl } from "./middleware.js";

// What was put into the pointer below; optional, because core types all pointers the same.
type Wanted = { prediction_id?: string; name?: string };

/**
 * Fetch a prediction's picture and hand it to Zapier's file store.
 *
 * The address is made from the connection and the id, not taken from what came in by a webhook:
 * the key goes along. The name may be any script's, the store's metadata may not, so it is cut.
 */
async function picture(z: ZObject, bundle: Bundle<Wanted>) {
  const { prediction_id: id = "", name = "" } = bundle.inputData;
  const response = await z.request({
    url: `${baseUrl(z, bundle)}/api/v1/${path("predictions", id, "image")}`,
    raw: true,
  });
  const bytes = await response.buffer();
  const mediaType = response.getHeader("content-type") ?? "application/octet-stream";
  return z.stashFile(bytes, bytes.length, fileName(name, id), mediaType);
}

/** A name that Zapier's file store takes (its limit is on the percent-encoded form). */
export function fileName(name: string, fallback: string): string {
  const base = name.split(/[\\/]/).pop()?.trim() || fallback;
  if (encodeURIComponent(base).length <= 500) return base;
  const extension = /\.[a-z0-9]{1,5}$/i.exec(base)?.[0] ?? "";
  return `${fallback}${extension}`;
}

export const hydrators = { picture };

/** A pointer to a prediction's picture, in place of its bytes. */
export function hydratePicture(z: ZObject, { id, name }: { id: string; name: string }): string {
  return z.dehydrateFile(picture, { prediction_id: id, name });
}
