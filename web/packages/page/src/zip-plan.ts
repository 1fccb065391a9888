/** Contents of a ZIP: every file with its path, and folders without files. */

import type { FileInfo, FilesApi } from "@wideload/uploader";
import { predictLength } from "client-zip";
import { folded } from "./names.js";
import { joined, parentOf } from "./paths.js";
import type { Refused } from "./refused.js";
import { isFile, isWithheld, type Row } from "./rows.js";
import { walk } from "./walk.js";
import { words } from "./words.js";

export interface Entry {
  readonly path: string;
  /** Null for a folder without files. */
  readonly file: FileInfo | null;
}

export interface Plan {
  readonly entries: readonly Entry[];
  /** Files that can't be downloaded. */
  readonly refused: readonly Refused[];
  /** Bytes of the ZIP. */
  readonly size: number;
}

/**
 * Lists what a ZIP of rows holds. Paths begin below a folder.
 *
 * @param base - Folder that all rows lie in; empty: the top.
 */
export async function planZip(
  api: FilesApi,
  rows: readonly Row[],
  base: string,
  signal: AbortSignal,
): Promise<Plan> {
  const files: FileInfo[] = [];
  const refused: Refused[] = [];
  const folders: string[] = [];
  const below = (path: string) => (base === "" ? path : path.slice(base.length + 1));
  for await (const row of walk(api, rows, signal)) {
    if (!isFile(row)) folders.push(below(row.folder));
    else if (isWithheld(row)) refused.push({ name: row.name, reason: withheldReason(row) });
    else files.push(row);
  }
  const free = new FreePaths([words.zip.listName, ...folders]);
  const entries: Entry[] = files.map((file) => ({
    path: free.take(below(joined(file.folder, file.name))),
    file,
  }));
  const used = new Set([...entries.map(({ path }) => path), ...folders].map(parentOf));
  for (const path of folders) if (!used.has(path)) entries.push({ path, file: null });
  const metadata = entries.map(({ path, file }) =>
    file ? { name: path, size: file.size } : { name: `${path}/` },
  );
  return { entries, refused, size: Number(predictLength(metadata)) };
}

function withheldReason({ quarantined }: FileInfo): string {
  if (quarantined === null) return words.errors.codes["corrupt"] ?? "";
  return quarantined.detail ?? words.files.quarantine[quarantined.reason].reason;
}

/** Paths that differ in more than case, by which Windows and macOS don't tell files apart. */
class FreePaths {
  readonly #taken: Set<string>;

  constructor(taken: readonly string[]) {
    this.#taken = new Set(taken.map(folded));
  }

  take(path: string): string {
    const slash = path.lastIndexOf("/") + 1;
    const dot = path.lastIndexOf(".");
    const end = dot > slash ? dot : path.length;
    for (let number = 1; ; number += 1) {
      const mark = number === 1 ? "" : ` (${number})`;
      const free = path.slice(0, end) + mark + path.slice(end);
      if (this.#taken.has(folded(free))) continue;
      this.#taken.add(folded(free));
      return free;
    }
  }
}
