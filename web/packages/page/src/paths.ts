/** Paths of folders: names separated by `/`. The empty path is the top. */

/** A path below a folder. */
export function joined(folder: string, path: string): string {
  return folder === "" ? path : `${folder}/${path}`;
}

export function parentOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf("/")));
}

/** The last name of a path. */
export function lastOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

/** Whether a path is that of the folder, or lies below it. */
export function isWithin(path: string, folder: string): boolean {
  return folder === "" || path === folder || path.startsWith(`${folder}/`);
}

/** The folders on the way to a path, and the path itself: `a`, `a/b`, `a/b/c`. */
export function steps(path: string): readonly string[] {
  const names = path === "" ? [] : path.split("/");
  return names.map((_, index) => names.slice(0, index + 1).join("/"));
}
