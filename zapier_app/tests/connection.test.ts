// Authentication, where the key goes, and what people read when something is refused.
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { createAppTester } from "zapier-platform-core";
import type { Bundle, ZObject } from "zapier-platform-core";

import App from "../src/index.js";

import { KEY, failure, method, results, run } from "./support/core.js";
import { Loopback, problem } from "./support/service.js";
import { page, prediction } from "./support/samples.js";

let service: Loopback;
let elsewhere: Loopback;
beforeAll(async () => {
  service = await Loopback.start();
  elsewhere = await Loopback.start();
});
beforeEach(() => {
  service.clear();
  elsewhere.clear();
});
afterAll(async () => {
  await service.stop();
  await elsewhere.stop();
});

const me = {
  workspace_id: "ws_1",
  workspace_name: "Post Room",
  key_id: "key_1",
  key_name: "Zapier",
  scopes: ["ingest", "read"],
};
const find = [method.search("find_classifier"), { inputData: { name: "Pages" } }] as const;

describe("connecting", () => {
  it("asks who the key is, and labels the connection without telling the key", async () => {
    service.on("GET /api/v1/me", { json: me });
    const said = await results<Record<string, string>>(service, "authentication.test");
    expect(said).toMatchObject({ workspace_name: "Post Room", host: `127.0.0.1:${service.port}` });
    expect(service.asked[0]?.headers.authorization).toBe(`Bearer ${KEY}`);
    expect(JSON.stringify(said)).not.toContain(KEY);
  });

  it("works through core's own tester, too", async () => {
    service.on("GET /api/v1/me", { json: me });
    const bundle = { authData: { base_url: service.url, api_key: KEY } };
    const test = App.authentication?.test as (z: ZObject, bundle: Bundle) => Promise<object>;
    expect(await createAppTester(App)(test, bundle)).toMatchObject({ workspace_name: "Post Room" });
  });

  it("keeps a path prefix", async () => {
    service.on("GET /tools/colabel/api/v1/me", { json: me });
    await results(`${service.url}/tools/colabel/`, "authentication.test");
    expect(service.asked.map((one) => one.path)).toEqual(["/tools/colabel/api/v1/me"]);
  });

  it("refuses plain http before anything is sent", async () => {
    const { name, message } = await failure("http://colabel.example.com", "authentication.test");
    expect(name).toBe("AppError");
    expect(message).toMatch(/must begin with https:\/\//);
  });

  it("says so when the address is some website", async () => {
    service.on("GET /api/v1/me", {
      body: "<html>Welcome</html>",
      headers: { "Content-Type": "text/html" },
    });
    const { message } = await failure(service, "authentication.test");
    expect(message).toMatch(/not as colabel does/);
    expect(message).not.toContain("<");
  });

  it("says so when the address sends requests on, and keeps the key from there", async () => {
    elsewhere.on("GET /api/v1/me", { json: me });
    service.on("GET /api/v1/me", {
      status: 301,
      headers: { Location: `${elsewhere.url}/api/v1/me` },
    });
    const { message } = await failure(service, "authentication.test");
    expect(message).toMatch(/sends requests on to 127\.0\.0\.1/);
    expect(elsewhere.asked).toEqual([]);
  });
});

describe("what is refused", () => {
  const detail = "The service says this, with a way on.";

  it.each([
    [403, "missing_scope", "AppError"],
    [400, "bad_request", "AppError"],
    [404, "not_found", "HaltedError"],
    [409, "no_model", "HaltedError"],
    [410, "image_deleted", "HaltedError"],
    [413, "too_many_bytes", "HaltedError"],
    [415, "not_a_picture", "HaltedError"],
    [422, "invalid_values", "HaltedError"],
    [429, "too_many_waiting", "ThrottledError"],
    [500, "internal_error", "AppError"],
    [503, "not_ready", "AppError"],
    [507, "no_space", "AppError"],
  ])("%i (%s) becomes %s with the service's sentence", async (status, code, kind) => {
    service.on("GET /api/v1/classifiers", problem(status, code, detail));
    const { name, message } = await failure(service, ...find);
    expect({ name, message }).toEqual({ name: kind, message: detail });
  });

  it("asks to connect again when the key is not valid, in Zapier's words", async () => {
    service.on("GET /api/v1/classifiers", problem(401, "invalid_key", detail));
    const { name, message } = await failure(service, ...find);
    expect(name).toBe("ExpiredAuthError");
    expect(message).toMatch(/does not accept this API key .+ Connect colabel again/);
  });

  it("passes on how long to wait", async () => {
    const wait = { "Retry-After": "17" };
    service.on("GET /api/v1/classifiers", problem(429, "too_many_a_minute", detail, wait));
    expect(await failure(service, ...find)).toMatchObject({ name: "ThrottledError", delay: 17 });
    service.on("GET /api/v1/classifiers", problem(503, "database_unavailable", detail, wait));
    expect(await failure(service, ...find)).toMatchObject({ name: "ThrottledError", delay: 17 });
  });

  it("understands a wait that is given as a date", async () => {
    const until = new Date(Date.now() + 90_000).toUTCString();
    service.on("GET /api/v1/classifiers", problem(429, "x", detail, { "Retry-After": until }));
    const { delay } = await failure(service, ...find);
    expect(delay).toBeGreaterThan(60);
    expect(delay).toBeLessThanOrEqual(91);
  });

  it.each([401, 403, 404, 429, 500, 502, 503])(
    "never shows a proxy's page (%i)",
    async (status) => {
      service.on("GET /api/v1/classifiers", {
        status,
        body: "<html><h1>nginx</h1></html>",
        headers: { "Content-Type": "text/html" },
      });
      const { message } = await failure(service, ...find);
      expect(message).toMatch(/^127\.0\.0\.1:\d+ .+\.$/);
      expect(message).not.toMatch(/[<{]|nginx/);
    },
  );

  it("says to update a colabel that does not know an address", async () => {
    service.on("GET /api/v1/classifiers", problem(404, "no_such_address", "Nothing is here."));
    expect((await failure(service, ...find)).message).toMatch(/Update it/);
  });
});

describe("the key", () => {
  it("does not go along when a picture is fetched from elsewhere, redirects included", async () => {
    service.on("GET /a.jpg", { status: 302, headers: { Location: `${elsewhere.url}/b.jpg` } });
    elsewhere.on("GET /b.jpg", { status: 302, headers: { Location: `${service.url}/c.jpg` } });
    service.on("GET /c.jpg", { body: "picture" });
    service.on("POST /api/v1/classifiers/clf_1/predictions", { json: prediction() });
    await run(service, method.create("classify_picture"), {
      inputData: { classifier_id: "clf_1", picture: `${service.url}/a.jpg` },
    });
    const told = [...service.asked, ...elsewhere.asked].map((one) => [
      one.path,
      one.headers.authorization,
    ]);
    expect(told).toEqual([
      ["/a.jpg", undefined],
      ["/c.jpg", undefined],
      ["/api/v1/classifiers/clf_1/predictions", `Bearer ${KEY}`],
      ["/b.jpg", undefined],
    ]);
  });

  it("stays here when an address of the API leads away with a picture", async () => {
    const own = "/api/v1/predictions/pred_9/image";
    service.on(`GET ${own}`, { status: 302, headers: { Location: `${elsewhere.url}/x.jpg` } });
    const { message } = await failure(service, method.create("classify_picture"), {
      inputData: { classifier_id: "clf_1", picture: `${service.url}${own}` },
    });
    expect(message).toMatch(/sends requests on/);
    expect(service.asked[0]?.headers.authorization).toBe(`Bearer ${KEY}`);
    expect(elsewhere.asked).toEqual([]);
  });

  it("is not believed to have expired because a picture's host wants to know who asks", async () => {
    elsewhere.on("GET /private.jpg", { status: 401, body: "who are you?" });
    const { name, message } = await failure(service, method.create("classify_picture"), {
      inputData: { classifier_id: "clf_1", picture: `${elsewhere.url}/private.jpg` },
    });
    expect(name).toBe("HaltedError");
    expect(message).toMatch(/answered 401/);
  });

  it("overrides no more than its own header", async () => {
    service.on("GET /api/v1/classifiers", page([]));
    await results(service, ...find);
    expect(service.asked[0]?.headers.accept).toBe("application/json");
  });
});
