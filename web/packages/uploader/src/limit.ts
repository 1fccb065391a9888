/** A bound on the bytes a second that all connections send together. */

import { ConfigurationError } from "./errors.js";
import type { Pacing } from "./types.js";

/**
 * Spaces the beginnings of PUTs, as a browser sends the body of a request as fast as it can.
 *
 * Each PUT adds its bytes to a debt that falls with the limit, and the next one begins once the debt
 * is paid. So the limit holds on average, over parts of 8 MiB and files of up to 64 MiB.
 */
export class RateLimit {
  readonly #pacing: Pacing;
  #bytesPerSecond: number | null = null;
  #debt = 0;
  /** When the debt was last reckoned. */
  #reckonedAt = 0;
  #changed = new AbortController();
  #waiting = 0;

  constructor(pacing: Pacing, bytesPerSecond: number | null) {
    this.#pacing = pacing;
    this.bytesPerSecond = bytesPerSecond;
  }

  /** Null: no limit. */
  get bytesPerSecond(): number | null {
    return this.#bytesPerSecond;
  }

  set bytesPerSecond(limit: number | null) {
    if (limit !== null && !(limit > 0))
      throw new ConfigurationError(
        `limitRate is ${limit}: give bytes a second, more than 0, or null for no limit.`,
      );
    this.#reckon();
    this.#bytesPerSecond = limit;
    if (limit === null) this.#debt = 0;
    this.#changed.abort();
    this.#changed = new AbortController();
  }

  /** Whether a PUT waits for it. */
  get binding(): boolean {
    return this.#waiting > 0;
  }

  /**
   * Waits until so many bytes may be sent. If fewer were, the answer takes how many, and lets others
   * have the rest. Rejects with the signal's reason.
   */
  async take(bytes: number, signal: AbortSignal): Promise<(sent: number) => void> {
    this.#waiting += 1;
    try {
      for (;;) {
        signal.throwIfAborted();
        this.#reckon();
        if (this.#bytesPerSecond === null || this.#debt <= 0) break;
        await this.#wait((this.#debt * 1000) / this.#bytesPerSecond, signal);
      }
    } finally {
      this.#waiting -= 1;
    }
    if (this.#bytesPerSecond === null) return () => {};
    this.#debt += bytes;
    return (sent) => {
      this.#debt = Math.max(0, this.#debt - (bytes - sent));
      this.#changed.abort();
      this.#changed = new AbortController();
    };
  }

  #reckon(): void {
    const now = this.#pacing.now();
    const paid = ((now - this.#reckonedAt) * (this.#bytesPerSecond ?? 0)) / 1000;
    this.#debt = Math.max(0, this.#debt - paid);
    this.#reckonedAt = now;
  }

  /** Ends earlier when the limit or the debt is changed. */
  async #wait(milliseconds: number, signal: AbortSignal): Promise<void> {
    const changed = this.#changed.signal;
    try {
      await this.#pacing.sleep(milliseconds, AbortSignal.any([signal, changed]));
    } catch (error) {
      signal.throwIfAborted();
      if (!changed.aborted) throw error;
    }
  }
}
