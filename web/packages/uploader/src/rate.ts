const WINDOW = 5_000;
const GRAIN = 250;

/** Bytes a second over the last seconds in which any moved. */
export class RateMeter {
  #grewAt = Number.NaN;
  readonly #samples: { at: number; bytes: number }[] = [];

  constructor(private readonly now: () => number) {}

  /** `bytes`: the count so far, which may go backward. */
  record(bytes: number): void {
    const at = this.now();
    // What was before an outage, or a part that has to be sent again, says nothing of the pace now.
    if (bytes < (this.#samples.at(-1)?.bytes ?? 0)) this.reset();
    const last = this.#samples.at(-1);
    if (last && bytes > last.bytes) {
      if (at - this.#grewAt > WINDOW) this.reset();
      this.#grewAt = at;
    }
    if (last && at - last.at < GRAIN && this.#samples.length > 1) last.bytes = bytes;
    else this.#samples.push({ at, bytes });
    while (this.#samples.length > 2 && at - (this.#samples[1]?.at ?? at) > WINDOW)
      this.#samples.shift();
  }

  /** After a pause or at the begin of a phase, when the past says nothing. */
  reset(): void {
    this.#samples.length = 0;
    this.#grewAt = Number.NaN;
  }

  get rate(): number {
    const first = this.#samples[0];
    const last = this.#samples.at(-1);
    if (!first || !last) return 0;
    const now = this.now();
    if (now <= first.at || now - last.at > WINDOW) return 0;
    return Math.max(0, ((last.bytes - first.bytes) * 1000) / (now - first.at));
  }

  /** Seconds for `bytes` more at this rate, null while unknown. */
  secondsFor(bytes: number): number | null {
    if (bytes <= 0) return 0;
    const rate = this.rate;
    return rate > 0 ? bytes / rate : null;
  }
}
