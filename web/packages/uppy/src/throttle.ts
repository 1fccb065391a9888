/** At most one call per id and interval, the last one always made, unless dropped. */
export class Throttle {
  readonly #pending = new Map<
    string,
    { call: (() => void) | null; timer: ReturnType<typeof setTimeout> }
  >();

  constructor(private readonly interval: number) {}

  run(id: string, call: () => void): void {
    const pending = this.#pending.get(id);
    if (pending) {
      pending.call = call;
      return;
    }
    call();
    this.#wait(id);
  }

  /** Calls after the interval at the earliest. */
  later(id: string, call: () => void): void {
    if (!this.#pending.has(id)) this.#wait(id);
    this.run(id, call);
  }

  drop(id: string): void {
    clearTimeout(this.#pending.get(id)?.timer);
    this.#pending.delete(id);
  }

  clear(): void {
    for (const id of [...this.#pending.keys()]) this.drop(id);
  }

  #wait(id: string): void {
    const timer = setTimeout(() => {
      const call = this.#pending.get(id)?.call;
      this.#pending.delete(id);
      if (!call) return;
      call();
      this.#wait(id);
    }, this.interval);
    this.#pending.set(id, { call: null, timer });
  }
}
