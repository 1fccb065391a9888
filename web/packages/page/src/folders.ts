/** The person's folders, as far as they were opened. No DOM. */

import type { FilesApi, Folder } from "@wideload/uploader";
import { compareNames } from "./names.js";
import { isWithin, lastOf, parentOf, steps } from "./paths.js";
import { Subject } from "./subject.js";

/** The folders in a folder, by name. */
export interface Branch {
  readonly items: readonly Folder[];
  readonly state: "loading" | "ready" | "failed";
  /** When failed. */
  readonly error: unknown;
}

export class Folders extends Subject {
  readonly #api: FilesApi;
  readonly #branches = new Map<string, Branch>();
  readonly #running = new Map<string, Promise<void>>();
  /** Changed since their reading began. */
  readonly #changed = new Set<string>();

  constructor(api: FilesApi) {
    super();
    this.#api = api;
  }

  /** Undefined if it was not loaded. */
  branch(path: string): Branch | undefined {
    return this.#branches.get(path);
  }

  /** Reads the folders in a folder anew; while that runs, what was known stays. */
  load(path: string): Promise<void> {
    const running = this.#running.get(path) ?? this.#read(path);
    this.#running.set(path, running);
    return running;
  }

  async make(path: string): Promise<void> {
    this.add((await this.#api.createFolder(path)).folder);
  }

  /** Renames or moves a folder with all that is in it. */
  async move(path: string, to: string): Promise<void> {
    const { folder } = await this.#api.moveFolder(path, to);
    this.#drop(path);
    this.add(folder);
  }

  async delete(path: string): Promise<void> {
    try {
      await this.#api.deleteFolder(path);
    } catch (error) {
      // Gone already is what was wanted.
      if ((error as { code?: string }).code !== "unknown_folder") throw error;
    }
    this.#drop(path);
  }

  /** Shows a folder that was made, with those above it. Those that were missing are read anew. */
  add(path: string): void {
    const createdAt = new Date().toISOString();
    for (const step of steps(path)) {
      if (this.#branches.get(step)?.state === "failed") void this.load(step);
      const parent = parentOf(step);
      const branch = this.#branches.get(parent);
      if (!branch || branch.items.some(({ folder }) => folder === step)) continue;
      const folder = { folder: step, name: lastOf(step), createdAt };
      this.#changed.add(parent);
      this.#set(parent, { items: inserted(branch.items, folder) });
    }
  }

  #drop(path: string): void {
    for (const known of [...this.#branches.keys()]) {
      if (isWithin(known, path)) this.#branches.delete(known);
    }
    const parent = parentOf(path);
    const items = this.#branches.get(parent)?.items ?? [];
    this.#changed.add(parent);
    this.#set(parent, { items: items.filter(({ folder }) => folder !== path) });
  }

  async #read(path: string): Promise<void> {
    this.#set(path, { state: "loading", error: null });
    try {
      let items: readonly Folder[];
      do {
        this.#changed.delete(path);
        items = await foldersIn(this.#api, path);
      } while (this.#changed.has(path));
      this.#set(path, { items, state: "ready" });
    } catch (error) {
      this.#set(path, { state: "failed", error });
    } finally {
      this.#running.delete(path);
    }
  }

  #set(path: string, change: Partial<Branch>): void {
    const before = this.#branches.get(path) ?? { items: [], state: "ready", error: null };
    this.#branches.set(path, { ...before, ...change });
    this.tell();
  }
}

/** All folders in a folder, by name. */
export async function foldersIn(
  api: FilesApi,
  folder: string,
  signal?: AbortSignal,
): Promise<readonly Folder[]> {
  const all: Folder[] = [];
  let cursor: string | null = null;
  do {
    const page = await api.folders({ folder, cursor, limit: 100 }, signal);
    all.push(...page.items);
    cursor = page.cursor;
  } while (cursor !== null);
  return all;
}

function inserted(folders: readonly Folder[], folder: Folder): readonly Folder[] {
  const next = folders.findIndex(({ name }) => compareNames(name, folder.name) > 0);
  return next < 0 ? [...folders, folder] : folders.toSpliced(next, 0, folder);
}
