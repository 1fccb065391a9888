/** How names of files are compared. */

/**
 * A name for comparing, as the API does: without case, with accents written one way, and with a
 * plain space for each white space. So what is typed finds the U+202F of macOS's screenshots.
 */
export function folded(name: string): string {
  return name
    .normalize("NFC")
    .toLowerCase()
    .toUpperCase()
    .replace(/\p{White_Space}/gu, " ");
}

/** Order of lists by name, as the API sorts them. */
export function compareNames(one: string, other: string): number {
  const [a, b] = [folded(one), folded(other)];
  if (a === b) return one < other ? -1 : Number(one > other);
  return a < b ? -1 : 1;
}
