/** Parts of a file, cut as the API cuts it, so that they can be hashed before it is asked. */

import type { Hashing } from "./hashing.js";
import type { PartHash } from "./types.js";

const MIB = 1024 * 1024;

/** Up to this size a file is one PUT. */
export const LARGEST_SINGLE_PUT = 64 * MIB;

/**
 * Bytes of each part except the last, or null for a file that is one PUT.
 *
 * S3 takes at most 10,000 parts of an upload: https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html
 */
export function partSizeOf(size: number): number | null {
  if (size <= LARGEST_SINGLE_PUT) return null;
  return Math.max(8 * MIB, Math.ceil(size / 10_000 / MIB) * MIB);
}

/** SHA-256 of the concatenated hashes of all parts, as in S3's composite checksum. */
export async function partsSha256(parts: readonly string[]): Promise<string> {
  const digests = parts.flatMap((sha256) => bytesOf(sha256));
  const digest = await crypto.subtle.digest("SHA-256", new Uint8Array(digests));
  return hexOf(new Uint8Array(digest));
}

function bytesOf(hex: string): number[] {
  return Array.from({ length: hex.length / 2 }, (_, index) =>
    Number.parseInt(hex.slice(index * 2, index * 2 + 2), 16),
  );
}

/** Lower-case hexadecimal digits. */
export function hexOf(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/**
 * The parts of one upload: which S3 holds, and how much of the others is on its way.
 *
 * A part that S3 is said to hold counts as stored once its hash is known and is the same.
 */
export class Parts {
  readonly count: number;
  /** Whether a part was confirmed without an ETag that could be read. */
  unproven = false;
  /** SHA-256 of the parts that S3 holds, as the API says. */
  #held = new Map<number, string>();
  readonly #stored = new Set<number>();
  /** Sent through this object. */
  readonly #sent = new Set<number>();
  readonly #moving = new Map<number, number>();
  #storedBytes = 0;
  #resumedBytes = 0;
  #movingBytes = 0;

  /** @param partSize - Bytes of each part except the last. */
  constructor(
    private readonly blob: Blob,
    readonly partSize: number,
    private readonly hashing: Hashing,
  ) {
    this.count = Math.ceil(blob.size / partSize) || 1;
  }

  get sentBytes(): number {
    return this.#storedBytes + this.#movingBytes;
  }

  /** Of the stored bytes, those that were sent earlier, or by another client. */
  get resumedBytes(): number {
    return this.#resumedBytes;
  }

  /** How many parts S3 holds. */
  get storedCount(): number {
    return this.#stored.size;
  }

  /** Whether any part was sent through this object. */
  get anySent(): boolean {
    return this.#sent.size > 0;
  }

  /** Whether any part is on its way. */
  get moving(): boolean {
    return this.#moving.size > 0;
  }

  /** Waits until the part is hashed. */
  async hashed(number: number, signal: AbortSignal): Promise<void> {
    await this.hashing.part(number, signal);
    this.#compare(number);
  }

  /** The hash of a part that is hashed. */
  hash(number: number): string {
    return this.hashing.known(number) ?? "";
  }

  /** Its type is empty, so that browsers add no Content-Type, which isn't signed. */
  body(number: number): Blob {
    const start = (number - 1) * this.partSize;
    return this.blob.slice(start, start + this.size(number), "");
  }

  size(number: number): number {
    return Math.min(this.partSize, this.blob.size - (number - 1) * this.partSize);
  }

  missing(): number[] {
    return Array.from({ length: this.count }, (_, index) => index + 1).filter(
      (number) => !this.#stored.has(number),
    );
  }

  holds(number: number): boolean {
    return this.#stored.has(number);
  }

  /** Whether it can be sent now: it is hashed, and S3 doesn't hold it. */
  sendable(number: number): boolean {
    this.#compare(number);
    return this.hashing.known(number) !== undefined && !this.#stored.has(number);
  }

  moved(number: number, bytes: number): void {
    const now = Math.min(bytes, this.size(number));
    this.#movingBytes += now - (this.#moving.get(number) ?? 0);
    this.#moving.set(number, now);
  }

  /** Its bytes that were on their way have to be sent again. Returns how many. */
  lost(number: number): number {
    const bytes = this.#moving.get(number) ?? 0;
    this.#movingBytes -= bytes;
    this.#moving.delete(number);
    return bytes;
  }

  stored(number: number): void {
    this.lost(number);
    this.#sent.add(number);
    this.#store(number);
  }

  /** S3 holds these parts and no others. */
  hold(parts: readonly PartHash[]): void {
    this.#held = new Map(parts.map(({ number, sha256 }) => [number, sha256]));
    this.#stored.clear();
    this.#storedBytes = 0;
    this.#resumedBytes = 0;
    for (const number of this.#held.keys()) this.#compare(number);
  }

  /** One that was sent with other bytes than the file's is sent anew. */
  #compare(number: number): void {
    const held = this.#held.get(number);
    if (held !== undefined && held === this.hashing.known(number)) this.#store(number);
  }

  #store(number: number): void {
    if (this.#stored.has(number)) return;
    this.#stored.add(number);
    this.#storedBytes += this.size(number);
    if (!this.#sent.has(number)) this.#resumedBytes += this.size(number);
  }
}
