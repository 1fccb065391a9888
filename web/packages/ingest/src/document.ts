/** Documents of any type as gzip that can be sent more than once. */

import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex } from "@noble/hashes/utils.js";
import { DocumentError } from "./errors.js";
import type { Document } from "./types.js";

/** Bytes, the limit of one PUT to S3: https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html */
const LARGEST_UPLOAD = 5 * 1024 ** 3;
/** Bytes that are hashed at a time, so that a page goes on being drawn. */
const BLOCK = 256 * 1024;

const OTHER_FORMATS: readonly [start: readonly number[], name: string][] = [
  [[0xef, 0xbb, 0xbf], "a UTF-8 byte order mark: leave it out"],
  [[0xff, 0xfe], "UTF-16: send UTF-8"],
  [[0xfe, 0xff], "UTF-16: send UTF-8"],
  [[0x7b, 0x00], "UTF-16: send UTF-8"],
  [[0x00, 0x7b], "UTF-16: send UTF-8"],
  [[0x50, 0x4b], "a zip archive: send JSON or its gzip"],
  [[0x28, 0xb5, 0x2f, 0xfd], "zstd: send JSON or its gzip"],
];

/** A document as gzip, ready to be sent. */
export interface Prepared {
  readonly gzip: Blob;
  /** Hex SHA-256 of the gzip. */
  readonly sha256: string;
  /** Bytes and hex SHA-256 of the JSON; null if the document came compressed. */
  readonly json: { readonly size: number; readonly sha256: string } | null;
  /** The document's own `call_id`, if it was given as an object. */
  readonly callId: string | null;
}

export type Bytes = Uint8Array<ArrayBuffer>;

/** Writes the document as JSON and compresses it, or takes it as it is if it is gzip already. */
export async function prepare(document: Document, signal: AbortSignal): Promise<Prepared> {
  const blocks = blocksOf(document, signal);
  try {
    const first = await firstBlock(blocks);
    if (first[0] === 0x1f && first[1] === 0x8b)
      return await asItIs(document, withFirst(first, blocks));
    refuseOtherFormats(first);
    return { ...(await compressed(withFirst(first, blocks))), callId: callIdOf(document) };
  } finally {
    await blocks.return(undefined);
  }
}

async function asItIs(document: Document, blocks: AsyncIterable<Bytes>): Promise<Prepared> {
  const gzip = new Collected();
  for await (const block of blocks) gzip.add(block);
  // A Blob can be read again, so it needs no copy.
  const blob = document instanceof Blob ? document : gzip.blob();
  return { gzip: blob, sha256: gzip.sha256(), json: null, callId: null };
}

async function compressed(blocks: AsyncIterable<Bytes>): Promise<Omit<Prepared, "callId">> {
  const json = new Digest();
  const gzip = new Collected();
  const stream = new CompressionStream("gzip");
  await Promise.all([
    compress(blocks, json, stream.writable.getWriter()),
    collect(stream.readable.getReader() as ReadableStreamDefaultReader<Bytes>, gzip),
  ]);
  return {
    gzip: gzip.blob(),
    sha256: gzip.sha256(),
    json: { size: json.size, sha256: json.hex() },
  };
}

export function hexSha256(bytes: Uint8Array): string {
  const digest = new Digest();
  for (let at = 0; at < bytes.length; at += BLOCK) digest.add(bytes.subarray(at, at + BLOCK));
  return digest.hex();
}

/** Size and SHA-256 of bytes that come one after the other. */
export class Digest {
  size = 0;
  readonly #hash = sha256.create();

  add(bytes: Uint8Array): void {
    this.size += bytes.length;
    this.#hash.update(bytes);
  }

  hex(): string {
    return bytesToHex(this.#hash.digest());
  }
}

class Collected {
  readonly #digest = new Digest();
  readonly #blocks: Bytes[] = [];

