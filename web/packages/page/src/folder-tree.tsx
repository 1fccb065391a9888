import { useEffect, useRef, useState } from "preact/hooks";
import { FolderIcon } from "./folder-icon.js";
import type { Folders } from "./folders.js";
import { useChanges } from "./hooks.js";
import { parentOf, steps } from "./paths.js";
import { idOf, nodeFor, SHOWN, type TreeNode, treeNodes } from "./tree-nodes.js";
import { words } from "./words.js";

interface Props {
  readonly folders: Folders;
  /** Path of the folder that is open, or chosen. */
  readonly current: string;
  readonly label: string;
  readonly onOpen: (path: string) => void;
}

/** A tree of folders: each is loaded when it is expanded. */
export function FolderTree({ folders, current, label, onOpen }: Props) {
  useChanges(folders);
  const [expanded, setExpanded] = useState<ReadonlySet<string>>(new Set([""]));
  const [shown, setShown] = useState<ReadonlyMap<string, number>>(new Map());
  /** The node that the Tab key leads to. */
  const [active, setActive] = useState(`folder ${current}`);
  const tree = useRef<HTMLDivElement>(null);
  const nodes = treeNodes(folders, expanded, shown, words.folders.top);
  const reachable = nodes.some((node) => idOf(node) === active) ? active : "folder ";

  // What leads to the open folder is expanded.
  useEffect(() => {
    const way = current === "" ? [""] : ["", ...steps(parentOf(current))];
    setExpanded((before) => new Set([...before, ...way]));
    setActive(`folder ${current}`);
  }, [current]);
  useEffect(() => {
    for (const path of expanded) if (!folders.branch(path)) void folders.load(path);
  });

  function expand(path: string, open: boolean) {
    const paths = new Set(expanded);
    if (open) paths.add(path);
    else paths.delete(path);
    setExpanded(paths);
  }

  function choose({ kind, path }: TreeNode) {
    if (kind === "folder") onOpen(path);
    else setShown(new Map(shown).set(path, (shown.get(path) ?? SHOWN) + SHOWN));
  }

  function press(event: KeyboardEvent) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const index = nodes.findIndex((node) => idOf(node) === reachable);
    const node = nodes[index];
    if (node === undefined) return;
    const { key } = event;
    if (key === "Enter" || key === " ") choose(node);
    else if (key === "ArrowRight" && node.expanded === false) expand(node.path, true);
    else if (key === "ArrowLeft" && node.expanded === true) expand(node.path, false);
    else {
      const next = nodeFor(key, nodes, index);
      if (next === undefined) return;
      setActive(idOf(next));
      tree.current?.querySelectorAll<HTMLElement>("[role=treeitem]")[nodes.indexOf(next)]?.focus();
    }
    event.preventDefault();
  }

  return (
    <div ref={tree} role="tree" aria-label={label} class="tree" onKeyDown={press}>
      {nodes.map((node) => (
        <div
          key={idOf(node)}
          role="treeitem"
          class="tree-node"
          aria-level={node.level}
          aria-expanded={node.expanded ?? undefined}
          aria-selected={node.kind === "folder" && node.path === current}
          tabIndex={idOf(node) === reachable ? 0 : -1}
          style={{ "--level": node.level }}
          onFocus={() => setActive(idOf(node))}
          onClick={() => choose(node)}
        >
          {node.kind === "folder" ? (
            <>
              <Twisty node={node} onToggle={(open) => expand(node.path, open)} />
              <FolderIcon />
              <bdi class="tree-name">{node.name}</bdi>
            </>
          ) : (
            words.folders.more
          )}
        </div>
      ))}
    </div>
  );
}

/** For the mouse; the keyboard has the arrow keys. */
function Twisty({
  node,
  onToggle,
}: {
  readonly node: TreeNode;
  readonly onToggle: (open: boolean) => void;
}) {
  if (node.expanded === null) return <span class="twisty" />;
  return (
    <span
      class={node.expanded ? "twisty open" : "twisty"}
      aria-hidden="true"
      onClick={(event) => {
        event.stopPropagation();
        onToggle(!node.expanded);
      }}
    />
  );
}
