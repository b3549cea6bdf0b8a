// From what a step was given as its picture to what is sent to the service.
import { Readable } from "node:stream";

import FormData from "form-data";
import type { RawHttpResponse, ZObject } from "zapier-platform-core";

import { isLoopback } from "./address.js";
import { networkFault } from "./api.js";
import { halted } from "./errors.js";
import { hostOf } from "./problems.js";

/** What the service accepts at most when nothing else was set; more cannot be kept in memory. */
export const MOST_BYTES = 50 * 1024 * 1024;
const MOST_REDIRECTS = 5;
const DOWNLOAD_MS = 15_000;

export interface PictureInput {
  picture?: string;
  picture_url?: string;
  name?: string;
}

/** The picture's bytes, or the address at which the service finds it. */
export type Picture =
  | { kind: "file"; address: string; bytes: Buffer; name: string; mediaType: string }
  | { kind: "url"; address: string; name: string | undefined };

/** Look at the input and fetch the file, if it is one. Raises HaltedError for what is missing. */
export async function readPicture(z: ZObject, input: PictureInput): Promise<Picture> {
  const file = input.picture?.trim() ?? "";
  const address = input.picture_url?.trim() ?? "";
  const name = input.name?.trim() || undefined;
  if (file !== "" && address !== "") {
    throw halted(z, "Fill in either Picture or Picture URL, not both.");
  }
  if (address !== "") {
    return { kind: "url", address: httpAddress(z, address, "Picture URL").href, name };
  }
  if (file === "") {
    throw halted(
      z,
      "There is no picture: fill in Picture with a file of an earlier step, or Picture URL.",
    );
  }
  // Zapier turns files into addresses; what is none is text that was mapped by mistake.
  const at = httpAddress(z, file, "Picture");
  const { bytes, name: own, mediaType } = await download(z, at);
  return { kind: "file", address: file, bytes, name: name ?? own, mediaType };
}

/**
 * The multipart form of a file with further fields.
 *
 * It is made of Buffers, so that its length is known and no server has to take a chunked body. It
 * is handed over as a stream, because core writes a Buffer into its log as JSON, byte by byte: of a
 * picture of 45 MB that took half a minute and more than a gigabyte.
 */
export function formOf(
  picture: Extract<Picture, { kind: "file" }>,
  fields: Record<string, string | undefined>,
): { body: Readable; headers: Record<string, string> } {
  const form = new FormData();
  for (const [key, value] of Object.entries(fields)) {
    if (value !== undefined) form.append(key, value);
  }
  form.append("image", picture.bytes, {
    // Quotes and line ends would end the header's value; the name goes along as a field as well.
    filename: picture.name.replace(/[\r\n"]/g, "_"),
    contentType: picture.mediaType,
  });
  const length = String(form.getLengthSync());
  const body = Readable.from([form.getBuffer()], { objectMode: false });
  return { body, headers: { ...form.getHeaders(), "Content-Length": length } };
}

function httpAddress(z: ZObject, text: string, field: string): URL {
  try {
    const url = new URL(text);
    if (url.protocol === "https:" || url.protocol === "http:") return url;
  } catch {
    // What is no address at all gets the same sentence.
  }
  throw halted(
    z,
    `${field} holds no file but the text “${text.slice(0, 80)}”. Map a file, or an address that begins with https://.`,
  );
}

async function download(z: ZObject, from: URL) {
  let url = from;
  for (let hop = 0; hop <= MOST_REDIRECTS; hop += 1) {
    const response = await ask(z, url);
    const target = response.headers.get("location");
    if (response.status >= 300 && response.status < 400 && target) {
      url = nextHop(z, url, target);
      continue;
    }
    if (response.status !== 200) throw notDownloaded(z, url, `answered ${response.status}`);
    return { bytes: await bytesOf(z, url, response), ...describe(response, url) };
  }
  throw notDownloaded(z, from, "was redirected too often");
}

async function ask(z: ZObject, url: URL): Promise<RawHttpResponse> {
  try {
    return await z.request({
      url: url.href,
      raw: true,
      skipThrowForStatus: true,
      size: MOST_BYTES,
      timeout: DOWNLOAD_MS,
    });
  } catch (error) {
    throw networkFault(error) ? notDownloaded(z, url, "cannot be reached") : error;
  }
}

/** Where a redirect leads; never from the internet to this machine, as core has it, too. */
function nextHop(z: ZObject, from: URL, target: string): URL {
  const next = new URL(target, from);
  const inwards = isLoopback(next.hostname) && !isLoopback(from.hostname);
  if (inwards || !/^https?:$/.test(next.protocol)) {
    throw notDownloaded(z, from, "was redirected to an address that is not allowed");
  }
  return next;
}

async function bytesOf(z: ZObject, url: URL, response: RawHttpResponse): Promise<Buffer> {
  let bytes: Buffer;
  try {
    bytes = await response.buffer();
  } catch (error) {
    const tooLarge = (error as { type?: string }).type === "max-size";
    throw notDownloaded(z, url, tooLarge ? "is larger than 50 MB" : "broke off");
  }
  if (bytes.length === 0) throw notDownloaded(z, url, "is empty");
  return bytes;
}

function notDownloaded(z: ZObject, url: URL, what: string): Error {
  return halted(
    z,
    `The file of Picture at ${hostOf(url.href)} ${what}. Check the step that it comes from.`,
  );
}

function describe(response: RawHttpResponse, url: URL): { name: string; mediaType: string } {
  const mediaType = (response.headers.get("content-type") ?? "").split(";")[0]?.trim();
  return {
    name: nameIn(response.headers.get("content-disposition")) ?? nameAtEnd(url) ?? "picture",
    mediaType: mediaType || "application/octet-stream",
  };
}

/** The file name of a Content-Disposition header; the form for all scripts (RFC 6266) goes first. */
export function nameIn(header: string | null): string | undefined {
  if (header === null) return undefined;
  const encoded = /filename\*\s*=\s*utf-8''([^;]+)/i.exec(header)?.[1];
  const plain = /filename\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^;\s]+))/i.exec(header);
  const quoted = plain?.[1]?.replace(/\\(.)/g, "$1") ?? plain?.[2];
  return baseName(encoded === undefined ? quoted : (decoded(encoded.trim()) ?? quoted));
}

/** The last part of an address, if it reads like a file's name. */
export function nameAtEnd(url: URL): string | undefined {
  const last = decoded(url.pathname.split("/").pop() ?? "");
  return last && /\.[a-z0-9]{2,5}$/i.test(last) ? baseName(last) : undefined;
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

function baseName(name: string | undefined): string | undefined {
  return name?.split(/[\\/]/).pop()?.trim().slice(0, 200) || undefined;
}
