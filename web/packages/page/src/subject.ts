/** Base of what components draw: tells its listeners of changes. */
export class Subject {
  readonly #listeners = new Set<() => void>();

  /** Calls back after each change; the answer unsubscribes. */
  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  protected tell(): void {
    for (const listener of this.#listeners) listener();
  }
}
