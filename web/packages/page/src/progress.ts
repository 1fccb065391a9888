/** State of all uploads at one moment, in words. */

import { NameExistsError, type Upload, type Uploader } from "@wideload/uploader";
import { words } from "./words.js";

export interface UploadingView {
  /** `empty`: nothing is on the list; `ended`: nothing on it is under way. */
  readonly state: "empty" | "sending" | "paused" | "ended";
  /** Progress or result, in one sentence. */
  readonly text: string;
  /** How many files are under way. */
  readonly files: number;
  /** Of the bytes that are under way, the share that is sent; null if none are. */
  readonly share: number | null;
}

/** @param listed - Whether any file is on the list. */
export function viewOf(uploader: Uploader, listed: boolean): UploadingView {
  const active = uploader.uploads.filter(isActive);
  const paused = active.length > 0 && active.every((upload) => upload.paused);
  const { sentBytes, totalBytes } = uploader.progress;
  return {
    state: listed ? state(active.length, paused) : "empty",
    text: describe(uploader, active, paused),
    files: active.length,
    share: active.length > 0 && totalBytes > 0 ? sentBytes / totalBytes : null,
  };
}

/** How many files are stored, and how many failed; empty if there were none. */
export function outcomeOf(uploader: Uploader): string {
  const { files, doneFiles, failedFiles } = uploader.progress;
  if (files === 0) return "";
  const outcome = [words.uploads.outcome(doneFiles, files)];
  // Those whose name is taken wait for an answer.
  const waiting = uploader.uploads.filter(({ error }) => error instanceof NameExistsError).length;
  if (failedFiles > waiting) outcome.push(words.uploads.failedCount(failedFiles - waiting));
  return outcome.join(" · ");
}

function isActive(upload: Upload): boolean {
  return !["done", "failed", "cancelled"].includes(upload.state);
}

function state(active: number, paused: boolean): UploadingView["state"] {
  if (active === 0) return "ended";
  return paused ? "paused" : "sending";
}

function describe(uploader: Uploader, active: readonly Upload[], paused: boolean): string {
  const { files, hashedBytes, sentBytes, totalBytes, rate, secondsLeft } = uploader.progress;
  const { uploads, common } = words;
  const outcome = outcomeOf(uploader);
  if (active.length === 0) return outcome;
  if (active.some((upload) => upload.waiting === "offline")) return uploads.offline;
  if (paused) return [uploads.paused, outcome].join(" · ");
  const said: string[] = [];
  const sending = active.some((upload) => upload.state === "uploading");
  if (sending) said.push(uploads.sent(sentBytes, totalBytes));
  else if (active.some((upload) => upload.state === "hashing")) {
    said.push(uploads.hashed(hashedBytes, totalBytes));
  } else return common.oneMoment;
  if (files > 1) said.push(outcome);
  // Both count sent bytes.
  if (sending && rate > 0) said.push(uploads.rate(rate));
  if (sending && secondsLeft !== null && secondsLeft > 0) said.push(uploads.left(secondsLeft));
  return said.join(" · ");
}
