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
  const files = rows.filter(isFile);
  const bytes = files.reduce((sum, { size }) => sum + size, 0);
  const text =
    rows.length === 0
      ? ""
      : words.selection.summary(files.length, rows.length - files.length, bytes);
  const loadable = rows.some((row) => !isFile(row) || !isWithheld(row));
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
          {rows.length === 1 &&
            files.length === 1 &&
            // Where rows have no room for it.
            button(words.files.copyHash, () => onAction("copy"))}
          {button(words.files.delete, () => onAction("delete"))}
          {button(words.selection.clear, onClear)}
        </>
      )}
    </div>
  );
}
