// The life of a trigger's subscription: subscribe, be told, look back for samples, unsubscribe.
import type { Bundle, ZObject } from "zapier-platform-core";

import { call, listPage, path, respond } from "./api.js";
import { failed } from "./errors.js";
import { eventParams, subscriptionFilters } from "./filters.js";
import type { FilterInput } from "./filters.js";
import type { ServiceEvent } from "./resources.js";

/** Zapier shows at most so many samples, and asks integrations to send no more. */
const SAMPLES = 3;
const LOOK_BACK = 50;

/** A trigger's event, how its resource is read again in full, and how it is shown. */
export interface Hook<T, O> {
  eventType: string;
  /** Of predictions: only those that ended so. */
  status?: "done" | "failed";
  /** Read the rest of a resource of which only its short fields came. */
  complete(z: ZObject, bundle: Bundle, part: Partial<T>): Promise<T>;
  show(z: ZObject, resource: T): O;
}

type HookBundle = Bundle<Record<string, unknown> & FilterInput>;

/** The four functions of a REST hook trigger. */
export function hookOperation<T extends object, O extends { id: string }>(hook: Hook<T, O>) {
  return {
    performSubscribe: (z: ZObject, bundle: HookBundle) => subscribe(z, bundle, hook),
    performUnsubscribe: unsubscribe,

    async perform(z: ZObject, bundle: HookBundle): Promise<O[]> {
      const event = bundle.cleanedRequest as ServiceEvent<T & { thin?: boolean }>;
      // A trial message (`colabel webhook test`) comes to the same address and is nothing to act on.
      if (event?.type !== hook.eventType || typeof event.data !== "object") return [];
      const whole = event.data.thin ? await hook.complete(z, bundle, event.data) : event.data;
      return [hook.show(z, whole)];
    },

    async performList(z: ZObject, bundle: HookBundle): Promise<O[]> {
      const page = await listPage<ServiceEvent<T>>(z, bundle, "events", {
        event_type: hook.eventType,
        limit: bundle.meta?.isLoadingSample ? SAMPLES : LOOK_BACK,
        ...eventParams(z, bundle.inputData),
        ...(hook.status === undefined ? {} : { status: hook.status }),
      });
      return page.items.map((event) => hook.show(z, event.data));
    },
  };
}

/** Subscribe; what is returned is what unsubscribing knows, so the id has to be in it. */
async function subscribe(
  z: ZObject,
  bundle: HookBundle,
  { eventType, status }: { eventType: string; status?: string },
): Promise<{ id: string }> {
  const made = await call<{ id?: string }>(z, bundle, "webhooks", {
    method: "POST",
    body: {
      url: bundle.targetUrl,
      event_types: [eventType],
      filters: {
        ...subscriptionFilters(z, bundle.inputData),
        ...(status === undefined ? {} : { statuses: [status] }),
      },
    },
  });
  if (!made.id) {
    throw failed(z, "colabel made a subscription without an id.", "no_subscription_id");
  }
  // The secret that signs messages is left out: nothing needs to keep it.
  return { id: made.id };
}

/** End the subscription. One that is gone already (404, 410) is what was wanted. */
async function unsubscribe(z: ZObject, bundle: Bundle): Promise<{ id: string | null }> {
  const id = bundle.subscribeData?.id;
  if (!id) return { id: null };
  await respond(z, bundle, path("webhooks", id), { method: "DELETE", expects: [404, 410] });
  return { id };
}
