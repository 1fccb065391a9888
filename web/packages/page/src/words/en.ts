/**
 * English texts of the page. Another language is a file like this, of the type `Words`, that
 * `words.ts` lists. Put names of files into sentences with `isolated`.
 */

import { formatsOf, isolated } from "../format.js";

const formats = formatsOf("en-GB");
const { bytes, duration, number, plural } = formats;

export const en = {
  /** BCP 47 tag for `<html lang>`. */
  language: "en",
  direction: "ltr",
  formats,
  title: "Wideload",

  common: {
    loading: "Loading…",
    oneMoment: "One moment…",
    cancel: "Cancel",
    dismiss: "Dismiss",
    tryAgain: "Try again",
    upload: "Upload",
    files: (count: number) => plural(count, { one: "# file", other: "# files" }),
    /** One of several things that were refused. */
    refused: (name: string, reason: string) => `${isolated(name)}: ${reason}`,
    moreRefused: (count: number) => plural(count, { one: "And # more.", other: "And # more." }),
  },

  start: {
    unusable: "This page can't start. Load it again.",
    windowUnneeded: "This window is no longer needed. You can close it.",
    signInProblem: "You are not signed in: the sign-in page reported a problem. Try again.",
    unreachable: "The server can't be reached. Check your connection, then load the page again.",
    unreadable: (path: string, status: number) =>
      `${path} is missing or isn't JSON (status ${status}). The operator of this page can fix it.`,
    lacks: (member: string) =>
      `config.json has no ${member}. The operator of this page can fix it.`,
  },

  signIn: {
    welcome:
      "Send files of any size. They go directly from your browser to storage; an interrupted upload " +
      "resumes where it stopped.",
    signIn: "Sign in",
    signOut: "Sign out",
    signInAgain: "Sign in again",
    signedInAs: "Signed in as",
    pageUnreachable: "The sign-in page can't be reached. Check your connection, then try again.",
    ended: "Your sign-in has ended. Sign in again in a separate window to continue.",
    noWindow: "If no window opened, allow this page to open one, or sign out and in.",
    leavingTitle: "Sign out while files are being sent?",
    leavingHere: "Uploads stop, in every tab of this browser that has this page open.",
    leavingElsewhere: "Uploads in another tab of this browser stop.",
    leavingResume: "To resume them later, sign in and drop the files again.",
  },

  /** Failures, and what the person can do. */
  errors: {
    signInEnded: "Your sign-in has ended. Sign in again.",
    server: "The server has a problem. Try again in a minute.",
    reference: (requestId: string) => `If it lasts, report this number: ${requestId}`,
    unreachable: "The server can't be reached. Check your connection, then try again.",
    unexpected: "Something went wrong on this page. Reload it and try again.",
    /** By the API's code; for other codes its own sentence is shown. */
    codes: {
      conflict: "It was changed at the same moment. Try again.",
      corrupt: "The stored copy is damaged. Delete it and upload the file again.",
      file_too_large: "The file is larger than this deployment allows.",
      too_many_uploads: "Too many of your uploads are unfinished. Let some finish, then try again.",
      unknown_file: "The file is no longer there; it may have been deleted elsewhere.",
      unknown_folder:
        "The folder is no longer there; it may have been deleted or renamed elsewhere.",
      name_exists: "The name is taken. Choose another name.",
      quarantined: "The file has not been found free of malware. It can't be downloaded.",
    } as Readonly<Record<string, string>>,
  },

  uploads: {
    partMissing:
      "A part of this page could not be loaded. Check your connection, then load the page again.",
    pause: "Pause",
    resume: "Resume",
    cancelAll: "Cancel all",
    clear: "Clear the list",
    cancelTitle: (count: number) =>
      plural(count, { one: "Cancel this upload?", other: "Cancel # uploads?" }),
    keepUploading: "Keep uploading",
    cancelText: "Parts of unfinished files are discarded. Stored files are kept.",
    nothingDropped: "Nothing to upload: there is no file in what you dropped.",
    skippedSystemFiles: (names: readonly string[], more: number) => {
      const rest = more > 0 ? ` and ${number(more)} more` : "";
      return `Skipped files that file managers create: ${names.map(isolated).join(", ")}${rest}.`;
    },
    stored: (name: string) => `${isolated(name)} is stored.`,
    manyStored: (count: number) =>
      plural(count, { one: "# file is stored.", other: "# files are stored." }),

    // The line of progress; `·` separates its parts.
    outcome: (done: number, files: number) =>
      `${number(done)} of ${plural(files, { one: "# file", other: "# files" })} stored`,
    failedCount: (count: number) => `${number(count)} failed`,
    offline: "No network. Uploads continue when it is back.",
    paused: "Paused",
    sent: (done: number, total: number) => `${bytes(done)} of ${bytes(total)} sent`,
    hashed: (done: number, total: number) =>
      `SHA-256 computed for ${bytes(done)} of ${bytes(total)}`,
    rate: (perSecond: number) => `${bytes(perSecond)}/s`,
    left: (seconds: number) => `${duration(seconds)} left`,

    ended: "Uploads have ended",
    tabTitle: (share: number) => `${formats.percent(Math.floor(share * 100) / 100)} – Wideload`,
    notify: "Notify me at the end",
    willNotify: "The browser notifies you when all uploads have ended.",
    notifyRefused:
      "The browser doesn't show notifications of this page. Allow them in its settings for this page.",
    limit: "Limit",
    noLimit: "None",
    emptyFoldersMade: (count: number) =>
      plural(count, { one: "# empty folder is made.", other: "# empty folders are made." }),
    emptyFolderRefused: (path: string, reason: string) =>
      `The empty folder ${isolated(path)} can't be made. ${reason}`,

    failuresTitle: (count: number) =>
      plural(count, { one: "# file not uploaded", other: "# files not uploaded" }),
    failuresList: "Files that were not uploaded",
    moreFailures: (count: number) =>
      plural(count, { one: "And # more file.", other: "And # more files." }),
    copyList: "Copy the list",
    listCopied: "The list is in the clipboard.",
    copyRefused: "The browser did not allow the copy. Select the list and copy it manually.",
  },

  /** Uploads from before that were interrupted. */
  unfinished: {
    title: (count: number) =>
      plural(count, { one: "# unfinished upload", other: "# unfinished uploads" }),
    hint: "Drop a file again to go on where its upload stopped.",
    unlisted: (reason: string) => `Unfinished uploads can't be listed. ${reason}`,
    discard: "Discard",
    discardTitle: "Discard this upload?",
    discardText: (name: string) =>
      `The parts of ${name} that were sent are deleted. If another tab or program is sending it, that ` +
      "stops, too.",
    discarded: (name: string) => `The upload of ${isolated(name)} is discarded.`,
  },

  /** Texts of Uppy's Dashboard that differ from its own. */
  dashboard: {
    core: {
      noDuplicates: "%{fileName} is on the list above already.",
      // Shown by the page itself, in `uploads`.
      failedToUpload: "",
      noInternetConnection: "",
      connectedToInternet: "",
    },
    dashboard: {
      dashboardTitle: "Upload files",
      removeFile: "Remove %{file}",
      // It would count the files that failed.
      xFilesSelected: { 0: "", 1: "" },
    },
    /** Those of `@wideload/uppy`. */
    plugin: {},
    pluralize: (count: number) => (count === 1 ? 0 : 1),
  },

  files: {
    title: "My files",
    skip: "Skip to my files",
    none: "No files yet. Drop some above: they will be listed here.",
    more: "More files",
    summary: (files: number, folders: number, search: string, more: boolean) =>
      `${plural(files, { one: "# file", other: "# files" })}${
        folders === 0 ? "" : ` and ${plural(folders, { one: "# folder", other: "# folders" })}`
      }${search === "" ? "" : ` with “${isolated(search)}” in the name`}${
        more ? ", and there are more" : ""
      }.`,
    name: "Name",
    size: "Size",
    date: "Date",
    actions: "Actions",
    sort: "Sort by",
    orders: {
      "-created_at": "Newest first",
      created_at: "Oldest first",
      name: "Name, A to Z",
      "-name": "Name, Z to A",
      "-size": "Largest first",
      size: "Smallest first",
    },
    search: "Search by name",
    searchWhere: "Where to search",
    everywhere: "In all folders",
    thisFolder: "In this folder",
    searchOlder: "Search older files",
    noNewer: (search: string) =>
      `No newer file's name contains “${isolated(search)}”. There are older ones.`,
    noMatch: (search: string) => `No file's name contains “${isolated(search)}”.`,

    download: "Download",
    rename: "Rename",
    move: "Move",
    copyHash: "Copy SHA-256",
    delete: "Delete",
    /** After one of these labels, for screen readers: of which file. */
    of: (name: string) => ` ${name}`,
    hashOf: (name: string) => ` of ${name}`,
    verified: "Verified",
    partsVerified: "Parts verified",
    damaged: "Damaged: delete it and upload it again",
    /** Why a file can't be downloaded: a badge, and a sentence unless the server sends one. */
    quarantine: {
      scanning: {
        badge: "Being scanned",
        reason: "It can be downloaded once it is found free of malware.",
      },
      malware: { badge: "Malware", reason: "Malware was found in it. Delete it." },
      not_scanned: {
        badge: "Not scanned",
        reason: "It could not be scanned for malware. The operator of this page can help.",
      },
    },

    downloading: (name: string) => `Downloading ${isolated(name)}.`,
    downloadFailed: (name: string) =>
      `${isolated(name)} could not be downloaded. Try again in a minute.`,
    downloadRefused: (name: string, reason: string) =>
      `${isolated(name)} can't be downloaded. ${reason}`,
    downloadFrame: "Download",
    hashCopied: (name: string) => `The SHA-256 of ${isolated(name)} is in the clipboard.`,
    hashShown: (name: string, sha256: string) => `SHA-256 of ${isolated(name)}: ${sha256}`,
    renamed: (name: string) => `Renamed to ${isolated(name)}.`,
    deleted: (name: string) => `${isolated(name)} is deleted.`,
    deleteTitle: "Delete this file?",
    deleteText: (name: string) => `${name} will be deleted permanently.`,
    newName: "New name",
  },

  folders: {
    top: "My files",
    title: "Folders",
    way: "Open folder",
    /** Before the name of a folder in the list, for screen readers. */
    folder: "Folder",
    more: "More folders",
    new: "New folder",
    name: "Name of the folder",
    make: "Make folder",
    made: (name: string) => `The folder ${isolated(name)} is made.`,
    rename: "Rename folder",
    empty: "This folder is empty. Drop files above: they are stored here.",
    missing: "There is no such folder. It may have been deleted or renamed.",
    toTop: "To all my files",
    moveTitle: (count: number) =>
      plural(count, { one: "Where to move it?", other: "Where to move # items?" }),
    moveTo: "Folder to move to",
    newWithin: "New folder in the chosen one (optional)",
    intoItself: (name: string) =>
      `The folder ${isolated(name)} can't be moved into itself. Choose another folder.`,
    moved: (count: number, to: string) =>
      `${plural(count, { one: "# item is", other: "# items are" })} moved to ${
        to === "" ? "the top" : isolated(to)
      }.`,
    counting: "Counting the files…",
    deleteTitle: "Delete this folder?",
    deleteText: (name: string) => `${name} will be deleted permanently, with all that is in it.`,
    deleteCounted: (files: number, folders: number, more: boolean) =>
      `${more ? "More than " : ""}${plural(files, { one: "# file", other: "# files" })}${
        folders === 0 ? "" : ` and ${plural(folders, { one: "# folder", other: "# folders" })}`
      } will be deleted permanently.`,
    deleteUncounted: (files: number, folders: number) =>
      `${plural(files, { one: "# file", other: "# files" })} and ${plural(folders, {
        one: "# folder",
        other: "# folders",
      })} will be deleted permanently, with all that is in them. How many files that is can't be told.`,
  },

  /** Several files and folders at once. */
  selection: {
    select: (name: string) => `Select ${name}`,
    all: "Select all",
    allOfFolder: "Load and select all",
    clear: "Clear selection",
    zip: "Download as ZIP",
    summary: (files: number, folders: number, size: number) => {
      const counted = [
        ...(files > 0 ? [plural(files, { one: "# file", other: "# files" })] : []),
        ...(folders > 0 ? [plural(folders, { one: "# folder", other: "# folders" })] : []),
      ];
      return `${counted.join(" and ")} selected${files > 0 ? ` (${bytes(size)})` : ""}`;
    },
    deleteTitle: (count: number) =>
      plural(count, { one: "Delete # item?", other: "Delete # items?" }),
    deleted: (count: number) =>
      plural(count, { one: "# item is deleted.", other: "# items are deleted." }),
    deletedSome: (count: number) =>
      `${plural(count, { one: "# item is", other: "# items are" })} deleted, others are not.`,
  },

  /** Names that are taken. */
  conflicts: {
    title: "The name is taken",
    exists: (name: string, folder: string) => `${folder} has a file named ${name} already.`,
    existsAtTop: (name: string) => `There is a file named ${name} already.`,
    there: "There now",
    yours: "The new one",
    keepBoth: "Keep both",
    replace: "Replace",
    skip: "Skip",
    all: (others: number) =>
      plural(others, {
        one: "Do this for the other file, too",
        other: "Do this for the other # files, too",
      }),
    waiting: (count: number) =>
      plural(count, {
        one: "# file waits: its name is taken.",
        other: "# files wait: their names are taken.",
      }),
    decide: "Decide",
  },

  /** Downloads of many files as one ZIP. */
  zip: {
    fileName: (name: string) => `${name === "" ? "My files" : name}.zip`,
    preparing: "ZIP: listing the files…",
    progress: (done: number, total: number) => `ZIP: ${bytes(done)} of ${bytes(total)}`,
    cancel: "Cancel the ZIP",
    cancelled: "The ZIP is cancelled.",
    saved: (name: string) => `${isolated(name)} is saved.`,
    savedWithout: (name: string, count: number) =>
      `${isolated(name)} is saved without ${plural(count, { one: "# file", other: "# files" })}.`,
    failed: (name: string, reason: string) => `${isolated(name)} is not saved. ${reason}`,
    nothing: "None of the files can be downloaded.",
    tooLarge: (size: number, most: number) =>
      `This browser keeps a ZIP in memory until it is complete: at most ${bytes(most)}. These files ` +
      `are ${bytes(size)}. Select fewer, or use Chrome or Edge, which write to the disk.`,
    broken: (name: string, reason: string) =>
      `The download of ${isolated(name)} broke off, so the ZIP is not complete. ${reason}`,
    storageRefused: (status: number) =>
      `The storage refused the download (status ${status}). Try again in a minute.`,
    /** Name of the list that a ZIP has if files are missing in it. */
    listName: "Not in this ZIP.txt",
  },
};
