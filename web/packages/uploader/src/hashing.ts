/** Hashes of one file, as they become known: those of its parts in order, then that of the whole. */

import { until } from "./pacing.js";
import type { FileHashes } from "./types.js";

export class Hashing {
  readonly #abort = new AbortController();
  readonly #listeners = new Set<() => void>();
  #parts: readonly string[];
  #done: FileHashes | null = null;
  #failure: { readonly error: unknown } | null = null;

  /** @param run - Hashes the file; calls `onPart` with the hash of each part. */
  constructor(run: (onPart: (sha256: string) => void, signal: AbortSignal) => Promise<FileHashes>) {
    const parts: string[] = [];
    this.#parts = parts;
    const onPart = (sha256: string) => {
      parts.push(sha256);
      this.#notify();
    };
    run(onPart, this.#abort.signal).then(
      (hashes) => {
        // A file that is one PUT is its own only part.
        this.#parts = hashes.parts.length > 0 ? hashes.parts : [hashes.sha256];
        this.#done = hashes;
        this.#notify();
      },
      (error: unknown) => {
        this.#failure = { error };
        this.#notify();
      },
    );
  }

  /** All hashes; null until the end of the file is hashed. */
  get done(): FileHashes | null {
    return this.#done;
  }

  get failed(): boolean {
    return this.#failure !== null;
  }

  /** The hash of a part; undefined while it is not known. */
  known(number: number): string | undefined {
    return this.#parts[number - 1];
  }

  /** Waits for the hash of a part. Rejects with the signal's reason, or if hashing failed. */
  async part(number: number, signal: AbortSignal): Promise<string> {
    await this.#until(() => this.known(number) !== undefined, signal);
    return this.known(number) as string;
  }

  /** Waits for all hashes. Rejects with the signal's reason, or if hashing failed. */
  async whole(signal: AbortSignal): Promise<FileHashes> {
    await this.#until(() => this.#done !== null, signal);
    return this.#done as FileHashes;
  }

  stop(): void {
    this.#abort.abort();
  }

  async #until(holds: () => boolean, signal: AbortSignal): Promise<void> {
    const subscribe = (listener: () => void) => {
      this.#listeners.add(listener);
      return () => this.#listeners.delete(listener);
    };
    await until(() => holds() || this.#failure !== null, subscribe, signal);
    if (!holds()) throw this.#failure?.error;
  }

  #notify(): void {
    for (const listener of [...this.#listeners]) listener();
  }
}
