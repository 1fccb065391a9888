/** Rows of the list that are selected, by their keys. No DOM. */

import { Subject } from "./subject.js";

export class Selection extends Subject {
  #keys: ReadonlySet<string> = new Set();
  /** Where a range begins that is selected with Shift. */
  #anchor: string | null = null;

  /** Another set after each change. */
  get keys(): ReadonlySet<string> {
    return this.#keys;
  }

  has(key: string): boolean {
    return this.#keys.has(key);
  }

  get size(): number {
    return this.#keys.size;
  }

  toggle(key: string): void {
    const keys = new Set(this.#keys);
    if (!keys.delete(key)) keys.add(key);
    this.#anchor = key;
    this.#set(keys);
  }

  /**
   * Adds the rows from the one that was toggled last to this one.
   *
   * @param order - Keys of all rows.
   */
  extend(order: readonly string[], key: string): void {
    const end = order.indexOf(key);
    const anchor = this.#anchor === null ? -1 : order.indexOf(this.#anchor);
    const start = anchor < 0 ? end : anchor;
    if (anchor < 0) this.#anchor = key;
    const range = order.slice(Math.min(start, end), Math.max(start, end) + 1);
    this.#set(new Set([...this.#keys, ...range]));
  }

  /** Selects these rows and no others. */
  set(keys: Iterable<string>): void {
    this.#set(new Set(keys));
  }

  /** Takes rows that are gone out of the selection. */
  remove(keys: Iterable<string>): void {
    const left = new Set(this.#keys);
    for (const key of keys) left.delete(key);
    if (left.size < this.#keys.size) this.#set(left);
  }

  clear(): void {
    this.#anchor = null;
    if (this.#keys.size > 0) this.#set(new Set());
  }

  #set(keys: ReadonlySet<string>): void {
    this.#keys = keys;
    this.tell();
  }
}
