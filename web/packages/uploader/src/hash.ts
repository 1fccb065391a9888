/**
 * SHA-256 of a file and of its parts, in one pass and constant memory. Runs in a worker, or
 * wherever else it is called; brings 10 KB of WebAssembly along, so that it stands apart.
 */

import { createSHA256 } from "hash-wasm";
import { ConfigurationError, FileReadError } from "./errors.js";
import { hexOf } from "./parts.js";
import type { FileHashes, Hasher, HashRequest } from "./types.js";

const MIB = 1024 * 1024;

/** Up to this size the whole file is read at once, and Web Crypto alone hashes it. */
const SMALL = 64 * MIB;
/** Parts are handed to Web Crypto whole up to this size; larger ones are hashed as they stream. */
const LARGEST_DIGEST = 16 * MIB;
/** Bytes read at a time from a file whose parts are larger, or that has none. */
const SLICE = 8 * MIB;

/**
 * Raises the signal's reason when aborted, `FileReadError` if the file can't be read (any more).
 *
 * Memory: at most 64 MiB for a small file; else three slices, which are parts of up to 16 MiB or
 * 8 MiB of a larger part.
 */
export async function hashBlob(request: HashRequest): Promise<FileHashes> {
  if (!globalThis.crypto?.subtle)
    throw new ConfigurationError(
      "Hashing needs Web Crypto, which browsers give to pages over HTTPS only.",
    );
  const { blob, partSize } = request;
  if (partSize === null && blob.size <= SMALL) return hashSmall(request);

  await request.gate.wait(request.signal);
  const digestParts = partSize !== null && partSize <= LARGEST_DIGEST;
  const whole = await createSHA256();
  const part = partSize !== null && !digestParts ? await createSHA256() : null;
  const parts: string[] = [];
  const add = (sha256: string) => {
    parts.push(sha256);
    request.onPart?.(sha256);
  };

  const slices = cut(blob.size, partSize ?? blob.size, digestParts ? LARGEST_DIGEST : SLICE);
  let next = slices.next();
  let reading = next.done ? null : read(blob, next.value);
  while (!next.done && reading) {
    const slice = next.value;
    const bytes = await reading;
    await request.gate.wait(request.signal);
    next = slices.next();
    // The next slice is read while this one is hashed.
    reading = next.done ? null : read(blob, next.value);
    // Its failure is met where it is awaited, unless this loop ends before.
    reading?.catch(() => {});
    // Web Crypto works in a thread of its own meanwhile.
    const digest = digestParts ? digestOf(bytes) : null;
    whole.update(bytes);
    part?.update(bytes);
    if (digest) {
      add(await digest);
    } else if (part && slice.endsPart) {
      add(part.digest());
      part.init();
    }
    request.onProgress(slice.end);
  }
  return { sha256: whole.digest(), parts };
}

async function hashSmall(request: HashRequest): Promise<FileHashes> {
  const { blob, signal, gate } = request;
  await gate.wait(signal);
  const bytes = await read(blob, { start: 0, end: blob.size });
  await gate.wait(signal);
  const sha256 = await digestOf(bytes);
  signal.throwIfAborted();
  request.onProgress(blob.size);
  return { sha256, parts: [] };
}

interface Slice {
  readonly start: number;
  readonly end: number;
  readonly endsPart: boolean;
}

/** Slices of at most `longest` bytes, none of which reaches across the end of a part. */
function* cut(size: number, partSize: number, longest: number): Generator<Slice, void, void> {
  for (let start = 0; start < size; ) {
    const partEnd = Math.min(size, (Math.floor(start / partSize) + 1) * partSize);
    const end = Math.min(partEnd, start + longest);
    yield { start, end, endsPart: end === partEnd };
    start = end;
  }
}

async function read(
  blob: Blob,
  { start, end }: { readonly start: number; readonly end: number },
): Promise<Uint8Array<ArrayBuffer>> {
  let buffer: ArrayBuffer;
  try {
    buffer = await blob.slice(start, end).arrayBuffer();
  } catch (cause) {
    throw new FileReadError(cause);
  }
  if (buffer.byteLength !== end - start) throw new FileReadError();
  return new Uint8Array(buffer);
}

async function digestOf(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  return hexOf(new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)));
}

/** Hashes where it is called, blocking that thread: for workers of your own, and for Node.js. */
export function inlineHasher(): Hasher {
  return { hash: hashBlob, close: () => {} };
}
