/** Files on the list whose name another file of their folder has. */

import type { Meta, Uppy } from "@uppy/core";
import { type FileInfo, NameExistsError } from "@wideload/uploader";
import type { WideloadBody } from "@wideload/uppy";
import { Subject } from "./subject.js";

export interface Conflict {
  /** Of the list. */
  readonly fileId: string;
  readonly name: string;
  readonly size: number;
  /** The file that has the name; null for a folder. */
  readonly existing: FileInfo | null;
}

export type Resolution = "keep_both" | "replace" | "skip";

export class Conflicts extends Subject {
  readonly #uppy: Uppy<Meta, WideloadBody>;
  readonly #byFile = new Map<string, Conflict>();
  /** For conflicts that are still to come, until all uploads have ended. */
  #standing: Resolution | null = null;

  constructor(uppy: Uppy<Meta, WideloadBody>) {
    super();
    this.#uppy = uppy;
    uppy.on("upload-error", (file, error) => {
      if (file === undefined || !(error instanceof NameExistsError)) return;
      const { id, name = "", size } = file;
      this.#byFile.set(id, { fileId: id, name, size: size ?? 0, existing: error.file });
      // Uppy has to have noted the failure first.
      if (this.#standing !== null) queueMicrotask(() => this.#resolveStanding());
      else this.tell();
    });
    const forget = (file: { readonly id: string } | undefined) => {
      if (file && this.#byFile.delete(file.id)) this.tell();
    };
    uppy.on("upload-retry", forget);
    uppy.on("file-added", forget);
    uppy.on("file-removed", forget);
  }

  /** In the order in which they were found. */
  get all(): readonly Conflict[] {
    return [...this.#byFile.values()];
  }

  /** Uploads a file all the same; `skip` takes it off the list. */
  resolve(fileId: string, resolution: Resolution): void {
    if (resolution === "skip") {
      this.#uppy.removeFile(fileId);
      return;
    }
    this.#uppy.setFileMeta(fileId, { ifExists: resolution });
    void this.#uppy.retryUpload(fileId);
  }

  /** Does the same for all, and for those that are still to come. */
  resolveAll(resolution: Resolution): void {
    this.#standing = resolution;
    this.#resolveStanding();
  }

  /** Ends what `resolveAll` began: all uploads have ended. */
  settle(): void {
    this.#standing = null;
  }

  #resolveStanding(): void {
    if (this.#standing === null) return;
    for (const { fileId } of this.all) this.resolve(fileId, this.#standing);
  }
}
