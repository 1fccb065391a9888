/** All that is in folders, however deep. */

import type { FilesApi } from "@wideload/uploader";
import { foldersIn } from "./folders.js";
import { isFile, type Row } from "./rows.js";

/** The rows, and below each folder what is in it: its files, then its folders. */
export async function* walk(
  api: FilesApi,
  rows: readonly Row[],
  signal?: AbortSignal,
): AsyncGenerator<Row, void, void> {
  for (const row of rows) {
    yield row;
    if (isFile(row)) continue;
    yield* api.all({ folder: row.folder, sort: "name" }, signal);
    yield* walk(api, await foldersIn(api, row.folder, signal), signal);
  }
}

export interface Count {
  readonly files: number;
  readonly folders: number;
  /** Whether there are more than were counted. */
  readonly more: boolean;
}

/** Counts rows and what is in them, up to a number. */
export async function count(
  api: FilesApi,
  rows: readonly Row[],
  most: number,
  signal?: AbortSignal,
): Promise<Count> {
  let [files, folders] = [0, 0];
  for await (const row of walk(api, rows, signal)) {
    if (isFile(row)) files += 1;
    else folders += 1;
    if (files + folders > most) return { files: Math.min(files, most), folders, more: true };
  }
  return { files, folders, more: false };
}
