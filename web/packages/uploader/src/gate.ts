import { until } from "./pacing.js";
import type { Gate } from "./types.js";

/** A gate that its owner opens and closes. */
export class Switch implements Gate {
  #open = true;
  readonly #listeners = new Set<(open: boolean) => void>();

  get open(): boolean {
    return this.#open;
  }

  set(open: boolean): void {
    if (open === this.#open) return;
    this.#open = open;
    for (const listener of [...this.#listeners]) listener(open);
  }

  wait(signal?: AbortSignal): Promise<void> {
    return until(
      () => this.#open,
      (listener) => this.subscribe(listener),
      signal,
    );
  }

  /** Settles when it is closed. */
  closed(signal?: AbortSignal): Promise<void> {
    return until(
      () => !this.#open,
      (listener) => this.subscribe(listener),
      signal,
    );
  }

  subscribe(listener: (open: boolean) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}
