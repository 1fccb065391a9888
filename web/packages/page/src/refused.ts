/** Files and folders for which something was refused. */

import { words } from "./words.js";

const SHOWN = 5;

export interface Refused {
  readonly name: string;
  /** Cause and remedy. */
  readonly reason: string;
}

/** A sentence, then the first of what was refused, and why. */
export function withRefused(sentence: string, refused: readonly Refused[]): string {
  const shown = refused
    .slice(0, SHOWN)
    .map(({ name, reason }) => words.common.refused(name, reason));
  const more = refused.length - SHOWN;
  return [sentence, ...shown, ...(more > 0 ? [words.common.moreRefused(more)] : [])].join(" ");
}