  add(block: Bytes): void {
    this.#digest.add(block);
    this.#blocks.push(block);
    if (this.#digest.size > LARGEST_UPLOAD)
      throw new DocumentError(
        "the document is larger than 5 GiB compressed, the most that S3 takes",
      );
  }

  blob(): Blob {
    return new Blob(this.#blocks);
  }

  sha256(): string {
    return this.#digest.hex();
  }
}

async function compress(
  blocks: AsyncIterable<Bytes>,
  json: Digest,
  writer: WritableStreamDefaultWriter<Bytes>,
): Promise<void> {
  for await (const block of blocks) {
    json.add(block);
    await writer.write(block);
  }
  await writer.close();
}

async function collect(
  reader: ReadableStreamDefaultReader<Bytes>,
  collected: Collected,
): Promise<void> {
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    collected.add(value);
  }
}

async function* blocksOf(document: Document, signal: AbortSignal): AsyncGenerator<Bytes> {
  for await (const bytes of bytesOf(document)) {
    for (let at = 0; at < bytes.length; at += BLOCK) {
      signal.throwIfAborted();
      yield bytes.subarray(at, at + BLOCK);
    }
  }
}

async function* bytesOf(document: Document): AsyncGenerator<Bytes> {
  if (typeof document === "string") yield new TextEncoder().encode(document);
  else if (document instanceof ArrayBuffer) yield new Uint8Array(document);
  else if (ArrayBuffer.isView(document)) yield asBytes(document);
  else if (document instanceof Blob) yield* read(document.stream().getReader());
  else if (document instanceof ReadableStream) yield* read(document.getReader());
  else if (isIterable(document)) for await (const chunk of document) yield asBytes(chunk);
  else yield new TextEncoder().encode(asJson(document));
}

async function* read(reader: ReadableStreamDefaultReader<unknown>): AsyncGenerator<Bytes> {
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield asBytes(value);
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}

function asBytes(chunk: unknown): Bytes {
  if (ArrayBuffer.isView(chunk))
    return new Uint8Array(chunk.buffer as ArrayBuffer, chunk.byteOffset, chunk.byteLength);
  throw new DocumentError(`a stream of bytes gave ${typeof chunk}: it must give Uint8Arrays`);
}

function asJson(document: object): string {
  if (document === null || typeof document !== "object" || Array.isArray(document))
    throw new DocumentError(
      `a document is a JSON object, JSON text, bytes or a stream of bytes, not ${
        Array.isArray(document) ? "an array" : document === null ? "null" : typeof document
      }`,
    );
  try {
    return JSON.stringify(document) ?? "";
  } catch (cause) {
    throw new DocumentError(
      `the document can't be written as JSON: ${cause instanceof Error ? cause.message : cause}`,
      { cause },
    );
  }
}

function isIterable(document: unknown): document is AsyncIterable<Uint8Array> {
  return typeof document === "object" && document !== null && Symbol.asyncIterator in document;
}

/** The first bytes, at least two of them, since a stream can give a single byte first. */
async function firstBlock(blocks: AsyncGenerator<Bytes>): Promise<Bytes> {
  let first: Bytes = new Uint8Array();
  while (first.length < 2) {
    const { done, value } = await blocks.next();
    if (done) break;
    first = first.length === 0 ? value : new Uint8Array([...first, ...value]);
  }
  return first;
}

async function* withFirst(first: Bytes, blocks: AsyncGenerator<Bytes>): AsyncGenerator<Bytes> {
  yield first;
  yield* blocks;
}

/** The API parses the document. This check saves the upload of gigabytes that aren't JSON. */
function refuseOtherFormats(first: Bytes): void {
  const starts = (start: readonly number[]) => start.every((byte, at) => first[at] === byte);
  const other = OTHER_FORMATS.find(([start]) => starts(start))?.[1];
  const character = new TextDecoder().decode(first).trimStart()[0];
  if (other === undefined && character === "{") return;
  // White space alone is left to the API.
  if (other === undefined && character === undefined && first.length > 0) return;
  throw new DocumentError(
    first.length === 0
      ? "the document is empty"
      : `the document must be one JSON object, but it begins with ${other ?? `"${character}"`}`,
  );
}

/** One that the API would refuse must not keep the document from being sent. */
function callIdOf(document: Document): string | null {
  const id = typeof document === "object" ? (document as { call_id?: unknown }).call_id : null;
  return typeof id === "string" && id.length >= 1 && id.length <= 256 ? id : null;
}
