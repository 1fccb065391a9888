import { words } from "./words.js";

/**
 * Fetches a presigned URL whose answer is an attachment, in a hidden frame: whatever the
 * answer is, this page and the uploads in it stay.
 *
 * `onRefused`: a document came in place of a file, such as S3's XML or the browser's own error page.
 */
export function startDownload(url: string, onRefused: () => void): void {
  const frame = document.createElement("iframe");
  frame.hidden = true;
  frame.title = words.files.downloadFrame;
  frame.src = url;
  // An attachment loads no document. The frame stays then: removed too early, it ends the request.
  frame.addEventListener("load", () => {
    frame.remove();
    onRefused();
  });
  document.body.append(frame);
}
