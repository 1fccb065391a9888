import { useMemo } from "preact/hooks";
import { isFile, isWithheld, type Row } from "./rows.js";
import { words } from "./words.js";

export type BulkAction = "zip" | "move" | "copy" | "delete";

interface Props {
  /** Those that are selected. */
  readonly rows: readonly Row[];
  /** Whether all that is loaded is selected, and there is more. */
  readonly moreToSelect: boolean;
  /** Whether a ZIP is being written. */
  readonly zipping: boolean;
  readonly onAction: (action: BulkAction) => void;
  readonly onSelectAll: () => void;
  readonly onClear: () => void;
}

/** How much is selected, and what can be done with it. */
export function SelectionBar(props: Props) {
  const { rows, moreToSelect, zipping, onAction, onSelectAll, onClear } = props;
  const { text, single, loadable } = useMemo(() => summaryOf(rows), [rows]);
  const button = (label: string, press: () => void, disabled = false) => (
    <button type="button" class="button" disabled={disabled} onClick={press}>
      {label}
    </button>
  );
  return (
    <div class={rows.length === 0 ? "selection none" : "selection"}>
      {/* There from the start: a screen reader hears only what changes within. */}
      <p role="status">{text}</p>
      {rows.length > 0 && (
        <>
          {moreToSelect && button(words.selection.allOfFolder, onSelectAll)}
          {loadable && button(words.selection.zip, () => onAction("zip"), zipping)}
          {button(words.files.move, () => onAction("move"))}
          {single &&
            // Where rows have no room for it.
            button(words.files.copyHash, () => onAction("copy"))}
          {button(words.files.delete, () => onAction("delete"))}
          {button(words.selection.clear, onClear)}
        </>
      )}
    </div>
  );
}

function summaryOf(rows: readonly Row[]) {
  let [files, bytes, loadable] = [0, 0, false];
  for (const row of rows) {
    if (isFile(row)) {
      files += 1;
      bytes += row.size;
    }
    loadable ||= !isFile(row) || !isWithheld(row);
  }
  const folders = rows.length - files;
  return {
    text: rows.length === 0 ? "" : words.selection.summary(files, folders, bytes),
    /** Whether it is one file. */
    single: rows.length === 1 && files === 1,
    /** Whether any of it can be downloaded. */
    loadable,
  };
}
