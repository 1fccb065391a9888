/** Files and folders dropped on the page. */

import { words } from "./words.js";

const MOST_NAMED = 5;

/** Left behind by file managers. The command line leaves out the same (tree.py). */
const SYSTEM_FILE = /^(\.DS_Store|Thumbs\.db|desktop\.ini)$/i;

export function isSystemFile(name: string): boolean {
  return SYSTEM_FILE.test(name);
}

/** Message about files that were skipped. */
export function leftOut(paths: readonly string[]): string {
  const more = paths.length - MOST_NAMED;
  return words.uploads.skippedSystemFiles(paths.slice(0, MOST_NAMED), more);
}

/** Files and folders of a drop. Only within its event: browsers forget them afterwards. */
export function entriesOf(event: DragEvent): FileSystemEntry[] {
  const items = [...(event.dataTransfer?.items ?? [])];
  return items.map((item) => item.webkitGetAsEntry()).filter((entry) => entry !== null);
}

/** Whether there is a file in any of them, however deep; looks no further than that. */
export async function holdsFile(entries: readonly FileSystemEntry[]): Promise<boolean> {
  for (const entry of entries) {
    if (!entry.isDirectory) return true;
    const reader = (entry as FileSystemDirectoryEntry).createReader();
    for (let some = await read(reader); some.length > 0; some = await read(reader)) {
      if (await holdsFile(some)) return true;
    }
  }
  return false;
}

/** Some more entries of a folder; none at its end. */
function read(reader: FileSystemDirectoryReader): Promise<FileSystemEntry[]> {
  return new Promise((resolve, reject) => reader.readEntries(resolve, reject));
}
