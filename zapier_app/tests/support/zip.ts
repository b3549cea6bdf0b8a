// Reads a zip as far as a bundle needs it: plain and deflated files, no encryption, no Zip64.
import { inflateRawSync } from "node:zlib";

const END = 0x06054b50;
const ENTRY = 0x02014b50;

/** The files in a zip by their names. */
export function unzip(zip: Buffer): Map<string, Buffer> {
  let at = zip.length - 22;
  while (at >= 0 && zip.readUInt32LE(at) !== END) at -= 1;
  if (at < 0) throw new Error("This is no zip.");
  const count = zip.readUInt16LE(at + 10);
  const files = new Map<string, Buffer>();
  let entry = zip.readUInt32LE(at + 16);
  for (let number = 0; number < count; number += 1) {
    if (zip.readUInt32LE(entry) !== ENTRY) throw new Error("This zip is damaged.");
    const [nameLength, extraLength, commentLength] = [28, 30, 32].map((offset) =>
      zip.readUInt16LE(entry + offset),
    ) as [number, number, number];
    const name = zip.toString("utf8", entry + 46, entry + 46 + nameLength);
    files.set(name, contentOf(zip, entry));
    entry += 46 + nameLength + extraLength + commentLength;
  }
  return files;
}

function contentOf(zip: Buffer, entry: number): Buffer {
  const method = zip.readUInt16LE(entry + 10);
  const size = zip.readUInt32LE(entry + 20);
  const local = zip.readUInt32LE(entry + 42);
  const start = local + 30 + zip.readUInt16LE(local + 26) + zip.readUInt16LE(local + 28);
  const packed = zip.subarray(start, start + size);
  if (method === 0) return packed;
  if (method === 8) return inflateRawSync(packed);
  throw new Error(`Nothing here unpacks method ${method}.`);
}
