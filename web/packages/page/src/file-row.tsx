import type { FileInfo } from "@wideload/uploader";
import { words } from "./words.js";

export type FileAction = "download" | "rename" | "copy" | "delete";

interface Props {
  readonly file: FileInfo;
  readonly onAction: (action: FileAction, file: FileInfo) => void;
}

export function FileRow({ file, onAction }: Props) {
  const button = (action: FileAction, label: string, of = words.files.of) => (
    <button
      type="button"
      class={action === "delete" ? "link danger" : "link"}
      onClick={() => onAction(action, file)}
    >
      {label}
      <span class="unseen">{of(file.name)}</span>
    </button>
  );
  return (
    <li class="file" data-file-id={file.fileId}>
      <div class="file-name" dir="auto">
        {file.name}
      </div>
      <div class="file-facts">
        <span>{words.formats.bytes(file.size)}</span>
        <time dateTime={file.createdAt}>{words.formats.moment(file.createdAt)}</time>
        <Mark file={file} />
      </div>
      <div class="file-actions">
        {!file.corrupt && button("download", words.files.download)}
        {button("rename", words.files.rename)}
        {button("copy", words.files.copyHash, words.files.hashOf)}
        {button("delete", words.files.delete)}
      </div>
    </li>
  );
}

function Mark({ file }: { readonly file: FileInfo }) {
  if (file.corrupt) return <strong class="mark bad">{words.files.damaged}</strong>;
  if (file.verified) return <span class="mark good">{words.files.verified}</span>;
  return <span class="mark">{words.files.partsVerified}</span>;
}
