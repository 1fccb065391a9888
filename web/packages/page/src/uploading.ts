/** Uppy's Dashboard over our engine. Loaded after the rest: it is most of the page's JavaScript. */

import "@uppy/core/css/style.min.css";
import "@uppy/dashboard/css/style.min.css";

import Dashboard from "@uppy/dashboard";
import { type FileInfo, type Upload, Uploader, type UploaderOptions } from "@wideload/uploader";
import WideloadUppy from "@wideload/uppy";
import { entriesOf, holdsFile } from "./dropped.js";
import { Failures } from "./failures.js";
import type { Notices } from "./notices.js";
import { PatientUppy } from "./patient-uppy.js";
import { UploadingSign } from "./tabs.js";
import { words } from "./words.js";

export interface UploadingOptions {
  readonly target: HTMLElement;
  readonly uploader: UploaderOptions;
  readonly notices: Notices;
  readonly locks: LockManager;
  readonly onStored: (file: FileInfo) => void;
}

/** State of the uploads at one moment. */
export interface UploadingView {
  /** `empty`: nothing is on the list; `ended`: nothing on it is under way. */
  readonly state: "empty" | "sending" | "paused" | "ended";
  /** Progress or result, in one sentence. */
  readonly text: string;
  /** How many files are under way. */
  readonly files: number;
}

export interface Uploading {
  readonly uploader: Uploader;
  readonly failures: Failures;
  view(): UploadingView;
  pause(): void;
  resume(): void;
  /** Takes all files off the list; gives up those that are under way. */
  clear(): void;
}

export function startUploading(options: UploadingOptions): Uploading {
  const { notices, onStored } = options;
  const uploader = new Uploader(options.uploader);
  const uppy = new PatientUppy({
    autoProceed: true,
    onBeforeFileAdded: (file, files) => {
      const before = files[file.id];
      // Dropped again: what is finished is "already there" then, and what failed is tried anew.
      return before === undefined || before.progress.uploadComplete || Boolean(before.error);
    },
    locale: {
      strings: words.dashboard.core,
      pluralize: words.dashboard.pluralize,
    } as never,
  });
  uppy.use(Dashboard, {
    target: options.target,
    inline: true,
    width: "100%",
    height: 340,
    theme: "auto",
    proudlyDisplayPoweredByUppy: false,
    // The page's own, which asks before it cancels everything.
    disableStatusBar: true,
    hideCancelButton: true,
    // Messages go where a screen reader finds all the others.
    disableInformer: true,
    onDrop: (event) => void tellWhenEmpty(event, notices),
    locale: { strings: words.dashboard.dashboard } as never,
  });
  uppy.use(WideloadUppy, { uploader, locale: { strings: words.dashboard.plugin } as never });
  uppy.on("info-visible", () => {
    const info = uppy.getState().info.at(-1);
    if (!info?.message) return;
    const text = [info.message, info.details].filter(Boolean).join(" ");
    if (info.type === "error" || info.type === "warning") notices.problem(text);
    else notices.kept(text);
  });

  const sign = new UploadingSign(options.locks);
  let stored: string[] = [];
  function tellStored() {
    const [name] = stored;
    if (uploader.active || name === undefined) return;
    notices.done(
      stored.length === 1 ? words.uploads.stored(name) : words.uploads.manyStored(stored.length),
    );
    stored = [];
  }
  uploader.on("change", () => sign.show(uploader.active));
  uploader.on("done", (_, { file, duplicate }) => {
    // What was there already the plugin tells itself, by a message.
    if (!duplicate) stored.push(file.name);
    onStored(file);
    tellStored();
  });
  uploader.on("failed", tellStored);
  uploader.on("cancelled", tellStored);

  return {
    uploader,
    failures: new Failures(uppy),
    view() {
      const active = uploader.uploads.filter(isActive);
      const paused = active.length > 0 && active.every((upload) => upload.paused);
      return {
        state: uppy.getFiles().length === 0 ? "empty" : state(active.length, paused),
        text: describe(uploader, active, paused),
        files: active.length,
      };
    },
    pause: () => uppy.pauseAll(),
    resume: () => uppy.resumeAll(),
    clear: () => uppy.cancelAll(),
  };
}

async function tellWhenEmpty(event: DragEvent, notices: Notices): Promise<void> {
  if (await holdsFile(entriesOf(event))) return;
  notices.problem(words.uploads.nothingDropped);
}

function isActive(upload: Upload): boolean {
  return !["done", "failed", "cancelled"].includes(upload.state);
}

function state(active: number, paused: boolean): UploadingView["state"] {
  if (active === 0) return "ended";
  return paused ? "paused" : "sending";
}

function describe(uploader: Uploader, active: readonly Upload[], paused: boolean): string {
  const { files, doneFiles, failedFiles, hashedBytes, sentBytes, totalBytes, rate, secondsLeft } =
    uploader.progress;
  const { uploads, common } = words;
  const outcome = [uploads.outcome(doneFiles, files)];
  if (failedFiles > 0) outcome.push(uploads.failedCount(failedFiles));
  if (active.length === 0) return files === 0 ? "" : outcome.join(" · ");
  if (active.some((upload) => upload.waiting === "offline")) return uploads.offline;
  if (paused) return [uploads.paused, ...outcome].join(" · ");
  const said: string[] = [];
  const sending = active.some((upload) => upload.state === "uploading");
  if (sending) said.push(uploads.sent(sentBytes, totalBytes));
  else if (active.some((upload) => upload.state === "hashing")) {
    said.push(uploads.hashed(hashedBytes, totalBytes));
  } else return common.oneMoment;
  if (files > 1) said.push(...outcome);
  // Both count sent bytes.
  if (sending && rate > 0) said.push(uploads.rate(rate));
  if (sending && secondsLeft !== null && secondsLeft > 0) said.push(uploads.left(secondsLeft));
  return said.join(" · ");
}
