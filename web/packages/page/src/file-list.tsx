import type { FileOrder } from "@wideload/uploader";
import { useEffect, useId, useLayoutEffect, useRef, useState } from "preact/hooks";
import { ListRow, type RowAction } from "./file-row.js";
import { keyOf, type Row } from "./rows.js";
import type { Selection } from "./selection.js";
import { useVisibleRows } from "./visible-rows.js";
import { words } from "./words.js";

/** Rows that are left below those in sight when more are loaded. */
const LOAD_AHEAD = 50;

interface Props {
  /** At least one. */
  readonly rows: readonly Row[];
  /** Whether there may be more rows. */
  readonly more: boolean;
  readonly busy: boolean;
  /** Null while a search sorts by how well names match. */
  readonly sort: FileOrder | null;
  readonly selection: Selection;
  /** Whether rows say which folder they are in. */
  readonly placed: boolean;
  readonly onSort: (sort: FileOrder) => void;
  readonly onAction: (action: RowAction, row: Row) => void;
  /** The last rows are almost in sight. */
  readonly onEnd: () => void;
  /** See `ListRow`. */
  readonly onPlace: () => void;
}

/**
 * The list as a table, of which only the rows in sight are drawn. It is made of roles: Safari takes a
 * `<table>` whose rows are placed by the style sheet for none.
 */
export function FileList({
  rows,
  more,
  busy,
  sort,
  selection,
  placed,
  onSort,
  onAction,
  onEnd,
  onPlace,
}: Props) {
  const body = useRef<HTMLDivElement>(null);
  const { first, end } = useVisibleRows(body, rows.length);
  /** Stays drawn while it is out of sight, so that the focus isn't lost. */
  const [focused, setFocused] = useState<number | null>(null);
  /** What gets the focus once its row is drawn. */
  const wanted = useRef<{ index: number; control: string } | null>(null);
  // Of many rows: made when they are needed.
  const keys = () => rows.map(keyOf);

  useEffect(() => {
    if (end + LOAD_AHEAD >= rows.length) onEnd();
  }, [end, rows.length, busy]);
  useLayoutEffect(() => {
    const { index = -1, control = "" } = wanted.current ?? {};
    const row = body.current?.querySelector(`[data-index="${index}"]`);
    if (!row) return;
    wanted.current = null;
    const same = row.querySelector<HTMLElement>(`[data-control="${control}"]`);
    (same ?? row.querySelector<HTMLElement>("[data-control=select]"))?.focus();
  });

  function select(row: Row, range: boolean) {
    if (range) selection.extend(keys(), keyOf(row));
    else selection.toggle(keyOf(row));
  }

  function press(event: KeyboardEvent) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    const target = event.target as HTMLElement;
    const row = target.closest<HTMLElement>("[data-index]");
    if (!step || !row || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    const from = Number(row.dataset["index"]);
    const index = from + step;
    const next = rows[index];
    if (next === undefined) return;
    if (event.shiftKey) {
      const here = rows[from];
      if (selection.size === 0 && here !== undefined) selection.toggle(keyOf(here));
      selection.extend(keys(), keyOf(next));
    }
    wanted.current = { index, control: target.dataset["control"] ?? "" };
    setFocused(index);
  }

  const drawn = Array.from({ length: Math.max(0, end - first) }, (_, index) => first + index);
  if (focused !== null && focused < first) drawn.unshift(focused);
  if (focused !== null && focused >= end && focused < rows.length) drawn.push(focused);
  const all = selection.size >= rows.length;
  return (
    <>
      {sort !== null && <SortMenu sort={sort} onSort={onSort} />}
      <div
        role="table"
        class={placed ? "list placed" : "list"}
        aria-labelledby="my-files"
        aria-rowcount={more ? -1 : rows.length + 1}
        onKeyDown={press}
        onFocusIn={({ target }) => {
          const row = (target as HTMLElement).closest<HTMLElement>("[data-index]");
          setFocused(row ? Number(row.dataset["index"]) : null);
        }}
        onFocusOut={() => setFocused(null)}
      >
        <div role="rowgroup">
          <div role="row" class="list-head" aria-rowindex={1}>
            <div role="columnheader" class="row-select">
              <input
                type="checkbox"
                aria-label={words.selection.all}
                checked={all}
                // Of what is loaded.
                indeterminate={!all && selection.size > 0}
                onChange={() => (all ? selection.clear() : selection.set(keys()))}
              />
            </div>
            <Header column="name" label={words.files.name} sort={sort} onSort={onSort} />
            <Header column="size" label={words.files.size} sort={sort} onSort={onSort} />
            <Header column="created_at" label={words.files.date} sort={sort} onSort={onSort} />
            <div role="columnheader" class="unseen">
              {words.files.actions}
            </div>
          </div>
        </div>
        <div role="rowgroup" ref={body} class="rows" style={{ "--count": rows.length }}>
          {drawn.map((index) => {
            const row = rows[index];
            return (
              row && (
                <ListRow
                  key={keyOf(row)}
                  row={row}
                  index={index}
                  selected={selection.has(keyOf(row))}
                  placed={placed}
                  onAction={onAction}
                  onSelect={select}
                  onPlace={onPlace}
                />
              )
            );
          })}
        </div>
      </div>
    </>
  );
}

interface HeaderProps {
  readonly column: "name" | "size" | "created_at";
  readonly label: string;
  readonly sort: FileOrder | null;
  readonly onSort: (sort: FileOrder) => void;
}

function Header({ column, label, sort, onSort }: HeaderProps) {
  const up = sort === column;
  const down = sort === `-${column}`;
  // The largest and the newest come first at the first press.
  const next = up || (!down && column !== "name") ? (`-${column}` as const) : column;
  const order = up ? "ascending" : down ? "descending" : "none";
  return (
    <div role="columnheader" class={`head-${column}`} aria-sort={sort === null ? undefined : order}>
      {sort === null ? (
        label
      ) : (
        <button type="button" class={`sort ${order}`} onClick={() => onSort(next)}>
          {label}
        </button>
      )}
    </div>
  );
}

interface SortProps {
  readonly sort: FileOrder;
  readonly onSort: (sort: FileOrder) => void;
}

/** In place of the headers where there is no room for columns. */
function SortMenu({ sort, onSort }: SortProps) {
  const id = useId();
  const orders = Object.entries(words.files.orders) as [FileOrder, string][];
  return (
    <div class="sort-menu">
      <label for={id}>{words.files.sort}</label>
      <select
        id={id}
        value={sort}
        onChange={({ currentTarget }) => onSort(currentTarget.value as FileOrder)}
      >
        {orders.map(([order, label]) => (
          <option key={order} value={order}>
            {label}
          </option>
        ))}
      </select>
    </div>
  );
}
