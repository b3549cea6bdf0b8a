// Files: where they come from, what they are called, and the way back out as dehydrated files.
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";

import { fileName } from "../src/hydrators.js";
import { MOST_BYTES, nameAtEnd, nameIn } from "../src/picture.js";
import { KEY, failure, method, results, run } from "./support/core.js";
import { prediction } from "./support/samples.js";
import { Loopback, problem } from "./support/service.js";
import { Zapier } from "./support/zapier.js";

const POST = "POST /api/v1/classifiers/clf_1/predictions";
const classify = method.create("classify_picture");

let service: Loopback;
let zapier: Zapier;
beforeAll(async () => {
  service = await Loopback.start();
  zapier = await Zapier.start();
});
beforeEach(() => service.clear());
afterAll(async () => {
  await service.stop();
  await zapier.server.stop();
});

const given = (over: Record<string, unknown>) => ({
  inputData: { classifier_id: "clf_1", ...over },
});

describe("a file's name", () => {
  it.each([
    [null, undefined],
    ["attachment", undefined],
    ['attachment; filename="scan 1.jpg"', "scan 1.jpg"],
    ["inline; filename=scan.jpg; size=3", "scan.jpg"],
    ['attachment; filename="a \\"b\\".jpg"', 'a "b".jpg'],
    ["attachment; filename=\"x.jpg\"; filename*=UTF-8''%E5%86%99%E7%9C%9F.jpg", "写真.jpg"],
    ["attachment; filename=\"x.jpg\"; filename*=UTF-8''%E5%8", "x.jpg"],
    ['attachment; filename="../../etc/passwd.png"', "passwd.png"],
    ['attachment; filename="C:\\\\temp\\\\a.png"', "a.png"],
  ])("in %s is %s", (header, name) => {
    expect(nameIn(header)).toBe(name);
  });

  it.each([
    ["https://example.com/a/scan%201.JPG?x=1", "scan 1.JPG"],
    ["https://zapier.com/engine/hydrate/1/.eJx:abc/", undefined],
    ["https://example.com/", undefined],
    ["https://example.com/%E5%8.jpg", undefined],
  ])("at the end of %s is %s", (url, name) => {
    expect(nameAtEnd(new URL(url))).toBe(name);
  });

  it("is short enough for Zapier's file store", () => {
    expect(fileName("写真.jpg", "pred_1")).toBe("写真.jpg");
    expect(fileName(`${"写".repeat(200)}.jpg`, "pred_1")).toBe("pred_1.jpg");
    expect(fileName("", "pred_1")).toBe("pred_1");
    expect(fileName("a/b\\c.png", "pred_1")).toBe("c.png");
  });

  it("comes from the header before the address, and cannot end the form's header", async () => {
    service.on(POST, { json: prediction() });
    service.on("GET /a.jpg", {
      body: "bytes",
      headers: {
        "Content-Type": "image/png",
        "Content-Disposition": "attachment; filename*=UTF-8''x%22%0D%0AX-Evil%3A%201.png",
      },
    });
    await run(service, classify, given({ picture: `${service.url}/a.jpg` }));
    const [asked] = service.to(POST);
    const headers = { "Content-Type": asked?.headers["content-type"] ?? "" };
    const form = await new Response(new Uint8Array(asked?.body ?? []), { headers }).formData();
    expect((form.get("image") as File).name).toBe("x___X-Evil: 1.png");
    expect(form.get("name")).toBe('x"\r\nX-Evil: 1.png');
  });
});

