import type { FileInfo, Folder } from "@wideload/uploader";
import type { ComponentChildren } from "preact";
import { FolderIcon } from "./folder-icon.js";
import { hashOf } from "./place.js";
import { isFile, isWithheld, keyOf, type Row } from "./rows.js";
import { words } from "./words.js";

export type RowAction = "download" | "rename" | "move" | "copy" | "delete";

interface Props {
  readonly row: Row;
  /** Of all rows. */
  readonly index: number;
  readonly selected: boolean;
  /** Whether to say which folder a file is in. */
  readonly placed: boolean;
  readonly onAction: (action: RowAction, row: Row) => void;
  /** `range`: with all rows since the one before. */
  readonly onSelect: (row: Row, range: boolean) => void;
  /** The link to a file's folder was followed. */
  readonly onPlace: () => void;
}

export function ListRow({ row, index, selected, placed, onAction, onSelect, onPlace }: Props) {
  const button = (action: RowAction, label: string, of = words.files.of) => (
    <button
      type="button"
      class={action === "delete" ? "link danger" : `link ${action}`}
      data-control={action}
      onClick={() => onAction(action, row)}
    >
      {label}
      <span class="unseen">{of(row.name)}</span>
    </button>
  );
  return (
    <div
      role="row"
      class={selected ? "row selected" : "row"}
      // The header is the first.
      aria-rowindex={index + 2}
      data-key={keyOf(row)}
      data-index={index}
      style={{ "--index": index }}
    >
      <div role="cell" class="row-select">
        <input
          type="checkbox"
          data-control="select"
          aria-label={words.selection.select(row.name)}
          checked={selected}
          onClick={(event) => onSelect(row, event.shiftKey)}
        />
      </div>
      {isFile(row) ? (
        <FileCells file={row} placed={placed} onPlace={onPlace}>
          {!isWithheld(row) && button("download", words.files.download)}
          {button("rename", words.files.rename)}
          {button("move", words.files.move)}
          {button("copy", words.files.copyHash, words.files.hashOf)}
          {button("delete", words.files.delete)}
        </FileCells>
      ) : (
        <FolderCells folder={row}>
          {button("rename", words.files.rename)}
          {button("move", words.files.move)}
          {button("delete", words.files.delete)}
        </FolderCells>
      )}
    </div>
  );
}

interface FileProps {
  readonly file: FileInfo;
  readonly placed: boolean;
  readonly onPlace: () => void;
  readonly children: ComponentChildren;
}

function FileCells({ file, placed, onPlace, children }: FileProps) {
  return (
    <>
      <div role="cell" class="row-name" dir="auto" title={file.name}>
        {file.name}
      </div>
      <div role="cell" class="row-size">
        {words.formats.bytes(file.size)}
      </div>
      <div role="cell" class="row-date">
        <time dateTime={file.createdAt}>{words.formats.moment(file.createdAt)}</time>
      </div>
      <div role="cell" class="row-more">
        <span class="row-facts">
          {placed && (
            <a
              class="link row-place"
              href={hashOf(file.folder)}
              title={file.folder}
              onClick={onPlace}
            >
              <FolderIcon />
              <bdi>{file.folder === "" ? words.folders.top : file.folder}</bdi>
            </a>
          )}
          <Mark file={file} />
        </span>
        <span class="row-actions">{children}</span>
      </div>
    </>
  );
}

interface FolderProps {
  readonly folder: Folder;
  readonly children: ComponentChildren;
}

function FolderCells({ folder: { folder, name }, children }: FolderProps) {
  return (
    <>
      <div role="cell" class="row-name" title={name}>
        <a href={hashOf(folder)} data-control="open">
          <FolderIcon />
          <span class="unseen">{words.folders.folder} </span>
          <bdi>{name}</bdi>
        </a>
      </div>
      <div role="cell" class="row-size" />
      <div role="cell" class="row-date" />
      <div role="cell" class="row-more">
        <span class="row-actions">{children}</span>
      </div>
    </>
  );
}

function Mark({ file }: { readonly file: FileInfo }) {
  const { quarantined } = file;
  if (file.corrupt) return <strong class="mark bad">{words.files.damaged}</strong>;
  if (quarantined !== null) {
    const { badge, reason } = words.files.quarantine[quarantined.reason];
    const detail = quarantined.detail ?? reason;
    return (
      <span class="quarantine" title={detail}>
        <strong class={quarantined.reason === "malware" ? "badge bad" : "badge"}>{badge}</strong>{" "}
        <span class="quarantine-reason">{detail}</span>
      </span>
    );
  }
  if (file.verified) return <span class="mark good">{words.files.verified}</span>;
  return <span class="mark">{words.files.partsVerified}</span>;
}
