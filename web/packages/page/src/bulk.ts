/** Deletes and moves of many rows, in as few requests as the API allows. */

import { type FileInfo, type FilesApi, type IfExists, NameExistsError } from "@wideload/uploader";
import type { Conflict } from "./conflicts.js";
import { explain } from "./explain.js";
import type { Folders } from "./folders.js";
import { joined, parentOf } from "./paths.js";
import type { Refused } from "./refused.js";
import { isFile, type Row } from "./rows.js";

const FILES_PER_REQUEST = 100;

/**
 * Deletes files, and folders with all that is in them; answers those that the API refuses. Rows that
 * are gone already count as deleted.
 *
 * @param onDeleted - Called after each request.
 */
export async function deleteRows(
  api: FilesApi,
  folders: Folders,
  rows: readonly Row[],
  onDeleted: (rows: readonly Row[]) => void,
): Promise<readonly Refused[]> {
  const refused: Refused[] = [];
  for (const files of batches(rows.filter(isFile))) {
    const answers = await api.deleteFiles(files.map(({ fileId }) => fileId));
    const deleted = files.filter((file, index) => {
      const answer = answers[index];
      if (answer?.kind !== "refused" || answer.error.code === "unknown_file") return true;
      refused.push(refusal(file, answer.error));
      return false;
    });
    onDeleted(deleted);
  }
  for (const row of rows) {
    if (isFile(row)) continue;
    try {
      await folders.delete(row.folder);
      onDeleted([row]);
    } catch (error) {
      refused.push(refusal(row, error));
    }
  }
  return refused;
}

export interface Moving {
  readonly refused: readonly Refused[];
  /** Files whose name another file of the new folder has. */
  readonly conflicts: readonly Conflict[];
}

/**
 * Moves files to a folder.
 *
 * @param onMoved - Called after each request with the files as they are now.
 */
export async function moveFiles(
  api: FilesApi,
  files: readonly FileInfo[],
  to: string,
  ifExists: IfExists,
  onMoved: (files: readonly FileInfo[]) => void,
): Promise<Moving> {
  const refused: Refused[] = [];
  const conflicts: Conflict[] = [];
  for (const batch of batches(files.filter(({ folder }) => folder !== to))) {
    const ids = batch.map(({ fileId }) => fileId);
    const moved: FileInfo[] = [];
    for (const [index, answer] of (await api.moveFiles(ids, to, ifExists)).entries()) {
      const file = batch[index];
      if (file === undefined) break;
      if (answer.kind === "moved") moved.push(answer.file);
      if (answer.kind !== "refused") continue;
      const { error } = answer;
      if (error instanceof NameExistsError) {
        const { fileId, name, size } = file;
        conflicts.push({ fileId, name, size, existing: error.file });
      } else refused.push(refusal(file, error));
    }
    onMoved(moved);
  }
  return { refused, conflicts };
}

/** Moves folders, with all that is in them, to a folder; answers those that the API refuses. */
export async function moveFolders(
  folders: Folders,
  rows: readonly Row[],
  to: string,
): Promise<readonly Refused[]> {
  const refused: Refused[] = [];
  for (const row of rows) {
    if (isFile(row) || parentOf(row.folder) === to) continue;
    try {
      await folders.move(row.folder, joined(to, row.name));
    } catch (error) {
      refused.push(refusal(row, error));
    }
  }
  return refused;
}

function refusal({ name }: Row, error: unknown): Refused {
  return { name, reason: explain(error) };
}

function* batches(files: readonly FileInfo[]): Generator<readonly FileInfo[]> {
  for (let start = 0; start < files.length; start += FILES_PER_REQUEST) {
    yield files.slice(start, start + FILES_PER_REQUEST);
  }
}
