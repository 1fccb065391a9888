/** The open folder. The hash of the page's address names it (`#/2026/March`), so "back" works. */

import { Subject } from "./subject.js";

const KEPT = "wideload.hash";

export function hashOf(folder: string): string {
  return `#/${folder.split("/").map(encodeURIComponent).join("/")}`;
}

/** The folder that a hash names; null if it names none. */
export function folderOf(hash: string): string | null {
  if (!hash.startsWith("#/")) return null;
  try {
    return hash.slice(2).split("/").filter(Boolean).map(decodeURIComponent).join("/");
  } catch {
    return null;
  }
}

export class Place extends Subject {
  readonly #window: Window;
  readonly #closed = new AbortController();
  #folder: string;

  constructor(window: Window) {
    super();
    this.#window = window;
    this.#folder = folderOf(window.location.hash) ?? "";
    const { signal } = this.#closed;
    window.addEventListener("hashchange", () => this.#follow(), { signal });
  }

  get folder(): string {
    return this.#folder;
  }

  open(folder: string): void {
    if (folder === this.#folder) return;
    // The event comes later: whoever asks meanwhile gets the new folder.
    this.#window.location.hash = hashOf(folder);
    this.#change(folder);
  }

  /** Stops following the address. */
  close(): void {
    this.#closed.abort();
  }

  #follow(): void {
    const { hash } = this.#window.location;
    const folder = hash === "" ? "" : folderOf(hash);
    // A link within the page: the browser has gone there, and the folder stays.
    if (folder === null) this.#window.history.replaceState(null, "", hashOf(this.#folder));
    else if (folder !== this.#folder) this.#change(folder);
  }

  #change(folder: string): void {
    this.#folder = folder;
    this.tell();
  }
}

/** Keeps the hash while the person is at the sign-in page, which sends them back without it. */
export function keepHash(storage: Storage, hash: string): void {
  storage.setItem(KEPT, hash);
}

/** The hash that was kept, once. */
export function takeHash(storage: Storage): string {
  const hash = storage.getItem(KEPT) ?? "";
  storage.removeItem(KEPT);
  return hash;
}
