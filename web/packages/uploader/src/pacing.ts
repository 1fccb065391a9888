import type { Network, Pacing } from "./types.js";

const FIRST_DELAY = 500;
const LONGEST_DELAY = 20_000;
/** A server that asks for a longer pause gets no retry: the person should know, not wait. */
export const LONGEST_RETRY_AFTER = 60_000;

export const realPacing: Pacing = {
  now: () => performance.now(),
  random: () => Math.random(),
  sleep: (milliseconds, signal) =>
    new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      const stop = () => {
        clearTimeout(timer);
        reject(signal?.reason);
      };
      const timer = setTimeout(() => {
        signal?.removeEventListener("abort", stop);
        resolve();
      }, milliseconds);
      signal?.addEventListener("abort", stop, { once: true });
    }),
};

/**
 * Milliseconds before attempt number `repeat` (from 1), at least `retryAfter`.
 *
 * Full jitter: between 0 and an exponentially growing bound, so that clients that failed together
 * don't come back together.
 */
export function backoff(repeat: number, random: number, retryAfter = 0): number {
  const bound = Math.min(LONGEST_DELAY, FIRST_DELAY * 2 ** (repeat - 1));
  return Math.max(retryAfter, bound * random);
}

/** Seconds that a `Retry-After` header asks for; it holds seconds or an HTTP date. */
export function parseRetryAfter(value: string | null, now = Date.now()): number | null {
  const text = value?.trim();
  if (!text) return null;
  if (/^\d+$/.test(text)) return Number(text);
  const moment = Date.parse(text);
  return Number.isNaN(moment) ? null : Math.max(0, (moment - now) / 1000);
}

/** `navigator.onLine` and its events, in a page or a worker. Elsewhere always online. */
export const browserNetwork: Network = {
  get online() {
    return globalThis.navigator?.onLine !== false;
  },
  subscribe(listener) {
    const on = () => listener(true);
    const off = () => listener(false);
    globalThis.addEventListener?.("online", on);
    globalThis.addEventListener?.("offline", off);
    return () => {
      globalThis.removeEventListener?.("online", on);
      globalThis.removeEventListener?.("offline", off);
    };
  },
};

/** Settles when there is a network; rejects with the signal's reason. */
export function whenOnline(network: Network, signal?: AbortSignal): Promise<void> {
  return until(
    () => network.online,
    (listener) => network.subscribe(listener),
    signal,
  );
}

/** Settles once `holds`, asked now and after each change. */
export function until(
  holds: () => boolean,
  subscribe: (listener: () => void) => () => void,
  signal?: AbortSignal,
): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    if (holds()) return resolve();
    const end = (settle: () => void) => {
      unsubscribe();
      signal?.removeEventListener("abort", abort);
      settle();
    };
    const abort = () => end(() => reject(signal?.reason));
    const unsubscribe = subscribe(() => {
      if (holds()) end(resolve);
    });
    signal?.addEventListener("abort", abort, { once: true });
  });
}

/** The promise's outcome, unless the signal aborts before: its work goes on all the same. */
export function abortable<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return promise;
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason);
    const abort = () => reject(signal.reason);
    signal.addEventListener("abort", abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}
