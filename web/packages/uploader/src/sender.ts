import { FileChangedError, FileReadError, TransportError } from "./errors.js";
import type { RateLimit } from "./limit.js";
import { noAnswer, silent } from "./no-answer.js";
import { backoff, whenOnline } from "./pacing.js";
import type { Parts } from "./parts.js";
import type { Signer } from "./signer.js";
import type { Slots } from "./slots.js";
import { judge, storageError } from "./storage.js";
import type { Action, Network, Pacing, PutResponse, Transport } from "./types.js";

/** A part whose URL is refused that often in a row won't be taken with another URL either. */
const RESIGNINGS = 3;

export interface SendOptions {
  readonly parts: Parts;
  readonly signer: Signer;
  readonly transport: Transport;
  readonly fetch: typeof fetch;
  /** Shared with all other uploads. */
  readonly slots: Slots;
  /** Shared with all other uploads. */
  readonly limit: RateLimit;
  /** How many parts of this upload may be on their way; the slots bound it too. */
  readonly parallel: number;
  readonly retries: number;
  readonly pacing: Pacing;
  readonly network: Network;
  readonly signal: AbortSignal;
  readonly onProgress: () => void;
  /** Nothing moves until the next attempt, or something does again. */
  readonly onWaiting: (waiting: boolean) => void;
}

/** S3 doesn't know the upload (any more), or it became another file; the API knows which. */
export class UploadGone extends Error {}

/**
 * Sends every part that S3 doesn't hold, each as soon as it is hashed; returns once S3 holds all.
 *
 * Parts that fail are tried again, each time with a newly signed URL: the old one may have expired,
 * and S3 may close the connection before a browser sees its 403.
 */
export async function sendParts(options: SendOptions): Promise<void> {
  const stop = new AbortController();
  const sender = new Sender(options, AbortSignal.any([options.signal, stop.signal]));
  const lanes = Array.from({ length: Math.min(options.parallel, options.parts.count) }, () =>
    sender.run(),
  );
  try {
    await Promise.all(lanes);
  } catch (error) {
    stop.abort(error);
    await Promise.allSettled(lanes);
    throw options.signal.aborted ? options.signal.reason : error;
  }
}

class Sender {
  readonly #options: SendOptions;
  readonly #signal: AbortSignal;
  readonly #pending: number[];
  /** Being sent by a lane. */
  readonly #taken = new Set<number>();
  #sleeping = 0;
  /** Of the last PUT. */
  #url = "";
  /** The page could read an answer to a PUT: CORS isn't in the way. */
  #readable = false;

  constructor(options: SendOptions, signal: AbortSignal) {
    this.#options = options;
    this.#signal = signal;
    this.#pending = options.parts.missing();
  }

  async run(): Promise<void> {
    const { parts, onProgress } = this.#options;
    for (;;) {
      const number = this.#pending.shift();
      if (number === undefined) return;
      await parts.hashed(number, this.#signal);
      if (parts.holds(number)) {
        onProgress();
        continue;
      }
      this.#taken.add(number);
      await this.#part(number);
      this.#taken.delete(number);
    }
  }

  async #part(number: number): Promise<void> {
    const { parts, signer, retries, network, fetch } = this.#options;
    let failures = 0;
    let resignings = 0;
    let mismatches = 0;
    let storedBefore = parts.storedCount;
    for (;;) {
      await whenOnline(network, this.#signal);
      const response = await this.#put(number);
      if (response) {
        this.#readable = true;
        const { kind } = judge(response);
        if (kind === "stored") {
          parts.stored(number);
          if (response.header("etag") === null) parts.unproven = true;
          this.#options.onProgress();
          return;
        }
        if (kind === "gone") throw new UploadGone();
        // Once may be the network's fault; twice in a row is the file's.
        if (kind === "changed" && ++mismatches > 1) throw new FileChangedError();
        if (kind === "refused") throw storageError(response);
        if (kind === "sign" && ++resignings > RESIGNINGS) throw storageError(response);
        signer.drop(number);
        if (kind === "sign" && resignings === 1) continue;
      } else {
        signer.drop(number);
        await this.#probe(number);
        if (!network.online) continue;
      }
      if (parts.storedCount > storedBefore) failures = 0;
      storedBefore = parts.storedCount;
      failures += 1;
      if (failures > retries)
        throw response
          ? storageError(response)
          : this.#readable
            ? silent("storage")
            : await noAnswer("storage", this.#url, fetch);
      await this.#sleep(failures);
    }
  }

  /** S3's answer, or null if none came. */
  async #put(number: number): Promise<PutResponse | null> {
    const { parts, signer, slots, limit } = this.#options;
    const release = await slots.take(this.#signal);
    let refund: (sent: number) => void = () => {};
    try {
      refund = await limit.take(parts.size(number), this.#signal);
      const action = await signer.action(number, () => this.#upcoming(), this.#signal);
      const response = await this.#send(number, action);
      if (!response || judge(response).kind !== "stored") refund(parts.lost(number));
      return response;
    } catch (error) {
      refund(parts.lost(number));
      throw error;
    } finally {
      release();
      this.#options.onProgress();
    }
  }

  *#upcoming(): Generator<number, void, void> {
    const { parts } = this.#options;
    for (const number of this.#taken) if (parts.sendable(number)) yield number;
    for (const number of this.#pending) {
      if (parts.sendable(number)) yield number;
      // The next ones aren't hashed either.
      else if (!parts.holds(number)) return;
    }
  }

  async #send(number: number, action: Action): Promise<PutResponse | null> {
    const { parts, transport, onProgress, onWaiting } = this.#options;
    parts.moved(number, 0);
    this.#url = action.href;
    onWaiting(false);
    try {
      return await transport({
        method: action.method,
        url: action.href,
        headers: action.headers,
        body: parts.body(number),
        signal: this.#signal,
        onProgress: (bytes) => {
          if (this.#signal.aborted || parts.holds(number)) return;
          parts.moved(number, bytes);
          onProgress();
        },
      });
    } catch (error) {
      this.#signal.throwIfAborted();
      if (error instanceof TransportError) return null;
      throw error;
    }
  }

  /** Browsers report a file that was changed or deleted as a network error of the PUT. */
  async #probe(number: number): Promise<void> {
    try {
      await this.#options.parts.body(number).slice(0, 1).arrayBuffer();
    } catch (cause) {
      throw new FileReadError(cause);
    }
  }

  async #sleep(failures: number): Promise<void> {
    const { pacing, parts, onWaiting } = this.#options;
    this.#sleeping += 1;
    onWaiting(!parts.moving);
    try {
      await pacing.sleep(backoff(failures, pacing.random()), this.#signal);
    } finally {
      this.#sleeping -= 1;
      onWaiting(this.#sleeping > 0 && !parts.moving);
    }
  }
}