describe("what is no picture to begin with", () => {
  it.each([
    [{}, /There is no picture/],
    [{ picture: "", picture_url: "  " }, /There is no picture/],
    [{ picture: "https://a.test/a.jpg", picture_url: "https://a.test/b.jpg" }, /not both/],
    [{ picture: "Dear Sir or Madam" }, /Picture holds no file but the text “Dear Sir or Madam”/],
    [{ picture_url: "example.com/a.jpg" }, /Picture URL holds no file/],
    [{ picture_url: "file:///etc/passwd" }, /Picture URL holds no file/],
  ])("%j ends the run with a sentence, before anything is sent", async (over, sentence) => {
    const { name, message } = await failure(service, classify, given(over));
    expect(name).toBe("HaltedError");
    expect(message).toMatch(sentence);
    expect(service.asked).toEqual([]);
  });
});

describe("a file that cannot be fetched", () => {
  const fetching = (path: string) =>
    failure(service, classify, given({ picture: `${service.url}${path}` }));

  it.each([
    [{ status: 404 }, /answered 404/],
    [{ status: 500, body: '{"error": "raw"}' }, /answered 500/],
    [{ status: 204 }, /answered 204/],
    [{ status: 200, body: "" }, /is empty/],
    [{ status: 302, headers: { Location: "/a.jpg" } }, /redirected too often/],
    [{ status: 302, headers: { Location: "ftp://example.com/a.jpg" } }, /not allowed/],
    [{ status: 302 }, /answered 302/],
  ])("(%j) ends the run with a sentence", async (answer, sentence) => {
    service.on("GET /a.jpg", answer);
    const { name, message } = await fetching("/a.jpg");
    expect(name).toBe("HaltedError");
    expect(message).toMatch(sentence);
    expect(message).not.toContain("raw");
    expect(service.to(POST)).toEqual([]);
  });

  it("because it is too large is not kept in memory", async () => {
    service.on("GET /a.jpg", { body: Buffer.alloc(MOST_BYTES + 1) });
    expect((await fetching("/a.jpg")).message).toMatch(/larger than 50 MB/);
  });

  it("because its host is away says so", async () => {
    const gone = await Loopback.start();
    const address = `${gone.url}/a.jpg`;
    await gone.stop();
    const { message } = await failure(service, classify, given({ picture: address }));
    expect(message).toMatch(/cannot be reached\. Check the step/);
  });
});

it("says so when colabel itself is away", async () => {
  const gone = await Loopback.start();
  const { url } = gone;
  await gone.stop();
  const failed = await failure(url, classify, given({ picture_url: "https://example.com/a.jpg" }));
  expect(failed.name).toBe("AppError");
  expect(failed.message).toMatch(/^colabel cannot be reached at http:.+ \(ECONNREFUSED\)\. Check/);
});

describe("the picture of a prediction", () => {
  const hydrator = "hydrators.picture";
  const GET = "GET /api/v1/predictions/pred_1/image";

  it("is fetched with the key from the connection's own address, and stashed", async () => {
    service.on(GET, { body: "bytes", headers: { "Content-Type": "image/jpeg" } });
    const bundle = { inputData: { prediction_id: "pred_1", name: "写真.jpg" } };
    const url = await results<string>(service, hydrator, bundle, zapier.event);
    const { asked } = zapier.server;
    const [told] = zapier.server.to(zapier.uploads);
    expect(service.asked.map((one) => one.headers.authorization)).toEqual([`Bearer ${KEY}`]);
    expect(url).toContain("a/b");
    const headers = { "Content-Type": told?.headers["content-type"] ?? "" };
    const form = await new Response(new Uint8Array(told?.body ?? []), { headers }).formData();
    expect(await (form.get("file") as File).text()).toBe("bytes");
    expect(form.get("Content-Type")).toBe("image/jpeg");
    expect(JSON.stringify(asked.map((one) => one.headers))).not.toContain(KEY);
  });

  it("that was deleted is said to be, in the service's sentence", async () => {
    service.on(GET, problem(410, "image_deleted", "This picture was deleted; its answer is kept."));
    expect(
      await failure(service, hydrator, { inputData: { prediction_id: "pred_1", name: "a.jpg" } }),
    ).toEqual({ name: "HaltedError", message: "This picture was deleted; its answer is kept." });
  });
});
