import { WideloadError } from "@wideload/uploader";
import { useId, useState } from "preact/hooks";
import { Dialog } from "./dialog.js";
import { FolderTree } from "./folder-tree.js";
import type { Folders } from "./folders.js";
import { isWithin, joined } from "./paths.js";
import { isFile, type Row } from "./rows.js";
import { words } from "./words.js";

interface Props {
  readonly folders: Folders;
  /** What is to be moved. */
  readonly rows: readonly Row[];
  /** The folder that is open. */
  readonly from: string;
  readonly onMove: (to: string) => Promise<void>;
  readonly onClose: () => void;
}

/** Asks for the folder to move to; a name makes a new folder in the one that is chosen. */
export function MoveDialog({ folders, rows, from, onMove, onClose }: Props) {
  const [chosen, setChosen] = useState(from);
  const id = useId();

  async function move(form: FormData) {
    const name = String(form.get("name")).trim();
    const to = name === "" ? chosen : joined(chosen, name);
    const within = rows.find((row) => !isFile(row) && isWithin(to, row.folder));
    if (within) throw new WideloadError(words.folders.intoItself(within.name));
    // A folder that was typed is made, even if nothing can be moved to it.
    if (name !== "") await folders.make(to);
    await onMove(to);
  }

  return (
    <Dialog
      title={words.folders.moveTitle(rows.length)}
      action={words.files.move}
      onConfirm={move}
      onClose={onClose}
    >
      <div class="picker">
        <FolderTree
          folders={folders}
          current={chosen}
          label={words.folders.moveTo}
          onOpen={setChosen}
        />
      </div>
      <label for={id}>{words.folders.newWithin}</label>
      <input
        id={id}
        name="name"
        type="text"
        dir="auto"
        maxLength={255}
        autocomplete="off"
        spellcheck={false}
      />
    </Dialog>
  );
}
