// The addresses that the connection's key may be sent to, and nothing else.
import { BlockList, isIP } from "node:net";

/** What is wrong with a base URL, in a sentence for the person who typed it. */
export class AddressProblem extends Error {}

const API = "/api/v1/";
const loopback = new BlockList();
loopback.addSubnet("127.0.0.0", 8, "ipv4");
loopback.addAddress("::1", "ipv6");

/** Whether a host name leads to this very machine. */
export function isLoopback(hostname: string): boolean {
  const host = hostname.replace(/^\[|\]$/g, "").toLowerCase();
  if (host === "localhost" || host.endsWith(".localhost")) return true;
  const version = isIP(host);
  return version !== 0 && loopback.check(host, version === 6 ? "ipv6" : "ipv4");
}

/**
 * The base URL as it is used: origin and path prefix, without a slash at the end.
 *
 * A scheme that was left out is https; `/api/v1`, pasted from the documentation, is cut off.
 * Raises AddressProblem.
 */
export function normaliseBaseUrl(typed: string | undefined): string {
  const given = (typed ?? "").trim();
  if (given === "") throw new AddressProblem("Say at which base URL your colabel answers.");
  const url = parse(/^[a-z][a-z0-9+.-]*:\/\//i.test(given) ? given : `https://${given}`);
  if (url.username !== "" || url.password !== "") {
    throw new AddressProblem(
      "Leave user name and password out of the base URL: the API key is all that is needed.",
    );
  }
  if (url.search !== "" || url.hash !== "") {
    throw new AddressProblem(
      "Leave everything from “?” or “#” on out of the base URL, as in https://colabel.example.com.",
    );
  }
  requireHttps(url);
  const path = url.pathname.replace(/\/+$/, "").replace(/\/api(\/v1)?$/, "");
  return `${url.origin}${path.replace(/\/+$/, "")}`;
}

function parse(text: string): URL {
  try {
    return new URL(text);
  } catch {
    throw new AddressProblem(
      "That is no base URL. Give it as you open colabel in a browser, as in https://colabel.example.com.",
    );
  }
}

function requireHttps(url: URL): void {
  if (url.protocol === "https:") return;
  if (url.protocol === "http:" && isLoopback(url.hostname)) return;
  throw new AddressProblem(
    "The base URL must begin with https://, or else anybody on the way could read your API key.",
  );
}

/** Whether the key may go to this address: the connection's own origin, below its own API. */
export function isOwnApi(address: string, base: string): boolean {
  let url: URL;
  try {
    url = new URL(address);
  } catch {
    return false;
  }
  // A URL object resolves "..", so what is compared is what is asked for.
  const own = new URL(`${base}${API}`);
  return (
    url.origin === own.origin &&
    url.username === "" &&
    url.password === "" &&
    url.pathname.startsWith(own.pathname)
  );
}
