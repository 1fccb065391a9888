/** Uppy's Dashboard over our engine. Loaded after the rest: it is most of the page's JavaScript. */

import "@uppy/core/css/style.min.css";
import "@uppy/dashboard/css/style.min.css";

import Dashboard from "@uppy/dashboard";
import {
  type FileInfo,
  type Folder,
  type IfExists,
  Uploader,
  type UploaderOptions,
} from "@wideload/uploader";
import WideloadUppy from "@wideload/uppy";
import { Conflicts } from "./conflicts.js";
import { DoneNotification } from "./done-notification.js";
import { entriesOf, survey } from "./dropped.js";
import { explain } from "./explain.js";
import { Failures } from "./failures.js";
import type { Notices } from "./notices.js";
import { joined } from "./paths.js";
import { PatientUppy } from "./patient-uppy.js";
import type { Preferences } from "./preferences.js";
import { outcomeOf, type UploadingView, viewOf } from "./progress.js";
import { UploadingSign } from "./tabs.js";
import { Unfinished } from "./unfinished.js";
import { words } from "./words.js";

export interface UploadingOptions {
  readonly target: HTMLElement;
  readonly uploader: UploaderOptions;
  readonly notices: Notices;
  readonly locks: LockManager;
  readonly preferences: Preferences;
  /** For names that are taken; `fail` lists them as `conflicts`. Default: `keep_both`. */
  readonly ifExists?: IfExists;
  readonly onStored: (file: FileInfo) => void;
  /** A folder without files was made. */
  readonly onFolder: (folder: Folder) => void;
}

export interface Uploading {
  readonly uploader: Uploader;
  readonly failures: Failures;
  readonly conflicts: Conflicts;
  readonly unfinished: Unfinished;
  readonly notification: DoneNotification;
  /** Path of the folder that files go into which are added from now on. */
  folder: string;
  /** Bytes a second; null: no limit. This browser remembers it. */
  limitRate: number | null;
  view(): UploadingView;
  pause(): void;
  resume(): void;
  /** Takes all files off the list; gives up those that are under way. */
  clear(): void;
}

export function startUploading(options: UploadingOptions): Uploading {
  const { notices, preferences, onStored } = options;
  const uploader = new Uploader({ ...options.uploader, limitRate: preferences.limitRate });
  const unfinished = new Unfinished(uploader);
  void unfinished.load();
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
  let folder = "";
  uppy.folderOf = ({ name, data }) =>
    unfinished.folderOf(name ?? "", (data as Blob).size) ?? folder;
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
    fileManagerSelectionType: "both",
    onDrop: (event) => {
      const entries = entriesOf(event);
      void keepEmptyFolders(entries, folder, { ...options, uploader });
    },
    locale: { strings: words.dashboard.dashboard } as never,
  });
  uppy.use(WideloadUppy, {
    uploader,
    ifExists: options.ifExists,
    locale: { strings: words.dashboard.plugin } as never,
  });
  uppy.on("info-visible", () => {
    const info = uppy.getState().info.at(-1);
    if (!info?.message) return;
    const text = [info.message, info.details].filter(Boolean).join(" ");
    if (info.type === "error" || info.type === "warning") notices.problem(text);
    else notices.kept(text);
  });

  const conflicts = new Conflicts(uppy);
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
  const notification = new DoneNotification({
    notifications: globalThis.Notification,
    visible: () => document.visibilityState === "visible",
    now: () => performance.now(),
  });
  function ended() {
    tellStored();
    if (uploader.active) return;
    notification.end(outcomeOf(uploader));
    // Uppy notes a failure after the uploader.
    setTimeout(() => {
      if (!uploader.active) conflicts.settle();
    });
  }
  uploader.on("change", () => {
    sign.show(uploader.active);
    if (uploader.active) notification.begin();
  });
  uploader.on("done", (_, { file, duplicate, skipped }) => {
    // What was there already the plugin tells itself, by a message.
    if (!duplicate && !skipped) stored.push(file.name);
    if (!skipped) onStored(file);
    ended();
  });
  uploader.on("failed", ended);
  uploader.on("cancelled", ended);

  return {
    uploader,
    failures: new Failures(uppy),
    conflicts,
    unfinished,
    notification,
    get folder() {
      return folder;
    },
    set folder(path) {
      folder = path;
    },
    get limitRate() {
      return uploader.limitRate;
    },
    set limitRate(limit) {
      uploader.limitRate = limit;
      preferences.limitRate = limit;
    },
    view: () => viewOf(uploader, uppy.getFiles().length > 0),
    pause: () => uppy.pauseAll(),
    resume: () => uppy.resumeAll(),
    clear: () => uppy.cancelAll(),
  };
}

/** Makes the folders of a drop that no file would make. */
async function keepEmptyFolders(
  entries: readonly FileSystemEntry[],
  parent: string,
  {
    uploader,
    notices,
    onFolder,
  }: Pick<UploadingOptions, "notices" | "onFolder"> & {
    readonly uploader: Uploader;
  },
): Promise<void> {
  const { files, emptyFolders } = await survey(entries);
  if (!files && emptyFolders.length === 0) notices.problem(words.uploads.nothingDropped);
  let made = 0;
  for (const path of emptyFolders) {
    try {
      onFolder(await uploader.api.createFolder(joined(parent, path)));
      made += 1;
    } catch (error) {
      notices.problem(words.uploads.emptyFolderRefused(path, explain(error)));
    }
  }
  if (made > 0) notices.done(words.uploads.emptyFoldersMade(made));
}
