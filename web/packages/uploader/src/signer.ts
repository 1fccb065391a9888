import type { FilesApi } from "./api.js";
import type { Parts } from "./parts.js";
import type { Action } from "./types.js";

/**
 * How many parts are signed in one request. A few minutes' worth: fewer would mean more requests,
 * more would let URLs expire unused when sending is slow.
 */
const AHEAD = 25;
/** The next request is sent when one of so many next parts has no URL. */
const SOON = 4;
/** A URL isn't used in the last fifth of its life: the answer that brought it has aged on its way. */
const USABLE = 0.8;

/** The presigned PUTs of one upload, signed when needed. */
export class Signer {
  readonly #actions = new Map<number, { readonly action: Action; readonly until: number }>();
  #asking: Promise<void> | null = null;

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

  /**
   * The presigned PUT of a part. One request runs at a time; parts that are hashed meanwhile are
   * signed by the next.
   *
   * @param upcoming - Lists parts that are or will be wanted, in order.
   */
  async action(
    number: number,
    upcoming: () => Iterable<number>,
    signal: AbortSignal,
  ): Promise<Action> {
    while (!this.#usable(number) && this.#asking) await this.#asking;
    const known = this.#usable(number);
    if (known) {
      this.#signAhead(upcoming, signal);
      return known;
    }
    await this.#ask([number], upcoming(), signal);
    const signed = this.#actions.get(number);
    if (!signed) throw new Error(`the API signed no part ${number}`);
    return signed.action;
  }

  /** Signs while others are being sent; the part itself is signed again if that fails. */
  #signAhead(upcoming: () => Iterable<number>, signal: AbortSignal): void {
    if (this.#asking) return;
    let looked = 0;
    for (const next of upcoming()) {
      if (!this.#usable(next)) return void this.#ask([], upcoming(), signal).catch(() => {});
      if (++looked === SOON) return;
    }
  }

  #usable(number: number): Action | null {
    const known = this.#actions.get(number);
    return known && known.until > this.now() ? known.action : null;
  }

  #ask(first: readonly number[], upcoming: Iterable<number>, signal: AbortSignal): Promise<void> {
    const numbers = new Set(first);
    for (const next of upcoming) {
      if (numbers.size === AHEAD) break;
      if (!this.#usable(next)) numbers.add(next);
    }
    this.#asking = this.#sign([...numbers], signal).finally(() => {
      this.#asking = null;
    });
    return this.#asking;
  }

  async #sign(numbers: readonly number[], signal: AbortSignal): Promise<void> {
    const wanted = numbers.map((number) => ({ number, sha256: this.parts.hash(number) }));
    const actions = await this.api.signParts(this.uploadId, wanted, signal);
    for (const [number, action] of actions) this.keep(number, action);
  }
}
