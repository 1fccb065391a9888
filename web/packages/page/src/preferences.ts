/** Settings of the page that this browser remembers. */

const LIMIT = "wideload.limit-rate";

export class Preferences {
  readonly #storage: () => Storage;

  /** @param storage - Called for each use, as a browser that blocks storage raises an error. */
  constructor(storage: () => Storage) {
    this.#storage = storage;
  }

  /** Bytes a second; null: no limit. */
  get limitRate(): number | null {
    try {
      const limit = Number(this.#storage().getItem(LIMIT));
      return limit > 0 && Number.isFinite(limit) ? limit : null;
    } catch {
      return null;
    }
  }

  set limitRate(limit: number | null) {
    try {
      if (limit === null) this.#storage().removeItem(LIMIT);
      else this.#storage().setItem(LIMIT, String(limit));
    } catch {
      // Then it holds until the page is left.
    }
  }
}
