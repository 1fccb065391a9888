import { Switch } from "./gate.js";
import type { Slots } from "./slots.js";
import type { Gate } from "./types.js";

/**
 * Runs `work` once it has its turn, with a gate that is open as long as it has: while `gate` is
 * closed, others have the slot.
 */
export async function inTurn<T>(
  { gate, slots, signal }: { gate: Switch; slots: Slots; signal: AbortSignal },
  work: (turn: Gate, signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const ended = new AbortController();
  const either = AbortSignal.any([signal, ended.signal]);
  const turn = new Switch();
  turn.set(false);
  const alternate = async () => {
    for (;;) {
      await gate.wait(either);
      const release = await slots.take(either);
      turn.set(gate.open);
      try {
        await gate.closed(either);
      } finally {
        turn.set(false);
        release();
      }
    }
  };
  // It ends by one of the signals alone.
  alternate().catch(() => {});
  try {
    await turn.wait(signal);
    return await work(turn, signal);
  } finally {
    ended.abort();
  }
}
