/** The files of the open folder, or those that a search finds, as far as they are loaded. No DOM. */

import type { FileInfo, FileOrder, FilesApi, ListQuery } from "@wideload/uploader";
import { compareNames, folded } from "./names.js";
import { joined } from "./paths.js";
import { Subject } from "./subject.js";

/** Files that are loaded at a time. */
export const PAGE_SIZE = 100;
// A search may meet pages without a match: so many are read before the person is asked to go on.
const MOST_REQUESTS = 4;

export type ListingState = "loading" | "ready" | "failed";

export interface View {
  /** Path of the folder whose files are listed; null: all folders. */
  readonly folder: string | null;
  /** Of a folder; a search lists names that begin with its text first, by name, then other matches. */
  readonly sort: FileOrder;
  /** Text that names must contain; empty: any name. */
  readonly search: string;
}

const ORDERS: Readonly<Record<string, (a: FileInfo, b: FileInfo) => number>> = {
  created_at: (a, b) => (a.createdAt < b.createdAt ? -1 : Number(a.createdAt > b.createdAt)),
  name: (a, b) => compareNames(a.name, b.name),
  size: (a, b) => a.size - b.size,
};

export class Listing extends Subject {
  readonly #api: FilesApi;
  #running: AbortController | null = null;
  /** What is left to read, in this order. */
  #queries: readonly ListQuery[] = [];
  /** Whether `items` are of this view; else they are from before. */
  #begun = false;
  /** Files of this view that were listed, including those removed since: no answer lists them again. */
  readonly #ids = new Set<string>();
  /** Files that were stored since the list was last begun, which its answers may not have. */
  readonly #stored = new Map<string, FileInfo>();
  /** How many files are wanted. */
  #room = PAGE_SIZE;

  view: View = { folder: "", sort: "-created_at", search: "" };
  state: ListingState = "loading";
  items: readonly FileInfo[] = [];
  /** When failed. */
  error: unknown = null;

  constructor(api: FilesApi) {
    super();
    this.#api = api;
  }

  /** Whether there may be more files than are loaded. */
  get more(): boolean {
    return this.#queries.length > 0;
  }

  /** Whether the person is to say if a search goes on, since it found little in several requests. */
  get paused(): boolean {
    return this.state === "ready" && this.more && this.items.length < this.#room;
  }

  /** Lists other files, from the start. Those of the same folder stay until the first answer. */
  async show(view: View): Promise<void> {
    const keep = view.folder === this.view.folder;
    this.view = view;
    this.#queries = queriesOf(view);
    this.#begun = false;
    this.#stored.clear();
    this.#room = PAGE_SIZE;
    if (!keep) this.#set([]);
    await this.#read(MOST_REQUESTS);
  }

  /** Loads what comes next; after a failure, tries again where it failed. */
  async loadMore(): Promise<void> {
    if (this.state !== "failed") this.#room = this.items.length + PAGE_SIZE;
    await this.#read(MOST_REQUESTS);
  }

  /** Loads all files. */
  async loadAll(): Promise<void> {
    this.#room = Number.POSITIVE_INFINITY;
    await this.#read(Number.POSITIVE_INFINITY);
  }

  /** Lists a file that was just stored, at its place, if it belongs here. */
  add(file: FileInfo): void {
    if (!this.#wants(file)) return;
    this.#stored.set(file.fileId, file);
    const { fileId, folder, name } = file;
    const others = this.items.filter(
      (item) => item.fileId !== fileId && !(item.folder === folder && item.name === name),
    );
    this.#set(this.#placed(others, file));
  }

  /**
   * Shows files that were renamed where they are. Drops those that were moved out of the folder, and
   * those that they replaced.
   */
  replace(files: readonly FileInfo[]): void {
    const changed = new Map(files.map((file) => [file.fileId, file]));
    const taken = new Map(files.map((file) => [joined(file.folder, file.name), file.fileId]));
    const { folder: shown } = this.view;
    const stays = ({ fileId, folder, name }: FileInfo) =>
      (shown === null || folder === shown) &&
      (taken.get(joined(folder, name)) ?? fileId) === fileId;
    for (const [fileId, file] of changed) {
      if (!stays(file)) this.#stored.delete(fileId);
      else if (this.#stored.has(fileId)) this.#stored.set(fileId, file);
    }
    this.#set(this.items.map((item) => changed.get(item.fileId) ?? item).filter(stays));
  }

  remove(fileIds: Iterable<string>): void {
    const gone = new Set(fileIds);
    for (const fileId of gone) this.#stored.delete(fileId);
    this.#set(this.items.filter(({ fileId }) => !gone.has(fileId)));
  }

  /** Reads until as many files are loaded as are wanted. */
  async #read(requests: number): Promise<void> {
    this.#running?.abort();
    const running = new AbortController();
    this.#running = running;
    const { signal } = running;
    this.state = "loading";
    this.error = null;
    this.tell();
    try {
      for (let left = requests; left > 0 && this.#short; left -= 1) {
        const [query = {}, ...others] = this.#queries;
        const { items, cursor } = await this.#api.list({ ...query, limit: PAGE_SIZE }, signal);
        if (signal.aborted) return;
        this.#queries = cursor === null ? others : [{ ...query, cursor }, ...others];
        this.#append(items);
      }
      this.state = "ready";
    } catch (error) {
      if (signal.aborted) return;
      this.state = "failed";
      this.error = error;
      if (!this.#begun) this.#append([]);
    }
    this.tell();
  }

  /** Whether more files are wanted, and there may be some. */
  get #short(): boolean {
    return !this.#begun || (this.more && this.items.length < this.#room);
  }

  #append(page: readonly FileInfo[]): void {
    if (!this.#begun) this.#ids.clear();
    // A file that was stored meanwhile is listed already.
    const fresh = page.filter(({ fileId }) => !this.#ids.has(fileId));
    for (const { fileId } of fresh) this.#ids.add(fileId);
    let items: readonly FileInfo[] = this.#begun ? [...this.items, ...fresh] : fresh;
    this.#begun = true;
    for (const file of this.#stored.values()) {
      if (!this.#ids.has(file.fileId)) items = this.#placed(items, file);
    }
    this.#set(items);
  }

  #wants({ folder, name }: FileInfo): boolean {
    const { folder: wanted, search } = this.view;
    return (wanted === null || folder === wanted) && folded(name).includes(folded(search));
  }

  /** With a file at its place, in a search on top; as before if that lies in what is not loaded. */
  #placed(items: readonly FileInfo[], file: FileInfo): readonly FileInfo[] {
    const place = this.view.search === "" ? this.#placeOf(items, file) : 0;
    if (place > 0 && place === items.length && this.more) return items;
    this.#ids.add(file.fileId);
    return items.toSpliced(place, 0, file);
  }

  #placeOf(items: readonly FileInfo[], file: FileInfo): number {
    const { sort } = this.view;
    const order = ORDERS[sort.replace(/^-/, "")] ?? (() => 0);
    const sign = sort.startsWith("-") ? -1 : 1;
    let [low, high] = [0, items.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      const there = items[middle];
      if (there && sign * order(there, file) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #set(items: readonly FileInfo[]): void {
    this.items = items;
    this.tell();
  }
}

function queriesOf({ folder, sort, search }: View): readonly ListQuery[] {
  const within = folder === null ? {} : { folder };
  if (search === "") return [{ ...within, sort }];
  // The first is an index's range, however many files there are; the second looks at all names.
  return [
    { ...within, prefix: search },
    { ...within, q: search },
  ];
}
