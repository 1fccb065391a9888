import {
  BasePlugin,
  type Body,
  type DefinePluginOpts,
  type Meta,
  type PluginOpts,
  type Uppy,
  type UppyFile,
} from "@uppy/core";
import {
  ApiError,
  ConfigurationError,
  type FileInfo,
  type IfExists,
  StorageError,
  type Upload,
  Uploader,
  type UploaderOptions,
  type UploadResult,
  WideloadError,
} from "@wideload/uploader";
import { locale } from "./locale.js";
import { Throttle } from "./throttle.js";

/** `response.body` of `upload-success`, which the file keeps as `file.response.body`. */
export interface WideloadBody extends Record<string, unknown> {
  /** The finished file; its name is another than that of the file that was added if it was taken. */
  file: FileInfo;
  /** The content was there already: only its hash was sent. */
  duplicate: boolean;
  /** With `ifExists: "skip"`: nothing was added, as `file`, with other content, has the name. */
  skipped: boolean;
}

export type WideloadUppyOptions = PluginOpts & {
  /**
   * Leave at the API what is cancelled or removed, so that the same file can go on later. Default:
   * false, such an upload is aborted there too. Closing the page never aborts.
   */
  readonly keepCancelled?: boolean | undefined;
  /**
   * For a name that another file of the folder has; `meta.ifExists` of a file takes precedence, also
   * when it is retried. Default: `keep_both`.
   */
  readonly ifExists?: IfExists | undefined;
} & (
    | {
        /** One of yours, which the plugin doesn't close. */
        readonly uploader: Uploader;
      }
    | (UploaderOptions & { readonly uploader?: undefined })
  );

/** Dashboard redraws on each change; this is often enough for the eye. */
const DRAW_EVERY = 200;
/** Duplicates that are found within this time share a message. */
const GATHER = 500;
/** From 100 on Uppy ignores progress, and it rounds; the rest comes with `upload-success`. */
const MOST_BEFORE_SUCCESS = 0.994;

/**
 * Uploads through Wideload's file transfer API.
 *
 * Per file: `preprocess-progress` while it is hashed before it is sent, `upload-start` and
 * `upload-progress` while it is sent, then `upload-success` (`response.body` is a `WideloadBody`) or
 * `upload-error` (with a `WideloadError`). Phases of less than 0.2 s have no progress events. Large
 * files are sent while they are hashed. A file that was added with its folder (`meta.relativePath`, as
 * the Dashboard sets it) goes into a folder of that path. Pause, resume, retry, removal of single files and cancel-all
 * work, files with the same content are sent once, and an interrupted upload resumes when its file is
 * added again.
 */
export class WideloadUppy<M extends Meta, B extends Body> extends BasePlugin<
  DefinePluginOpts<WideloadUppyOptions, never>,
  M,
  B
