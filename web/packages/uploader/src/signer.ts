import type { FilesApi } from "./api.js";
import type { Parts } from "./parts.js";
import type { Action } from "./types.js";

/**
 * How many parts are signed in one request. A few minutes' worth: fewer would mean more requests,
 * more would let URLs die unused when sending is slow.
 */
const AHEAD = 25;
/** A URL isn't used in the last fifth of its life: the answer that brought it has aged on its way. */
const USABLE = 0.8;

/** The presigned PUTs of one upload, signed when needed. */
export class Signer {
  readonly #actions = new Map<number, { readonly action: Action; readonly until: number }>();
  readonly #asked = new Map<number, Promise<void>>();

  constructor(
    private readonly api: FilesApi,
    private readonly uploadId: string,
    private readonly parts: Parts,
    private readonly now: () => number,
  ) {}

  /** An action that came along with another answer. */
  keep(number: number, action: Action): void {
    const until = this.now() + action.expiresIn * 1000 * USABLE;
    this.#actions.set(number, { action, until });
  }

  /** The URL of this part has failed: never use it again. */
  drop(number: number): void {
    this.#actions.delete(number);
  }

  /** @param upcoming - Parts that are or will be wanted, in order. */
  async action(number: number, upcoming: readonly number[], signal: AbortSignal): Promise<Action> {
    const known = this.#actions.get(number);
    if (known && known.until > this.now()) return known.action;
    await (this.#asked.get(number) ?? this.#ask(number, upcoming, signal));
    const signed = this.#actions.get(number);
    if (!signed) throw new Error(`the API signed no part ${number}`);
    return signed.action;
  }

  #ask(number: number, upcoming: readonly number[], signal: AbortSignal): Promise<void> {
    const numbers = [number];
    for (const next of upcoming) {
      if (numbers.length === AHEAD) break;
      const fresh = (this.#actions.get(next)?.until ?? 0) > this.now();
      if (next !== number && !fresh && !this.#asked.has(next)) numbers.push(next);
    }
    const asked = this.#sign(numbers, signal).finally(() => {
      for (const each of numbers) this.#asked.delete(each);
    });
    for (const each of numbers) this.#asked.set(each, asked);
    return asked;
  }

  async #sign(numbers: readonly number[], signal: AbortSignal): Promise<void> {
    const wanted = numbers.map((number) => ({ number, sha256: this.parts.hash(number) }));
    const actions = await this.api.signParts(this.uploadId, wanted, signal);
    for (const [number, action] of actions) this.keep(number, action);
  }
}
