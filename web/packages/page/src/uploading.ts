/** Uppy's Dashboard over our engine. Loaded after the rest: it is most of the page's JavaScript. */

import "@uppy/core/css/style.min.css";
import "@uppy/dashboard/css/style.min.css";

import Uppy, { type Meta } from "@uppy/core";
import Dashboard from "@uppy/dashboard";
import { type FileInfo, type Upload, Uploader, type UploaderOptions } from "@wideload/uploader";
import WideloadUppy, { type WideloadBody } from "@wideload/uppy";
import { bytes, count, timeLeft } from "./format.js";
import type { Notices } from "./notices.js";

const GATHER_MS = 500;

export interface UploadingOptions {
  readonly target: HTMLElement;
  readonly uploader: UploaderOptions;
  readonly notices: Notices;
  readonly onStored: (file: FileInfo) => void;
}

export interface Uploading {
  readonly uploader: Uploader;
  /** Whether leaving the page would stop something. */
  readonly active: boolean;
  /** What goes on in a sentence; empty when nothing does. */
  describe(): string;
}

export function startUploading(options: UploadingOptions): Uploading {
  const { notices, onStored } = options;
  const uploader = new Uploader(options.uploader);
  const uppy = new Uppy<Meta, WideloadBody>({
    autoProceed: true,
    // What is finished may be dropped again: it is "already there" then.
    onBeforeFileAdded: (file, files) => {
      const before = files[file.id];
      return before === undefined || before.progress.uploadComplete === true;
    },
    locale: {
      strings: {
        failedToUpload: "%{file} was not uploaded.",
        noDuplicates: "%{fileName} is on the list above already.",
      },
      pluralize: (count: number) => (count === 1 ? 0 : 1),
    } as never,
  });
  uppy.use(Dashboard, {
    target: options.target,
    inline: true,
    width: "100%",
    height: 340,
    theme: "auto",
    proudlyDisplayPoweredByUppy: false,
    // Uploads start by themselves.
    hideUploadButton: true,
    // `describe` knows more, and has more room.
    hideProgressDetails: true,
    // Messages go where a screen reader finds all the others.
    disableInformer: true,
    locale: {
      strings: {
        dashboardTitle: "Upload files",
        done: "Clear the list",
        removeFile: "Remove %{file}",
      },
    } as never,
  });
  uppy.use(WideloadUppy, { uploader });

  const tellStored = gather((names) => {
    const [name] = names;
    notices.done(names.length === 1 ? `${name} is stored.` : `${names.length} files are stored.`);
  });
  uppy.on("upload-success", (_, response) => {
    const { file, duplicate } = response.body as WideloadBody;
    // What was there already the plugin tells itself, by a message.
    if (!duplicate) tellStored(file.name);
    onStored(file);
  });
  uppy.on("info-visible", () => {
    const info = uppy.getState().info.at(-1);
    if (!info) return;
    const text = [info.message, info.details].filter(Boolean).join(" ");
    if (info.type === "error" || info.type === "warning") notices.problem(text);
    else notices.kept(text);
  });

  return {
    uploader,
    get active() {
      return uploader.uploads.some(isActive);
    },
    describe: () => describe(uploader),
  };
}

/** Passes on together what comes within half a second. */
function gather(pass: (names: string[]) => void): (name: string) => void {
  let names: string[] = [];
  return (name) => {
    if (names.push(name) > 1) return;
    setTimeout(() => {
      const all = names;
      names = [];
      pass(all);
    }, GATHER_MS);
  };
}

function isActive(upload: Upload): boolean {
  return !["done", "failed", "cancelled"].includes(upload.state);
}

function describe(uploader: Uploader): string {
  const active = uploader.uploads.filter(isActive);
  if (active.length === 0) return "";
  if (active.some((upload) => upload.waiting === "offline")) {
    return "No network. Uploads go on by themselves when it is back.";
  }
  if (active.every((upload) => upload.paused)) return "Paused.";
  const { files, doneFiles, hashedBytes, sentBytes, totalBytes, rate, secondsLeft } =
    uploader.progress;
  const words: string[] = [];
  if (active.some((upload) => upload.state === "uploading")) {
    words.push(`${bytes(sentBytes)} of ${bytes(totalBytes)} sent`);
  } else if (active.some((upload) => upload.state === "hashing")) {
    words.push(`SHA-256 computed of ${bytes(hashedBytes)} of ${bytes(totalBytes)}`);
  } else {
    return "One moment…";
  }
  if (files > 1) words.push(`${doneFiles} of ${count(files, "file")} stored`);
  if (rate > 0) words.push(`${bytes(rate)}/s`);
  if (secondsLeft !== null && secondsLeft > 0) words.push(`${timeLeft(secondsLeft)} left`);
  return words.join(" · ");
}
