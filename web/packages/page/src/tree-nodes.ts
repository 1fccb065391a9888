/** Lines of a tree of folders, as far as it is expanded. */

import type { Folders } from "./folders.js";

/** Folders of one folder that are shown at first, and that "more" adds. */
export const SHOWN = 100;

export interface TreeNode {
  readonly path: string;
  /** `more`: a line below the last folder that is shown, which shows more of `path`. */
  readonly kind: "folder" | "more";
  readonly name: string;
  /** 1 for the top. */
  readonly level: number;
  /** Null if it has no folders. */
  readonly expanded: boolean | null;
}

/**
 * @param shown - How many folders of a folder to show, if more than `SHOWN`.
 */
export function treeNodes(
  folders: Folders,
  expanded: ReadonlySet<string>,
  shown: ReadonlyMap<string, number>,
  top: string,
): readonly TreeNode[] {
  const nodes: TreeNode[] = [];
  const add = (path: string, name: string, level: number) => {
    const branch = folders.branch(path);
    const empty = branch?.state === "ready" && branch.items.length === 0;
    const open = expanded.has(path) && !empty;
    nodes.push({ path, kind: "folder", name, level, expanded: empty ? null : open });
    if (!open || branch === undefined) return;
    const room = shown.get(path) ?? SHOWN;
    for (const child of branch.items.slice(0, room)) add(child.folder, child.name, level + 1);
    if (branch.items.length > room) {
      nodes.push({ path, kind: "more", name: "", level: level + 1, expanded: null });
    }
  };
  add("", top, 1);
  return nodes;
}

/** Unlike any other node's. */
export function idOf({ path, kind }: TreeNode): string {
  return `${kind} ${path}`;
}

/** The node that a key moves the focus to; undefined if the key does nothing here. */
export function nodeFor(
  key: string,
  nodes: readonly TreeNode[],
  index: number,
): TreeNode | undefined {
  const node = nodes[index];
  if (key === "ArrowDown") return nodes[index + 1];
  if (key === "ArrowUp") return nodes[index - 1];
  if (key === "Home") return nodes[0];
  if (key === "End") return nodes.at(-1);
  if (node === undefined) return undefined;
  if (key === "ArrowRight") {
    const next = nodes[index + 1];
    return next && next.level > node.level ? next : undefined;
  }
  if (key === "ArrowLeft") {
    return nodes.slice(0, index).findLast(({ level }) => level < node.level);
  }
  if (key.length !== 1) return undefined;
  const begins = ({ name }: TreeNode) => name.toLowerCase().startsWith(key.toLowerCase());
  return nodes.slice(index + 1).find(begins) ?? nodes.slice(0, index).find(begins);
}
