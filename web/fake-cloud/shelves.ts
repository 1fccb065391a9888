/** Files and folders of each person, in memory: names, lists, and moves. */

import { folded } from "../packages/page/src/names.ts";
import { type Answer, problem } from "./answers.ts";

export interface StoredFile {
  readonly file_id: string;
  folder: string;
  name: string;
  readonly size: number;
  readonly content_type: string;
  readonly sha256: string;
  readonly verified: boolean;
  readonly verified_by?: "s3" | "verifier" | undefined;
  readonly created_at: string;
  readonly modified_at?: string | undefined;
  readonly corrupt?: true | undefined;
  readonly quarantined?: { readonly reason: string; readonly detail?: string } | undefined;
  readonly metadata?: Readonly<Record<string, string>> | undefined;
}

export interface StoredFolder {
  readonly folder: string;
  readonly name: string;
  readonly created_at: string;
}

/** Names that one request for a list looks at in a search, found or not. */
const SCANNED = 250;
const LONGEST_PATH = 1024;
const MOST_SEGMENTS = 32;
// U+202A to U+202E and U+2066 to U+2069 change the direction of what follows.
const REFUSED = /[/\\\p{Cc}\p{Cs}\p{Zl}\p{Zp}\u202a-\u202e\u2066-\u2069]/u;

export function badName(name: unknown): boolean {
  if (typeof name !== "string" || name === "" || [...name].length > 255) return true;
  return name === "." || name === ".." || REFUSED.test(name);
}

export function badPath(folder: unknown): boolean {
  if (folder === "") return false;
  if (typeof folder !== "string" || [...folder].length > LONGEST_PATH) return true;
  const segments = folder.split("/");
  return segments.length > MOST_SEGMENTS || segments.some(badName);
}

const ORDERS: Readonly<Record<string, (file: StoredFile) => string | number>> = {
  created_at: (file) => file.created_at,
  name: (file) => folded(file.name),
  size: (file) => file.size,
};

export class Shelves {
  readonly files = new Map<string, StoredFile>();
  readonly #owners = new Map<string, string>();
  /** By owner, then by path. */
  readonly #folders = new Map<string, Map<string, StoredFolder>>();
  /** File by owner, folder and name. */
  readonly #names = new Map<string, StoredFile>();
  /** Lists that were sorted since the last change. */
  readonly #sorted = new Map<string, StoredFile[]>();

  get(owner: string, fileId: string): StoredFile | undefined {
    return this.#owners.get(fileId) === owner ? this.files.get(fileId) : undefined;
  }

  at(owner: string, folder: string, name: string): StoredFile | undefined {
    return this.#names.get(keyOf(owner, folder, name));
  }

