/** Rows of the list: the folders of the open folder, then its files. */

import type { FileInfo, Folder } from "@wideload/uploader";

export type Row = Folder | FileInfo;

export function isFile(row: Row): row is FileInfo {
  return "fileId" in row;
}

/** Unlike any other row's. */
export function keyOf(row: Row): string {
  return isFile(row) ? row.fileId : `/${row.folder}`;
}

/** Whether it can't be downloaded for now, or any more. */
export function isWithheld({ corrupt, quarantined }: FileInfo): boolean {
  return corrupt || quarantined !== null;
}
