import type { FileInfo } from "@wideload/uploader";
import { bytes, moment } from "./format.js";

export type FileAction = "download" | "rename" | "copy" | "delete";

interface Props {
  readonly file: FileInfo;
  readonly onAction: (action: FileAction, file: FileInfo) => void;
}

export function FileRow({ file, onAction }: Props) {
  const button = (action: FileAction, label: string, joint = "") => (
    <button
      type="button"
      class={action === "delete" ? "link danger" : "link"}
      onClick={() => onAction(action, file)}
    >
      {label}
      <span class="unseen">{`${joint} ${file.name}`}</span>
    </button>
  );
  return (
    <li class="file" data-file-id={file.fileId}>
      <div class="file-name" dir="auto">
        {file.name}
      </div>
      <div class="file-facts">
        <span>{bytes(file.size)}</span>
        <time dateTime={file.createdAt}>{moment(file.createdAt)}</time>
        <Mark file={file} />
      </div>
      <div class="file-actions">
        {!file.corrupt && button("download", "Download")}
        {button("rename", "Rename")}
        {button("copy", "Copy SHA-256", " of")}
        {button("delete", "Delete")}
      </div>
    </li>
  );
}

function Mark({ file }: { readonly file: FileInfo }) {
  if (file.corrupt) return <strong class="mark bad">Damaged: delete it and upload it again</strong>;
  if (file.verified) return <span class="mark good">Verified</span>;
  return <span class="mark">Parts verified</span>;
}
