import { abortable } from "./pacing.js";
import { Slots } from "./slots.js";

/** A bounded number of uploads that are open at a time, of which no two have the same content. */
export class Places {
  readonly #slots: Slots;
  /** Ends of the uploads that have a place, or wait for one, by content. */
  readonly #ends = new Map<string, Promise<void>>();

  constructor(count: number) {
    this.#slots = new Slots(count);
  }

  /** Whether `take` would wait for a place. */
  get full(): boolean {
    return this.#slots.full;
  }

  /**
   * Waits for the end of other uploads of the content, then for a place. The answer gives the place
   * back. Rejects with the signal's reason.
   */
  async take(content: string, signal: AbortSignal): Promise<() => void> {
    for (let other = this.#ends.get(content); other; other = this.#ends.get(content))
      await abortable(other, signal);
    let settle = () => {};
    this.#ends.set(content, new Promise((resolve) => (settle = resolve)));
    const end = () => {
      this.#ends.delete(content);
      settle();
    };
    try {
      const release = await this.#slots.take(signal);
      return () => {
        end();
        release();
      };
    } catch (error) {
      end();
      throw error;
    }
  }
}
