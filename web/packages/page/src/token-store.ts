/** Where the tokens are: see docs/adr/0020. */

import type { StateStore } from "oidc-client-ts";

const KEPT = ["refresh_token", "scope", "token_type"] as const;

/**
 * Holds who is signed in in memory, and the refresh token in the tab's `sessionStorage` too.
 *
 * So the access token, which the API takes, is never written down, while a reload of the page
 * gets another one without asking. Nothing outlives the tab, and no other tab reads it.
 */
export class TokenStore implements StateStore {
  readonly #storage: Storage;
  readonly #memory = new Map<string, string>();

  constructor(storage: Storage) {
    this.#storage = storage;
  }

  async get(key: string): Promise<string | null> {
    return this.#memory.get(key) ?? this.#storage.getItem(key);
  }

  async set(key: string, value: string): Promise<void> {
    const user: Record<string, unknown> = JSON.parse(value);
    this.#memory.set(key, JSON.stringify(user));
    if (user.refresh_token) {
      const profile = user.profile as Record<string, unknown>;
      const kept = Object.fromEntries(KEPT.map((member) => [member, user[member]]));
      this.#storage.setItem(
        key,
        JSON.stringify({ ...kept, profile: { sub: profile.sub, email: profile.email } }),
      );
    }
  }

  async remove(key: string): Promise<string | null> {
    const value = await this.get(key);
    this.#memory.delete(key);
    this.#storage.removeItem(key);
    return value;
  }

  async getAllKeys(): Promise<string[]> {
    return [...this.#memory.keys()];
  }
}
