import { describe, expect, it } from "vitest";

import { AddressProblem, isLoopback, isOwnApi, normaliseBaseUrl } from "../src/address.js";

describe("the base URL", () => {
  it.each([
    ["https://colabel.example.com", "https://colabel.example.com"],
    [" https://colabel.example.com/ ", "https://colabel.example.com"],
    ["colabel.example.com", "https://colabel.example.com"],
    ["HTTPS://Colabel.Example.com:443/", "https://colabel.example.com"],
    ["https://example.com:8443/tools/colabel//", "https://example.com:8443/tools/colabel"],
    ["https://example.com/colabel/api/v1/", "https://example.com/colabel"],
    ["https://example.com/api", "https://example.com"],
    ["http://127.0.0.1:8484/", "http://127.0.0.1:8484"],
    ["http://localhost:8484", "http://localhost:8484"],
    ["http://[::1]:8484", "http://[::1]:8484"],
  ])("%s is used as %s", (typed, used) => {
    expect(normaliseBaseUrl(typed)).toBe(used);
  });

  it.each([
    [undefined, /Say at which/],
    ["  ", /Say at which/],
    ["http://colabel.example.com", /https:\/\//],
    ["http://127.0.0.1.example.com", /https:\/\//],
    ["http://10.0.0.7:8484", /https:\/\//],
    ["ftp://colabel.example.com", /https:\/\//],
    ["https://me:secret@colabel.example.com", /user name and password/],
    ["https://colabel.example.com/?key=1", /“\?” or “#”/],
    ["https://colabel.example.com/#labels", /“\?” or “#”/],
    ["https://", /no base URL/],
    ["https://not a host", /no base URL/],
  ])("%s is refused with a sentence", (typed, sentence) => {
    expect(() => normaliseBaseUrl(typed)).toThrow(AddressProblem);
    expect(() => normaliseBaseUrl(typed)).toThrow(sentence);
  });
});

describe("where the key may go", () => {
  const base = "https://example.com/colabel";

  it.each([
    "https://example.com/colabel/api/v1/me",
    "https://example.com:443/colabel/api/v1/predictions?limit=3",
  ])("%s is the own API", (address) => {
    expect(isOwnApi(address, base)).toBe(true);
  });

  it.each([
    "https://example.com.evil.test/colabel/api/v1/me",
    "https://evil.test/colabel/api/v1/me",
    "https://example.com@evil.test/colabel/api/v1/me",
    "https://files.example.com/colabel/api/v1/me",
    "https://example.com:8443/colabel/api/v1/me",
    "http://example.com/colabel/api/v1/me",
    "https://example.com/other/api/v1/me",
    "https://example.com/colabel/api/v1/../../../other/api/v1/me",
    "https://example.com/colabel/api/v12/me",
    "//example.com/colabel/api/v1/me",
    "",
  ])("%s is not", (address) => {
    expect(isOwnApi(address, base)).toBe(false);
  });
});

describe("this machine", () => {
  it.each(["localhost", "app.localhost", "127.0.0.1", "127.9.9.9", "[::1]", "::1"])(
    "%s",
    (host) => {
      expect(isLoopback(host)).toBe(true);
    },
  );

  it.each(["example.com", "localhost.example.com", "10.0.0.1", "0.0.0.0", "[::2]"])(
    "is not %s",
    (host) => {
      expect(isLoopback(host)).toBe(false);
    },
  );
});
