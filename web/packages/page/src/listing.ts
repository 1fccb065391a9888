/** The list of a person's files as far as it is loaded. No DOM. */

import type { FileInfo, FilesApi } from "@wideload/uploader";

/** Files that one press of "more" adds, if there are as many. */
export const PAGE_SIZE = 25;
// A search may meet pages without a match: so many are read before the person is asked to go on.
const MOST_REQUESTS = 20;

export type ListingState = "loading" | "ready" | "failed";

export class Listing {
  readonly #api: FilesApi;
  readonly #listeners = new Set<() => void>();
  #running: AbortController | null = null;
  #cursor: string | null = null;
  /** Files that were stored since the list was last begun, which its answer may not have. */
  readonly #stored = new Set<string>();

  state: ListingState = "loading";
  items: readonly FileInfo[] = [];
  /** Whether there may be more than is loaded. */
  more = false;
  /** What the name has to contain; empty: any. */
  search = "";
  /** When failed. */
  error: unknown = null;

  constructor(api: FilesApi) {
    this.#api = api;
  }

  /** Calls back after each change; the answer unsubscribes. */
  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Loads the list from its start, with another search if one is given. */
  async load(search: string = this.search): Promise<void> {
    this.search = search;
    this.#cursor = null;
    await this.#read(true);
  }

  /** Loads what comes next; after a failure, tries again where it failed. */
  async loadMore(): Promise<void> {
    await this.#read(false);
  }

  /** Shows a file that was just stored on top, unless the search would not find it. */
  add(file: FileInfo): void {
    const rest = this.items.filter((item) => item.fileId !== file.fileId);
    const found = file.name.toLowerCase().includes(this.search.toLowerCase());
    this.#stored.add(file.fileId);
    this.#set({ items: found ? [file, ...rest] : rest });
  }

  replace(file: FileInfo): void {
    this.#set({
      items: this.items.map((item) => (item.fileId === file.fileId ? file : item)),
    });
  }

  remove(fileId: string): void {
    this.#set({ items: this.items.filter((item) => item.fileId !== fileId) });
  }

  /** `anew`: what is shown stays until the first answer, then makes place for it. */
  async #read(anew: boolean): Promise<void> {
    this.#running?.abort();
    const running = new AbortController();
    this.#running = running;
    this.#set({ state: "loading", error: null });
    let stale = anew;
    if (anew) this.#stored.clear();
    try {
      let found = 0;
      for (let request = 0; request < MOST_REQUESTS; request += 1) {
        const page = await this.#api.list(
          {
            limit: PAGE_SIZE,
            ...(this.#cursor === null ? {} : { cursor: this.#cursor }),
            ...(this.search === "" ? {} : { q: this.search }),
          },
          running.signal,
        );
        if (running.signal.aborted) return;
        this.#cursor = page.cursor;
        const before = stale
          ? this.items.filter((item) => this.#stored.has(item.fileId))
          : this.items;
        stale = false;
        // A file that was stored meanwhile stands on top already.
        const known = new Set(before.map((item) => item.fileId));
        const items = page.items.filter((item) => !known.has(item.fileId));
        found += items.length;
        this.#set({ items: [...before, ...items], more: page.cursor !== null });
        if (page.cursor === null || found >= PAGE_SIZE) break;
      }
      this.#set({ state: "ready" });
    } catch (error) {
      if (running.signal.aborted) return;
      this.#set({ state: "failed", error, ...(stale ? { items: [], more: false } : {}) });
    }
  }

  #set(change: Partial<Pick<Listing, "state" | "items" | "more" | "error">>): void {
    Object.assign(this, change);
    for (const listener of this.#listeners) listener();
  }
}
