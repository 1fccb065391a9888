/** What is dropped on the page with the mouse. */

/** Files that systems put into folders by themselves. */
const SYSTEM_FILE = /^(\.DS_Store|Thumbs\.db|desktop\.ini)$/i;

export function isSystemFile(name: string): boolean {
  return SYSTEM_FILE.test(name);
}

/** Files and folders of a drop. Only within its event: browsers forget them afterwards. */
export function entriesOf(event: DragEvent): FileSystemEntry[] {
  const items = [...(event.dataTransfer?.items ?? [])];
  return items.map((item) => item.webkitGetAsEntry()).filter((entry) => entry !== null);
}

/** Whether there is a file to upload in any of them, however deep; looks no further than that. */
export async function holdsFile(entries: readonly FileSystemEntry[]): Promise<boolean> {
  for (const entry of entries) {
    if (!entry.isDirectory) {
      if (!isSystemFile(entry.name)) return true;
      continue;
    }
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
