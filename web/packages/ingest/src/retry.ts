/** The retries of one call: which attempts are repeated, how often, and after which delay. */

import { DeadlineError, TransportError, WideloadError } from "./errors.js";
import type { CallOptions, Pacing } from "./types.js";

const FIRST_DELAY = 500;
const LONGEST_DELAY = 20_000;
/** A server that asks for a longer pause gets no retry: the caller gets an error, not a call that hangs. */
const LONGEST_RETRY_AFTER = 60_000;

export const realPacing: Pacing = {
  now: () => performance.now(),
  random: () => Math.random(),
  sleep: (milliseconds, signal) =>
    new Promise((resolve, reject) => {
      signal.throwIfAborted();
      const stop = () => {
        clearTimeout(timer);
        reject(signal.reason);
      };
      const timer = setTimeout(() => {
        signal.removeEventListener("abort", stop);
        resolve();
      }, milliseconds);
      signal.addEventListener("abort", stop, { once: true });
    }),
};

/**
 * One attempt failed: `error` is what the call throws if there is no further attempt. `retry` tells
 * when one may succeed: `later`, after a delay; `now`, since the cause has been removed; or never.
 */
export class AttemptFailed {
  constructor(
    readonly error: WideloadError,
    readonly retry: "never" | "now" | "later",
    /** Seconds that the server asks to wait. */
    readonly retryAfter: number | null = null,
  ) {}
}

/** One call of a method of the client, and its retries, which all steps of the call share. */
export class Call {
  /** Requests made. */
  requests = 0;
  /** Requests that may or may not have been carried out: no answer came, or a 5xx. */
  ambiguous = 0;
  /** The payload that it is about, as soon as that is known. */
  payloadId: string | null = null;
  /** Aborts when the caller's signal does, and at the deadline. */
  readonly signal: AbortSignal;
  readonly pacing: Pacing;
  readonly #retries: number;
  readonly #started: number;
  readonly #deadline: number | undefined;
  readonly #atDeadline: AbortSignal | undefined;
  #repeats = 0;

  constructor(pacing: Pacing, retries: number, { signal, deadline }: CallOptions) {
    this.pacing = pacing;
    this.#retries = retries;
    this.#started = pacing.now();
    this.#deadline = deadline;
    this.#atDeadline =
      deadline === undefined ? undefined : AbortSignal.timeout(Math.ceil(deadline));
    const ends = [signal, this.#atDeadline].filter((end) => end !== undefined);
    this.signal = AbortSignal.any(ends);
  }

  /** Gives it all retries again. */
  restart(): void {
    this.requests = 0;
    this.#repeats = 0;
  }

  /** Runs the call; its errors get the payload's id, and an end by the deadline its own error. */
  async run<T>(work: () => Promise<T>): Promise<T> {
    try {
      this.signal.throwIfAborted();
      return await work();
    } catch (error) {
      throw this.#shown(error);
    }
  }

  /**
   * Calls `attempt` until it returns or no retry is left.
   *
   * Full jitter: a delay is random between 0 and a bound that grows exponentially, so that clients
   * that failed together don't return together
   * (https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/).
   */
  async repeat<T>(attempt: () => Promise<T>): Promise<T> {
    for (;;) {
      try {
        return await attempt();
      } catch (failed) {
        if (!(failed instanceof AttemptFailed)) throw failed;
        if (!(await this.#mayRepeat(failed))) throw failed.error;
      }
    }
  }

  /** The failure of a request without an answer. `cause` is what `fetch` rejected with. */
  lost(method: string, url: string, cause: unknown): AttemptFailed {
    this.signal.throwIfAborted();
    const times = this.requests === 1 ? "1 request" : `${this.requests} requests`;
    const seconds = ((this.pacing.now() - this.#started) / 1000).toFixed(1);
    const error = new TransportError(
      `no answer to ${method} ${url.split("?")[0]}: ${reasonOf(cause)} (gave up after ${times} in ${seconds} s)`,
    );
    return new AttemptFailed(error, "later");
  }

  async #mayRepeat({ retry, retryAfter }: AttemptFailed): Promise<boolean> {
    if (retry === "never" || this.#repeats >= this.#retries) return false;
    const bound = Math.min(LONGEST_DELAY, FIRST_DELAY * 2 ** this.#repeats);
    const asked = (retryAfter ?? 0) * 1000;
    const delay = retry === "now" ? 0 : Math.max(asked, bound * this.pacing.random());
    const elapsed = this.pacing.now() - this.#started;
    if (delay > LONGEST_RETRY_AFTER || elapsed + delay >= (this.#deadline ?? Infinity))
      return false;
    this.#repeats += 1;
    if (retry === "later") await this.pacing.sleep(delay, this.signal);
    return true;
  }

  #shown(error: unknown): unknown {
    const shown =
      this.#atDeadline?.aborted && error === this.#atDeadline.reason
        ? new DeadlineError(
            `the call took longer than its deadline of ${this.#deadline} ms; a request was under ` +
              "way, which may have been carried out",
          )
        : error;
    if (shown instanceof WideloadError) shown.payloadId ??= this.payloadId;
    return shown;
  }
}

/** Seconds that a `Retry-After` header asks for; it holds seconds or an HTTP date. */
export function parseRetryAfter(value: string | null, now = Date.now()): number | null {
  const text = value?.trim();
  if (!text) return null;
  if (/^\d+$/.test(text)) return Number(text);
  const moment = Date.parse(text);
  return Number.isNaN(moment) ? null : Math.max(0, (moment - now) / 1000);
}

function reasonOf(cause: unknown): string {
  if (!(cause instanceof Error)) return "the connection broke";
  if (cause.name === "TimeoutError") return "the answer timed out";
  // Node.js has the reason in the cause, of which some have only a code.
  const inner = cause.cause as { message?: string; code?: string } | undefined;
  const reason = (inner?.message || inner?.code || cause.message).replace(/\?\S*/g, "?…");
  // A page learns no more than that the request failed.
  const page = "location" in globalThis;
  return page
    ? `${reason}; or the API doesn't let pages of ${globalThis.location.origin} in (cors_origins), or refuses the key`
    : reason;
}
