/** The list of a person's files as far as it is loaded. No DOM. */

import type { FileInfo, FilesApi } from "@wideload/uploader";
import { folded } from "./names.js";

/** Files that are shown at first, and that one press of "more" adds, if there are as many. */
export const PAGE_SIZE = 25;
// A search may meet pages without a match: so many are read before the person is asked to go on.
const MOST_REQUESTS = 4;

export type ListingState = "loading" | "ready" | "failed";

export class Listing {
  readonly #api: FilesApi;
  readonly #listeners = new Set<() => void>();
  #running: AbortController | null = null;
  /** Where reading goes on; null at the end. */
  #cursor: string | null = null;
  /** Whether `#known` is from before the list was last begun. */
  #stale = true;
  /** As far as the list was read: all files, or those that an earlier, wider search finds. */
  #known: readonly FileInfo[] = [];
  /** Files that were stored since the list was last begun, which its answer may not have. */
  readonly #stored = new Set<string>();
  /** Renamed since the last search, whose rows stay though it may not find them any more. */
  readonly #renamed = new Set<string>();
  #room = PAGE_SIZE;

  state: ListingState = "loading";
  /** Files to show. */
  items: readonly FileInfo[] = [];
  /** Whether there may be more than is shown. */
  more = false;
  /** Text that names must contain; empty: any name. */
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

  /** Loads the list from its start. */
  async load(): Promise<void> {
    this.#cursor = null;
    this.#stale = true;
    this.#stored.clear();
    this.#room = PAGE_SIZE;
    await this.#read();
  }

  /**
   * Shows the files whose name contains a text.
   *
   * A longer text finds nothing that the shorter one didn't: then what was read is searched first,
   * and reading goes on where it was.
   */
  async find(search: string): Promise<void> {
    this.#renamed.clear();
    const narrower = folded(search).includes(folded(this.search));
    this.search = search;
    if (!narrower || this.#stale) return this.load();
    this.#room = PAGE_SIZE;
    await this.#read();
  }

  /** Shows what comes next; after a failure, tries again where it failed. */
  async loadMore(): Promise<void> {
    if (this.#stale) return this.load();
    if (this.state !== "failed") this.#room = this.items.length + PAGE_SIZE;
    await this.#read();
  }

  /** Shows a file that was just stored on top, unless the search would not find it. */
  add(file: FileInfo): void {
    this.#stored.add(file.fileId);
    this.#keep([file, ...this.#known.filter((item) => item.fileId !== file.fileId)]);
  }

  /** Shows a file under its new name. */
  replace(file: FileInfo): void {
    this.#renamed.add(file.fileId);
    this.#keep(this.#known.map((item) => (item.fileId === file.fileId ? file : item)));
  }

  remove(fileId: string): void {
    this.#keep(this.#known.filter((item) => item.fileId !== fileId));
  }

  /** Reads until there is as much as there is room for. What is shown stays until then. */
  async #read(): Promise<void> {
    this.#running?.abort();
    const running = new AbortController();
    this.#running = running;
    this.state = "loading";
    this.error = null;
    if (this.#stale) this.#tell();
    else this.#keep(this.#known);
    const q = this.search;
    try {
      for (let request = 0; request < MOST_REQUESTS && this.#short; request += 1) {
        const page = await this.#api.list(
          {
            limit: PAGE_SIZE,
            ...(this.#cursor === null ? {} : { cursor: this.#cursor }),
            ...(q === "" ? {} : { q }),
          },
          running.signal,
        );
        if (running.signal.aborted) return;
        this.#cursor = page.cursor;
        const before = this.#stale
          ? this.#known.filter((item) => this.#stored.has(item.fileId))
          : this.#known;
        this.#stale = false;
        // A file that was stored meanwhile stands on top already.
        const known = new Set(before.map((item) => item.fileId));
        this.#keep([...before, ...page.items.filter((item) => !known.has(item.fileId))]);
      }
      this.state = "ready";
    } catch (error) {
      if (running.signal.aborted) return;
      this.state = "failed";
      this.error = error;
      if (this.#stale) this.#keep(this.#known.filter((item) => this.#stored.has(item.fileId)));
    }
    this.#tell();
  }

  /** Whether there is room for more files, and more may be read. */
  get #short(): boolean {
    return this.#stale || (this.#cursor !== null && this.items.length < this.#room);
  }

  #keep(known: readonly FileInfo[]): void {
    this.#known = known;
    const wanted = folded(this.search);
    const finds = ({ fileId, name }: FileInfo) =>
      this.#renamed.has(fileId) || folded(name).includes(wanted);
    const found = wanted === "" ? known : known.filter(finds);
    this.items = found.slice(0, this.#room);
    this.more = this.#cursor !== null || found.length > this.#room;
    this.#tell();
  }

  #tell(): void {
    for (const listener of this.#listeners) listener();
  }
}
