import { expect, test } from "vitest";

import { auth, run } from "./support/core.js";
import { facts } from "./support/facts.js";
import { LiveZap, type Item } from "./support/hooks.js";
import { LocalServer } from "./support/server.js";
import { classified } from "./support/service.js";

interface Later {
  type: string;
  method: string;
  bundle: Record<string, unknown>;
}

/** What Zapier reads of a field that is to be fetched only when a later step wants it. */
function readLater(value: unknown): Later {
  const [, payload] = /^hydrate\|\|\|(.*)\|\|\|hydrate$/.exec(String(value)) ?? [];
  if (payload === undefined) throw new Error(`${String(value)} is nothing to be fetched later.`);
  return JSON.parse(payload) as Later;
}

/** Zapier's own storage: says where a file may be put, and takes it. */
async function zapiersStorage(): Promise<LocalServer> {
  const storage: LocalServer = await LocalServer.open(({ path, body }) => {
    if (path !== "/rpc") return { status: 204 };
    const { id } = JSON.parse(body.toString()) as { id: string };
    const result = { url: `${storage.url}/bucket/`, fields: { key: "kept/file.png" } };
    const headers = { "content-type": "application/json" };
    return { headers, body: JSON.stringify({ id, result }) };
  });
  return storage;
}

test("the picture of a trigger can be used as a file by a later step", async () => {
  const zap = await LiveZap.on("picture_classified", { classifier_id: facts.classifier });
  const { id } = await classified("red", { name: "page 2.png" });
  const [item] = (await zap.fired()) as [Item];
  const later = readLater(item.picture);
  expect(later.type).toBe("file");

  const storage = await zapiersStorage();
  const bundle = { authData: auth(), inputData: later.bundle };
  const event = { rpc_base: `${storage.url}/rpc` };
  const { results } = await run<string>(later.method, bundle, event);
  expect(results).toBe(`${storage.url}/bucket/kept/file.png`);

  const headers = { authorization: `Bearer ${facts.adminKey}` };
  const image = await fetch(`${facts.url}/api/v1/predictions/${id}/image`, { headers });
  const uploaded = storage.received.find(({ path }) => path === "/bucket/");
  expect(uploaded?.body.includes(Buffer.from(await image.arrayBuffer()))).toBe(true);
  expect(uploaded?.body.toString("latin1")).toContain("page 2.png");
  expect(storage.seen()).not.toContain(facts.key);
  expect(JSON.stringify(later)).not.toContain(facts.key);
});
