/** How names of files are compared. */

/**
 * A name for comparing: without case, with accents written one way, and with a plain space for each
 * run of white space. So what is typed finds the U+202F that macOS writes into screenshots' names.
 */
export function folded(name: string): string {
  return name.normalize("NFC").toLowerCase().toUpperCase().replace(/\s+/g, " ");
}

/** The longest word, for the API, which compares white space as it is. */
export function longestWord(text: string): string {
  return text
    .split(/\s+/)
    .reduce((longest, word) => (word.length > longest.length ? word : longest), "");
}
