/** What a person does with files and folders; notices tell how it ended. */

import type { FileInfo, FilesApi, IfExists } from "@wideload/uploader";
import { deleteRows, moveFiles, moveFolders } from "./bulk.js";
import type { Conflict } from "./conflicts.js";
import { explain } from "./explain.js";
import type { Folders } from "./folders.js";
import type { Listing } from "./listing.js";
import type { Notices } from "./notices.js";
import { joined, parentOf } from "./paths.js";
import { type Refused, withRefused } from "./refused.js";
import { isFile, keyOf, type Row } from "./rows.js";
import type { Selection } from "./selection.js";
import { words } from "./words.js";

export interface FileActionsOptions {
  readonly api: FilesApi;
  readonly folders: Folders;
  readonly listing: Listing;
  readonly selection: Selection;
  readonly notices: Notices;
  /** See `startDownload`. */
  readonly startDownload: (url: string, onRefused: () => void) => void;
}

export class FileActions {
  readonly #options: FileActionsOptions;

  constructor(options: FileActionsOptions) {
    this.#options = options;
  }

  async download({ fileId, name }: FileInfo): Promise<void> {
    const { api, notices, startDownload } = this.#options;
    try {
      const { action } = await api.download(fileId);
      startDownload(action.href, () => notices.problem(words.files.downloadFailed(name)));
      notices.done(words.files.downloading(name));
    } catch (error) {
      notices.problem(words.files.downloadRefused(name, explain(error)));
    }
  }

  async copyHash({ name, sha256 }: FileInfo): Promise<void> {
    const { notices } = this.#options;
    try {
      await navigator.clipboard.writeText(sha256);
      notices.done(words.files.hashCopied(name));
    } catch {
      // No permission: it can still be copied by hand.
      notices.problem(words.files.hashShown(name, sha256));
    }
  }

  async makeFolder(path: string, name: string): Promise<void> {
    const { folders, notices } = this.#options;
    await folders.make(path);
    notices.done(words.folders.made(name));
  }

  /** Rejects if the name is taken. */
  async rename(row: Row, name: string): Promise<void> {
    if (name === row.name) return;
    const { api, folders, listing, selection, notices } = this.#options;
    if (isFile(row)) {
      listing.replace([await api.update(row.fileId, { name, ifExists: "fail" })]);
    } else {
      await folders.move(row.folder, joined(parentOf(row.folder), name));
      selection.remove([keyOf(row)]);
    }
    notices.done(words.files.renamed(name));
  }

  async delete(rows: readonly Row[]): Promise<void> {
    const { api, folders, listing, selection, notices } = this.#options;
    const refused = await deleteRows(api, folders, rows, (deleted) => {
      listing.remove(deleted.filter(isFile).map(({ fileId }) => fileId));
      selection.remove(deleted.map(keyOf));
    });
    const [first] = rows;
    const done = rows.length - refused.length;
    if (refused.length > 0)
      notices.problem(withRefused(words.selection.deletedSome(done), refused));
    else if (first && rows.length === 1) notices.done(words.files.deleted(first.name));
    else notices.done(words.selection.deleted(done));
  }

  /** Answers the files whose name another file of the new folder has: they were not moved. */
  async move(rows: readonly Row[], to: string): Promise<readonly Conflict[]> {
    const { folders, selection } = this.#options;
    const refused = await moveFolders(folders, rows, to);
    selection.remove(rows.filter((row) => !isFile(row)).map(keyOf));
    const files = await this.#moveFiles(rows.filter(isFile), to, "fail");
    const left = [...refused, ...files.refused];
    this.#tellMoved(rows.length - left.length - files.conflicts.length, to, left);
    return files.conflicts;
  }

  /** Moves files for which `move` found others of their name. */
  async resolveMove(
    files: readonly FileInfo[],
    to: string,
    ifExists: "keep_both" | "replace",
  ): Promise<void> {
    try {
      const { refused } = await this.#moveFiles(files, to, ifExists);
      this.#tellMoved(files.length - refused.length, to, refused);
    } catch (error) {
      this.#options.notices.problem(explain(error));
    }
  }

  #moveFiles(files: readonly FileInfo[], to: string, ifExists: IfExists) {
    const { api, folders, listing, selection } = this.#options;
    return moveFiles(api, files, to, ifExists, (moved) => {
      if (moved.length > 0) folders.add(to);
      listing.replace(moved);
      selection.remove(moved.map(keyOf));
    });
  }

  #tellMoved(count: number, to: string, refused: readonly Refused[]): void {
    const { notices } = this.#options;
    const moved = words.folders.moved(count, to);
    if (refused.length > 0) notices.problem(withRefused(moved, refused));
    else if (count > 0) notices.done(moved);
  }
}
