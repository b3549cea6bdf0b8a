// Hidden triggers: what dropdowns are filled with, page by page.
import { defineTrigger } from "zapier-platform-core";
import type { Bundle, ZObject } from "zapier-platform-core";

import { listPage } from "../api.js";
import type { Classifier, Page, Review } from "../resources.js";

/** One page, from where the page before ended; Zapier keeps the cursor in between. */
async function nextPage<T>(
  z: ZObject,
  bundle: Bundle,
  where: string,
  params: Record<string, string>,
): Promise<T[]> {
  const page = bundle.meta?.page ?? 0;
  const cursor = page > 0 ? await z.cursor.get() : undefined;
  // Without a cursor the first page would come again, without end.
  if (page > 0 && !cursor) return [];
  const { items, next_cursor }: Page<T> = await listPage<T>(z, bundle, where, {
    ...params,
    cursor,
  });
  // Also at the end: a cursor that was left from another time would bring pages from the middle.
  await z.cursor.set(next_cursor ?? "");
  return items;
}

export const classifierList = defineTrigger({
  key: "classifier_list",
  noun: "Classifier",
  display: {
    label: "List of Classifiers",
    description: "Fills the dropdown of classifiers.",
    hidden: true,
  },
  operation: {
    type: "polling",
    canPaginate: true,
    async perform(z: ZObject, bundle: Bundle) {
      const items = await nextPage<Classifier>(z, bundle, "classifiers", {});
      return items.map(({ id, name }) => ({ id, name }));
    },
    outputFields: [
      { key: "id", label: "ID", type: "string", primary: true },
      { key: "name", label: "Name", type: "string" },
    ],
    sample: { id: "clf_01jdf2a4r6t8v0y2", name: "Incoming Mail" },
  },
});

export const openReviewList = defineTrigger({
  key: "open_review_list",
  noun: "Open Review",
  display: {
    label: "List of Open Reviews",
    description: "Fills the dropdown of open reviews.",
    hidden: true,
  },
  operation: {
    type: "polling",
    canPaginate: true,
    async perform(z: ZObject, bundle: Bundle) {
      const items = await nextPage<Review>(z, bundle, "reviews", { state: "open" });
      return items.map(({ id, name, suggestions }) => ({
        id,
        name: `${name || "Picture"}: ${suggestions[0] ?? "no idea"}? (${id})`,
      }));
    },
    outputFields: [
      { key: "id", label: "ID", type: "string", primary: true },
      { key: "name", label: "Name", type: "string" },
    ],
    sample: { id: "rev_01jdf6h8j0k2m4n6", name: "scan-0001.jpg: invoice? (rev_01jdf6h8j0k2m4n6)" },
  },
});
