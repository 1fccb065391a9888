/** Puts what is asked while a request is under way into the next one: no timers, no idle waits. */
export class Batcher<I, O> {
  #queue: { item: I; resolve: (answer: O) => void; reject: (error: unknown) => void }[] = [];
  #running = false;

  /** `run` answers as many as it got, in the same order; what it throws fails all of them. */
  constructor(
    private readonly size: number,
    private readonly run: (items: I[]) => Promise<O[]>,
  ) {}

  add(item: I): Promise<O> {
    return new Promise((resolve, reject) => {
      this.#queue.push({ item, resolve, reject });
      if (this.#running) return;
      this.#running = true;
      // Those that are added in the same turn of the event loop still come along.
      setTimeout(() => void this.#drain());
    });
  }

  async #drain(): Promise<void> {
    while (this.#queue.length > 0) {
      const batch = this.#queue.splice(0, this.size);
      try {
        const answers = await this.run(batch.map((entry) => entry.item));
        batch.forEach((entry, index) => {
          entry.resolve(answers[index] as O);
        });
      } catch (error) {
        for (const entry of batch) entry.reject(error);
      }
    }
    this.#running = false;
  }
}
