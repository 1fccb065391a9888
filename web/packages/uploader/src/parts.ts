/**
 * How the API cuts files: the same on both sides, so that parts can be hashed before it is asked.
 *
 * S3 takes at most 10,000 parts of an upload: https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html
 */

const MIB = 1024 * 1024;

/** Up to this size a file is one PUT. */
export const LARGEST_SINGLE_PUT = 64 * MIB;

/** Bytes of each part but the last, or null for a file that is one PUT. */
export function partSizeOf(size: number): number | null {
  if (size <= LARGEST_SINGLE_PUT) return null;
  return Math.max(8 * MIB, Math.ceil(size / 10_000 / MIB) * MIB);
}

/** The parts of one upload: which S3 holds, and how much of the others is on its way. */
export class Parts {
  readonly count: number;
  /** Whether a part was confirmed without an ETag that could be read. */
  unproven = false;
  /** Set by S3's answers, also to earlier uploads. */
  readonly #stored = new Set<number>();
  readonly #moving = new Map<number, number>();
  #storedBytes = 0;
  #movingBytes = 0;

  /**
   * @param partSize - Of each but the last.
   * @param hashes - SHA-256 of each, in order.
   */
  constructor(
    private readonly blob: Blob,
    readonly partSize: number,
    private readonly hashes: readonly string[],
  ) {
    this.count = hashes.length;
  }

  get sentBytes(): number {
    return this.#storedBytes + this.#movingBytes;
  }

  get storedBytes(): number {
    return this.#storedBytes;
  }

  /** How many parts S3 holds. */
  get storedCount(): number {
    return this.#stored.size;
  }

  /** Whether any part is on its way. */
  get moving(): boolean {
    return this.#moving.size > 0;
  }

  hash(number: number): string {
    return this.hashes[number - 1] ?? "";
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

  moved(number: number, bytes: number): void {
    const now = Math.min(bytes, this.size(number));
    this.#movingBytes += now - (this.#moving.get(number) ?? 0);
    this.#moving.set(number, now);
  }

  /** Bytes that were sent and must be sent again. */
  lost(number: number): void {
    this.#movingBytes -= this.#moving.get(number) ?? 0;
    this.#moving.delete(number);
  }

  stored(number: number): void {
    this.lost(number);
    if (this.#stored.has(number)) return;
    this.#stored.add(number);
    this.#storedBytes += this.size(number);
  }

  /** S3 holds these and no others after all. */
  keepOnly(numbers: ReadonlySet<number>): void {
    for (const number of this.#stored) {
      if (numbers.has(number)) continue;
      this.#stored.delete(number);
      this.#storedBytes -= this.size(number);
    }
  }
}
