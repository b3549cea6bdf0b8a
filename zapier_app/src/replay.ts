// How a step that runs again is told from one that runs anew.
//
// Zapier repeats a step whose answer got lost, but nothing that core 19 hands over identifies the
// run: `bundle.meta` has no id of a run or a step, `meta.zap` is deprecated and was made for
// subscribing only, and the one thing that is a run's own, the address of generateCallbackUrl(),
// cannot be asked for without making the Zap wait. So the key is made of what the step was given.
//
// A repeat is given exactly the same as the first time, the file's address included, and Zapier
// signs a new address for each event's file. So a new run differs from an earlier one unless a
// Zap sends the very same bytes from a lasting address with the same fields. Where that is
// wanted, people fill in Once Per (with the event's own id or time), which then decides alone.
import { createHash } from "node:crypto";

import type { Bundle } from "zapier-platform-core";

import type { Picture } from "./picture.js";

/** The Idempotency-Key of a step; none in the editor, where each test is meant to classify. */
export function replayKey(
  bundle: Bundle,
  picture: Picture,
  said: { oncePer?: string; about: unknown },
): string | undefined {
  const once = said.oncePer?.trim();
  if (once) return `zapier-once-${sha256(once)}`;
  if (bundle.meta?.isLoadingSample) return undefined;
  const content = picture.kind === "file" ? sha256(picture.bytes) : "";
  const zap = bundle.meta?.zap?.id ?? "";
  const parts = JSON.stringify([zap, picture.address, content, sorted(said.about)]);
  return `zapier-${sha256(parts)}`;
}

function sha256(what: string | Buffer): string {
  return createHash("sha256").update(what).digest("hex");
}

/** The same fields in the same order, however Zapier orders them this time. */
function sorted(value: unknown): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  return Object.entries(value)
    .sort(([left], [right]) => (left < right ? -1 : 1))
    .map(([key, inner]) => [key, sorted(inner)]);
}
