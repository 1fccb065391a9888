import type { FilesApi } from "@wideload/uploader";
import { useEffect, useState } from "preact/hooks";
import { Dialog } from "./dialog.js";
import { Named } from "./named.js";
import { isFile, type Row } from "./rows.js";
import { type Count, count } from "./walk.js";
import { words } from "./words.js";

/** Files and folders within folders that are counted. */
const MOST_COUNTED = 1000;

interface Props {
  readonly api: FilesApi;
  readonly rows: readonly Row[];
  readonly onDelete: () => Promise<void>;
  readonly onClose: () => void;
}

/** Asks before rows are deleted, and says how many files that are. */
export function DeleteDialog({ api, rows, onDelete, onClose }: Props) {
  const files = rows.filter(isFile);
  const folders = rows.filter((row) => !isFile(row));
  const [within, setWithin] = useState<Count | "unknown" | null>(
    folders.length === 0 ? { files: 0, folders: 0, more: false } : null,
  );
  const [first] = rows;

  useEffect(() => {
    if (folders.length === 0) return;
    const counting = new AbortController();
    count(api, folders, MOST_COUNTED, counting.signal).then(setWithin, () => setWithin("unknown"));
    return () => counting.abort();
  }, []);

  function text() {
    if (first && rows.length === 1 && folders.length === 0) {
      return <Named text={words.files.deleteText} name={first.name} />;
    }
    if (within === null) return words.folders.counting;
    if (within === "unknown") return words.folders.deleteUncounted(files.length, folders.length);
    // The selected folders are counted with those in them.
    return words.folders.deleteCounted(files.length + within.files, within.folders, within.more);
  }

  return (
    <Dialog
      title={
        rows.length === 1
          ? folders.length === 1
            ? words.folders.deleteTitle
            : words.files.deleteTitle
          : words.selection.deleteTitle(rows.length)
      }
      action={words.files.delete}
      dangerous
      pending={within === null}
      onConfirm={onDelete}
      onClose={onClose}
    >
      {folders.length === 1 && rows.length === 1 && first && (
        <p>
          <Named text={words.folders.deleteText} name={first.name} />
        </p>
      )}
      <p aria-live="polite">{text()}</p>
    </Dialog>
  );
}
