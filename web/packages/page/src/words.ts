/** Texts of the page, in the language of the browser if there is a file of it. */

import { en } from "./words/en.js";

export type Words = typeof en;

const LANGUAGES: readonly Words[] = [en];

/** The first of the languages that is there; else English. */
export function wordsFor(preferred: readonly string[]): Words {
  for (const tag of preferred) {
    const found = LANGUAGES.find(({ language }) => tag.split("-")[0] === language);
    if (found) return found;
  }
  return en;
}

export const words = wordsFor(navigator.languages);