> {
  static readonly VERSION = "0.1.0";

  readonly uploader: Uploader;
  readonly #ownUploader: boolean;
  readonly #uploads = new Map<string, Upload>();
  readonly #fileIds = new Map<Upload, string>();
  readonly #throttle = new Throttle(DRAW_EVERY);
  #unsubscribe: (() => void)[] = [];
  #duplicates: string[] = [];
  #gathering: ReturnType<typeof setTimeout> | undefined;

  constructor(uppy: Uppy<M, B>, opts: WideloadUppyOptions) {
    super(uppy, opts);
    this.id = opts.id ?? "Wideload";
    this.type = "uploader";
    this.defaultLocale = locale;
    this.i18nInit();
    this.#ownUploader = !opts.uploader;
    this.uploader = opts.uploader ?? new Uploader(opts);
  }

  override install(): void {
    this.#offer(true);
    this.uppy.addUploader(this.#upload);
    this.uppy.on("file-removed", this.#removed);
    this.uppy.on("upload-pause", this.#paused);
    this.uppy.on("pause-all", this.#pausedAll);
    this.uppy.on("resume-all", this.#resumedAll);
    this.#unsubscribe = [
      this.uploader.on("change", (upload) => this.#changed(upload)),
      this.uploader.on("progress", (upload) => this.#moved(upload)),
    ];
  }

  override uninstall(): void {
    this.#offer(false);
    this.uppy.removeUploader(this.#upload);
    this.uppy.off("file-removed", this.#removed);
    this.uppy.off("upload-pause", this.#paused);
    this.uppy.off("pause-all", this.#pausedAll);
    this.uppy.off("resume-all", this.#resumedAll);
    for (const unsubscribe of this.#unsubscribe) unsubscribe();
    for (const upload of [...this.#uploads.values()]) {
      this.#forget(upload);
      void upload.cancel({ keep: true });
    }
    this.#throttle.clear();
    clearTimeout(this.#gathering);
    if (this.#ownUploader) this.uploader.close();
  }

  #offer(able: boolean): void {
    const { capabilities } = this.uppy.getState();
    this.uppy.setState({
      capabilities: { ...capabilities, resumableUploads: able, individualCancellation: true },
    });
  }

  /** Settles when each of the files is done, failed or removed; never rejects. */
  readonly #upload = async (fileIds: string[]): Promise<void> => {
    const files = this.uppy.getFilesByIds(fileIds);
    await Promise.all(
      files
        .filter((file) => !file.error && !file.progress.uploadComplete)
        .map((file) => this.#run(file)),
    );
  };

  async #run(file: UppyFile<M, B>): Promise<void> {
    let upload: Upload;
    try {
      upload = this.#begin(file);
    } catch (error) {
      this.uppy.emit("upload-error", file, error as Error);
      return;
    }
    try {
      const result = await upload.done;
      if (this.#fileOf(upload)) this.#succeed(file.id, result);
    } catch (error) {
      const current = this.#fileOf(upload);
      if (!current) return;
      this.#throttle.drop(file.id);
      this.uppy.emit("preprocess-complete", current);
      this.uppy.emit("upload-error", current, error as Error, responseOf(error));
    }
  }

  #begin(file: UppyFile<M, B>): Upload {
    if (file.isRemote) throw new ConfigurationError(this.i18n("remoteFile", { name: file.name }));
    const { data } = file;
    if (!data)
      throw new WideloadError(`${file.name} is not at hand any more. Add it again.`, {
        code: "ghost",
      });
    const before = this.#uploads.get(file.id);
    const ifExists = (file.meta["ifExists"] as IfExists | undefined) ?? this.opts.ifExists;
    if (before?.state === "failed" && before.source === data) {
      before.retry({ ifExists });
      return before;
    }
    if (before) this.#forget(before);
    const upload = this.uploader.upload(data, {
      name: file.meta.name || file.name,
      contentType: file.type,
      folder: folderOf(file.meta["relativePath"]),
      ifExists,
    });
    this.#uploads.set(file.id, upload);
    this.#fileIds.set(upload, file.id);
    return upload;
  }

  #forget(upload: Upload): void {
    const fileId = this.#fileIds.get(upload);
    this.#fileIds.delete(upload);
    if (fileId !== undefined) {
      this.#uploads.delete(fileId);
      this.#throttle.drop(fileId);
    }
    this.uploader.forget(upload);
  }

  /** The file as Uppy has it now, or undefined for a foreign upload or a removed file. */
  #fileOf(upload: Upload): UppyFile<M, B> | undefined {
    const fileId = this.#fileIds.get(upload);
    return fileId === undefined ? undefined : this.uppy.getFile(fileId);
  }

  // From the uploader to Uppy

  #changed(upload: Upload): void {
    const file = this.#fileOf(upload);
    if (!file) return;
    if (upload.state === "preparing") {
      this.#throttle.drop(file.id);
      if (file.progress.preprocess) this.uppy.emit("preprocess-complete", file);
    }
    // Each event makes Uppy draw its whole list: those of quick phases are left out.
    if (upload.state === "hashing" || upload.state === "uploading")
      this.#throttle.later(file.id, () => this.#draw(upload));
  }

  /** Whether bars show it as being sent: not so before, nor after a failure. */
  #started(file: UppyFile<M, B>): boolean {
    return file.progress.uploadStarted != null && !file.error;
  }

  #moved(upload: Upload): void {
    const fileId = this.#fileIds.get(upload);
    if (fileId === undefined) return;
    this.#throttle.run(fileId, () => this.#draw(upload));
  }

  #draw(upload: Upload): void {
    const file = this.#fileOf(upload);
    if (!file) return;
    const { totalBytes, hashedBytes, sentBytes } = upload.progress;
    if (upload.state === "hashing") {
      const value = totalBytes > 0 ? hashedBytes / totalBytes : 0;
      this.uppy.emit("preprocess-progress", file, {
        mode: "determinate",
        message: this.i18n("hashing"),
        value,
      });
    } else if (upload.state === "uploading" || upload.state === "completing") {
      if (!this.#started(file)) this.uppy.emit("upload-start", [file]);
      this.uppy.emit("upload-progress", this.uppy.getFile(file.id), {
        uploadStarted: file.progress.uploadStarted ?? Date.now(),
        bytesUploaded: Math.min(sentBytes, Math.floor(totalBytes * MOST_BEFORE_SUCCESS)),
        bytesTotal: totalBytes,
      });
    }
  }

  #succeed(fileId: string, result: UploadResult): void {
    this.#throttle.drop(fileId);
    const file = this.uppy.getFile(fileId);
    if (!this.#started(file)) this.uppy.emit("upload-start", [file]);
    const { file: stored, duplicate, skipped } = result;
    const body: WideloadBody = { file: stored, duplicate, skipped };
    this.uppy.emit("upload-success", this.uppy.getFile(fileId), {
      status: 200,
      body: body as unknown as B,
      bytesUploaded: result.sentBytes,
    });
    if (result.duplicate) this.#tell(file.meta.name || file.name);
  }

  #tell(duplicate: string): void {
    this.#duplicates.push(duplicate);
    this.#gathering ??= setTimeout(() => {
      const [name = ""] = this.#duplicates;
      const smart_count = this.#duplicates.length;
      this.#duplicates = [];
      this.#gathering = undefined;
      this.uppy.info(this.i18n("alreadyThere", { name, smart_count }), "info", 5000);
    }, GATHER);
  }

  // From Uppy to the uploader

  readonly #removed = (file: UppyFile<M, B>): void => {
    const upload = this.#uploads.get(file.id);
    if (!upload) return;
    void upload
      .cancel({ keep: this.opts.keepCancelled ?? false })
      .finally(() => this.uploader.forget(upload));
    this.#forget(upload);
  };

  readonly #paused = (file: UppyFile<M, B> | undefined, isPaused: boolean): void => {
    const upload = file && this.#uploads.get(file.id);
    if (isPaused) upload?.pause();
    else upload?.resume();
  };

  readonly #pausedAll = (): void => {
    for (const upload of this.#uploads.values()) upload.pause();
  };

  readonly #resumedAll = (): void => {
    for (const upload of this.#uploads.values()) {
      upload.resume();
      // Uppy takes failures back here, though nothing has been tried again.
      const file = upload.error && this.#fileOf(upload);
      if (file) this.uppy.setFileState(file.id, { error: upload.error.message });
    }
  };
}

/** Folder of a path such as `docs/2026/offer.pdf`. */
function folderOf(relativePath: unknown): string {
  const path = typeof relativePath === "string" ? relativePath.replace(/^\/+/, "") : "";
  return path.slice(0, Math.max(0, path.lastIndexOf("/")));
}

function responseOf(error: unknown): { status: number } | undefined {
  return error instanceof ApiError || error instanceof StorageError
    ? { status: error.status }
    : undefined;
}

export default WideloadUppy;
