/** Errors of the API, and the browser's locks. */

import { ApiError } from "@wideload/uploader";

export function apiError(status: number, code: string, detail: string | null = null): ApiError {
  return new ApiError(code, {
    status,
    code,
    detail,
    requestId: "request-1",
    retryAfter: null,
    members: {},
  });
}

/** Stands for the browser's locks, which all tabs share: exclusive ones wait for one another. */
export class FakeLocks {
  readonly #held: string[] = [];
  readonly #ends = new Map<string, Promise<unknown>>();

  /** As what it stands for. */
  get locks(): LockManager {
    return this as unknown as LockManager;
  }

  async request<T>(name: string, ...rest: unknown[]): Promise<T> {
    const work = rest.at(-1) as () => Promise<T>;
    if (rest.length === 2) return this.#hold(name, work);
    const before = this.#ends.get(name) ?? Promise.resolve();
    const mine = before.catch(() => {}).then(() => this.#hold(name, work));
    this.#ends.set(name, mine);
    return mine;
  }

  async query(): Promise<LockManagerSnapshot> {
    return { held: this.#held.map((name) => ({ name })), pending: [] };
  }

  async #hold<T>(name: string, work: () => Promise<T>): Promise<T> {
    this.#held.push(name);
    try {
      return await work();
    } finally {
      this.#held.splice(this.#held.indexOf(name), 1);
    }
  }
}
