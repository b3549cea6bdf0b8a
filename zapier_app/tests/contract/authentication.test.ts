import { describe, expect, test } from "vitest";

import App from "../../src/index.js";
import { auth, failure, run } from "./support/core.js";
import { facts } from "./support/facts.js";
import { LocalServer } from "./support/server.js";

const TEST = "authentication.test";
type Me = Record<string, unknown>;

function label(me: Me): string {
  const template = String(App.authentication?.connectionLabel);
  const known: Me = { ...me, ...auth() };
  return template.replace(/{{(?:bundle\.\w+\.)?(\w+)}}/g, (_, name: string) => String(known[name]));
}

describe("a connection", () => {
  test("is named after the workspace, and shows no key", async () => {
    const { results } = await run<Me>(TEST, {});
    expect(label(results)).toContain("My workspace");
    expect(label(results)).not.toContain("{{");
    expect(JSON.stringify(results)).not.toContain(facts.key);
  });

  test("belongs to the workspace of its key", async () => {
    const { results } = await run<Me>(TEST, { authData: auth(facts.charliesKey) });
    expect(label(results)).toContain("Charlie's workspace");
  });

  test("takes an address with a slash or a path at its end, as people copy it", async () => {
    const { results } = await run<Me>(TEST, { authData: auth(facts.key, `${facts.url}/`) });
    expect(label(results)).toContain("My workspace");
  });

  test("with a wrong key has to be made anew", async () => {
    const { name, sentence } = await failure(TEST, { authData: auth("clbl_of_nobody") });
    expect(name).toBe("ExpiredAuthError");
    expect(sentence).toMatch(/key/i);
    expect(sentence).not.toContain("{");
  });
});

describe("the key", () => {
  test("goes to nobody when the address is not encrypted", async () => {
    const authData = auth(facts.key, "http://colabel.example.com");
    const { sentence } = await failure(TEST, { authData });
    expect(sentence).toMatch(/https/i);
    expect(sentence).not.toContain(facts.key);
  });

  test("does not follow a redirect to somebody else", async () => {
    const other = await LocalServer.open(() => ({ body: "{}" }));
    const first = await LocalServer.open(({ path }) => ({
      status: 302,
      headers: { location: other.url + path },
    }));
    await failure(TEST, { authData: auth(facts.key, first.url) });
    expect(first.received).toHaveLength(1);
    expect(other.seen()).not.toContain(facts.key);
  });
});

describe("a sentence tells", () => {
  test("that the address is not one of colabel", async () => {
    const other = await LocalServer.open(() => ({
      headers: { "content-type": "text/html" },
      body: "<!doctype html><title>A blog</title>",
    }));
    const { sentence } = await failure(TEST, { authData: auth(facts.key, other.url) });
    expect(sentence).not.toMatch(/[{<]/);
    expect(sentence).toMatch(/colabel/i);
  });

  test("that nobody listens there", async () => {
    const gone = "http://127.0.0.1:9";
    const { sentence } = await failure(TEST, { authData: auth(facts.key, gone) });
    expect(sentence).not.toContain("{");
    expect(sentence).toContain("127.0.0.1:9");
  });
});
