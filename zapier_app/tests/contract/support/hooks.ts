import { onTestFinished } from "vitest";

import { auth, run, type Bundle } from "./core.js";
import { LocalServer, type Received } from "./server.js";
import { tryApi } from "./service.js";

export type Item = Record<string, unknown> & { id: string };

/** A Zap that is switched on: one trigger, its settings, and the address that Zapier made for it. */
export class LiveZap {
  private constructor(
    readonly trigger: string,
    readonly inputData: Record<string, unknown>,
    readonly receiver: LocalServer,
    readonly subscribeData: { id: string },
  ) {}

  /** Switches it on; it is switched off when the running test is over, if it is not by then. */
  static async on(
    trigger: string,
    inputData: Record<string, unknown>,
    receiver?: LocalServer,
  ): Promise<LiveZap> {
    const address = receiver ?? (await LocalServer.open());
    const targetUrl = `${address.url}/hooks/standard/1/`;
    const method = `triggers.${trigger}.operation.performSubscribe`;
    const { results } = await run<{ id: string }>(method, { inputData, targetUrl });
    const zap = new LiveZap(trigger, inputData, address, results);
    onTestFinished(async () => {
      await tryApi("DELETE", `/webhooks/${zap.subscribeData.id}`);
    });
    return zap;
  }

  /** Switches it off, as Zapier does. */
  async off(): Promise<void> {
    const { trigger, inputData, subscribeData } = this;
    const method = `triggers.${trigger}.operation.performUnsubscribe`;
    const targetUrl = `${this.receiver.url}/hooks/standard/1/`;
    await run(method, { inputData, subscribeData, targetUrl });
  }

  /** What the Zap makes of the next delivery. */
  async fired(): Promise<Item[]> {
    return this.understood(await this.receiver.next(`${this.trigger} arrives`));
  }

  /** What the Zap makes of a delivery. */
  async understood(delivery: Received): Promise<Item[]> {
    const { trigger, inputData, subscribeData } = this;
    const bundle = { inputData, subscribeData, ...asZapierGivesIt(delivery) };
    const { results } = await run<Item[]>(`triggers.${trigger}.operation.perform`, bundle);
    return results;
  }

  /** What the editor shows as samples, and what the Zap polls where it cannot be called. */
  async listed(meta: Record<string, unknown> = {}, key?: string): Promise<Item[]> {
    const { trigger, inputData } = this;
    const bundle = { authData: auth(key), inputData, meta };
    const { results } = await run<Item[]>(`triggers.${trigger}.operation.performList`, bundle);
    return results;
  }

  /** How many messages the service has made for this Zap, sent or not. */
  async deliveries(): Promise<number> {
    const path = `/webhooks/${this.subscribeData.id}/deliveries`;
    const [status, page] = await tryApi<{ items: unknown[] }>("GET", path);
    if (status !== 200) throw new Error(`${path}: ${status}`);
    return page.items.length;
  }
}

/** The parts of a bundle that Zapier makes of a request to one of its addresses. */
export function asZapierGivesIt(received: Received): Bundle {
  const content = received.body.toString();
  const { method, headers } = received;
  return {
    rawRequest: { method, headers, querystring: "", content },
    cleanedRequest: JSON.parse(content) as unknown,
  };
}

/** The keys of a value with the kinds of what they hold, however deep. */
export function shape(value: unknown): unknown {
  if (Array.isArray(value)) return value.length === 0 ? [] : [shape(value[0])];
  if (typeof value !== "object" || value === null) return typeof value;
  return Object.fromEntries(
    Object.entries(value)
      .map(([key, inner]) => [key, shape(inner)] as const)
      .sort(([one], [other]) => one.localeCompare(other)),
  );
}
