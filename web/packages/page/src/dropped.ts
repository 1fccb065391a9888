/** Files and folders dropped on the page. */

import { joined } from "./paths.js";
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

export interface Survey {
  /** Whether there is any file to upload. */
  readonly files: boolean;
  /** Paths of the folders without files and folders, which uploads of files don't make. */
  readonly emptyFolders: readonly string[];
}

/** Looks through folders, however deep. */
export async function survey(entries: readonly FileSystemEntry[], path = ""): Promise<Survey> {
  let files = false;
  const emptyFolders: string[] = [];
  for (const entry of entries) {
    if (!entry.isDirectory) {
      files ||= !isSystemFile(entry.name);
      continue;
    }
    const folder = joined(path, entry.name);
    const within = await survey(await children(entry as FileSystemDirectoryEntry), folder);
    files ||= within.files;
    if (within.files || within.emptyFolders.length > 0) emptyFolders.push(...within.emptyFolders);
    else emptyFolders.push(folder);
  }
  return { files, emptyFolders };
}

/** Browsers give the entries of a folder a few at a time, then none. */
async function children(folder: FileSystemDirectoryEntry): Promise<FileSystemEntry[]> {
  const reader = folder.createReader();
  const all: FileSystemEntry[] = [];
  for (;;) {
    const some = await new Promise<FileSystemEntry[]>((resolve, reject) =>
      reader.readEntries(resolve, reject),
    );
    if (some.length === 0) return all;
    all.push(...some);
  }
}