  /** A file with this content. */
  same(owner: string, size: number, sha256: string): StoredFile | undefined {
    for (const file of this.files.values()) {
      if (file.sha256 !== sha256 || file.size !== size) continue;
      if (this.#owners.get(file.file_id) === owner) return file;
    }
    return undefined;
  }

  add(owner: string, file: StoredFile): void {
    this.files.set(file.file_id, file);
    this.#owners.set(file.file_id, owner);
    this.#names.set(keyOf(owner, file.folder, file.name), file);
    this.#sorted.clear();
  }

  remove(fileId: string): void {
    const file = this.files.get(fileId);
    if (!file) return;
    this.#names.delete(keyOf(this.#owners.get(fileId) ?? "", file.folder, file.name));
    this.files.delete(fileId);
    this.#owners.delete(fileId);
    this.#sorted.clear();
  }

  /** Renames or moves a file, to a name that is free. */
  place(owner: string, file: StoredFile, folder: string, name: string): void {
    this.#names.delete(keyOf(owner, file.folder, file.name));
    file.name = this.freeName(owner, folder, name);
    file.folder = folder;
    this.add(owner, file);
  }

  /**
   * The name, else the first of `offer (2).txt`, `offer (3).txt`, … that is free.
   *
   * @param isSame - A file for which its name counts as free, so that a repeated request adds nothing.
   */
  freeName(
    owner: string,
    folder: string,
    name: string,
    isSame: (file: StoredFile) => boolean = () => false,
  ): string {
    const dot = name.lastIndexOf(".");
    const stem = dot > 0 ? name.slice(0, dot) : name;
    const end = dot > 0 ? name.slice(dot) : "";
    for (let number = 1; ; number += 1) {
      const free = number === 1 ? name : `${stem} (${number})${end}`;
      const there = this.at(owner, folder, free);
      if (!there || isSame(there)) return free;
    }
  }

  /** Makes a folder and those above it, unless they are there. */
  ensure(owner: string, folder: string, created_at: string): StoredFolder {
    const all = this.#foldersOf(owner);
    const segments = folder === "" ? [] : folder.split("/");
    segments.forEach((name, index) => {
      const path = segments.slice(0, index + 1).join("/");
      if (!all.has(path)) all.set(path, { folder: path, name, created_at });
    });
    return all.get(folder) ?? { folder: "", name: "", created_at };
  }

  folders(owner: string, parent: string, query: URLSearchParams): Answer {
    const all = this.#foldersOf(owner);
    if (parent !== "" && !all.has(parent)) return problem(404, "unknown_folder");
    const children = [...all.values()].filter(({ folder }) => parentOf(folder) === parent);
    children.sort((a, b) => compare(folded(a.name), folded(b.name)));
    const start = Number(query.get("cursor") ?? 0);
    const end = start + Number(query.get("limit") ?? 50);
    const cursor = end < children.length ? String(end) : null;
    return { status: 200, body: { items: children.slice(start, end), cursor } };
  }

  moveFolder(owner: string, folder: string, to: string, created_at: string): Answer {
    const all = this.#foldersOf(owner);
    if (badPath(to)) return problem(400, "invalid_name");
    if (to === "" || isWithin(to, folder)) return problem(400, "invalid_request");
    const moved = all.get(folder);
    if (!moved) return problem(404, "unknown_folder");
    if (all.has(to)) return problem(409, "name_exists");
    this.ensure(owner, parentOf(to), created_at);
    for (const each of [...all.values()].filter((other) => isWithin(other.folder, folder))) {
      const path = to + each.folder.slice(folder.length);
      all.delete(each.folder);
      all.set(path, { ...each, folder: path, name: path.slice(path.lastIndexOf("/") + 1) });
    }
    for (const file of this.#of(owner, ({ folder: path }) => isWithin(path, folder))) {
      this.place(owner, file, to + file.folder.slice(folder.length), file.name);
    }
    return { status: 200, body: { folder: all.get(to) } };
  }

  /** Ids of the files that are gone with it; undefined if there is no such folder. */
  deleteFolder(owner: string, folder: string): string[] | undefined {
    const all = this.#foldersOf(owner);
    if (!all.has(folder)) return undefined;
    for (const path of [...all.keys()]) if (isWithin(path, folder)) all.delete(path);
    const files = this.#of(owner, ({ folder: path }) => isWithin(path, folder));
    for (const { file_id } of files) this.remove(file_id);
    return files.map(({ file_id }) => file_id);
  }

  list(url: URL, owner: string): Answer {
    const query = url.searchParams;
    const folder = query.get("folder");
    const prefix = folded(query.get("prefix") ?? "");
    const order = query.get("sort") ?? (prefix === "" ? "-created_at" : "name");
    const by = order.replace(/^-/, "");
    const known = by in ORDERS && (by !== "size" || folder !== null);
    if (!known || (prefix !== "" && by !== "name")) return problem(400, "invalid_request");
    if (badPath(folder ?? "")) return problem(400, "invalid_name");
    const all = this.#list(owner, folder, order, prefix);
    const limit = Number(query.get("limit") ?? 50);
    const q = folded(query.get("q") ?? "");
    const items: StoredFile[] = [];
    let next = Number(query.get("cursor") ?? 0);
    const end = Math.min(all.length, next + (q === "" ? limit : SCANNED));
    for (; next < end && items.length < limit; next += 1) {
      const file = all[next];
      if (file && folded(file.name).includes(q)) items.push(file);
    }
    return { status: 200, body: { items, cursor: next < all.length ? String(next) : null } };
  }

  /** A whole list, sorted. */
  #list(owner: string, folder: string | null, order: string, prefix: string): StoredFile[] {
    const key = JSON.stringify([owner, folder, order, prefix]);
    const known = this.#sorted.get(key);
    if (known) return known;
    const files = this.#of(
      owner,
      (file) => (folder === null || file.folder === folder) && folded(file.name).startsWith(prefix),
    );
    const keyOfFile = ORDERS[order.replace(/^-/, "")] ?? String;
    const keyed = files.map((file) => ({ file, key: keyOfFile(file) }));
    const sign = order.startsWith("-") ? -1 : 1;
    keyed.sort((a, b) => sign * compare(a.key, b.key));
    const sorted = keyed.map(({ file }) => file);
    this.#sorted.set(key, sorted);
    return sorted;
  }

  #of(owner: string, wanted: (file: StoredFile) => boolean): StoredFile[] {
    return [...this.files.values()].filter(
      (file) => this.#owners.get(file.file_id) === owner && wanted(file),
    );
  }

  #foldersOf(owner: string): Map<string, StoredFolder> {
    const all = this.#folders.get(owner) ?? new Map<string, StoredFolder>();
    this.#folders.set(owner, all);
    return all;
  }
}

function isWithin(path: string, folder: string): boolean {
  return path === folder || path.startsWith(`${folder}/`);
}

function parentOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf("/")));
}

function keyOf(owner: string, folder: string, name: string): string {
  return JSON.stringify([owner, folder, name]);
}

function compare(a: string | number, b: string | number): number {
  return a < b ? -1 : Number(a > b);
}
