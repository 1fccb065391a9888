/** Notices: shown for a while, and read out by screen readers. */

import { Subject } from "./subject.js";

export interface Notice {
  readonly id: number;
  readonly text: string;
  readonly kind: "done" | "problem";
}

const SHOWN_MS = 6000;
const MOST = 4;

export class Notices extends Subject {
  #last = 0;
  current: readonly Notice[] = [];

  /** Says something that takes care of itself. */
  done(text: string): void {
    const { id } = this.#add(text, "done");
    setTimeout(() => this.dismiss(id), SHOWN_MS);
  }

  /** Says something that went well and that the person should not miss: it stays. */
  kept(text: string): void {
    this.#add(text, "done");
  }

  /** Says what went wrong and what to do: it stays. */
  problem(text: string): void {
    this.#add(text, "problem");
  }

  dismiss(id: number): void {
    this.#set(this.current.filter((notice) => notice.id !== id));
  }

  #add(text: string, kind: Notice["kind"]): Notice {
    this.#last += 1;
    const notice = { id: this.#last, text, kind };
    const others = this.current.filter((other) => other.text !== text);
    this.#set([...others, notice].slice(-MOST));
    return notice;
  }

  #set(current: readonly Notice[]): void {
    this.current = current;
    this.tell();
  }
}
