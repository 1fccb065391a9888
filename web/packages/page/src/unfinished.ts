/** Uploads from before, which this page doesn't send now. */

import type { FilesApi, OpenUpload, Uploader } from "@wideload/uploader";
import { Subject } from "./subject.js";

export class Unfinished extends Subject {
  readonly #api: FilesApi;
  readonly #uploader: Uploader;
  /** Newest first. */
  items: readonly OpenUpload[] = [];
  /** Why they can't be listed; null if they can. */
  error: unknown = null;

  constructor(uploader: Uploader) {
    super();
    this.#api = uploader.api;
    this.#uploader = uploader;
    uploader.on("change", ({ uploadId }) => {
      if (uploadId !== null) this.#drop(uploadId);
    });
  }

  async load(): Promise<void> {
    try {
      const all = await this.#all();
      const sent = new Set(this.#uploader.uploads.map(({ uploadId }) => uploadId));
      this.items = all.filter(({ state, uploadId }) => state === "open" && !sent.has(uploadId));
      this.error = null;
    } catch (error) {
      this.error = error;
    }
    this.tell();
  }

  /** Gives an upload up; one that is gone already is taken off the list, too. */
  async discard(uploadId: string): Promise<void> {
    try {
      await this.#api.abort(uploadId);
    } catch (error) {
      const { code } = error as { code?: string };
      if (code !== "unknown_upload" && code !== "upload_completed") throw error;
    }
    this.#drop(uploadId);
  }

  /** Folder of the only upload of this name and size: the same file goes on there. */
  folderOf(name: string, size: number): string | undefined {
    const alike = this.items.filter((item) => item.name === name && item.size === size);
    return alike.length === 1 ? alike[0]?.folder : undefined;
  }

  async #all(): Promise<readonly OpenUpload[]> {
    const all: OpenUpload[] = [];
    let cursor: string | null = null;
    do {
      const page = await this.#api.uploads({ cursor, limit: 100 });
      all.push(...page.items);
      cursor = page.cursor;
    } while (cursor !== null);
    return all;
  }

  #drop(uploadId: string): void {
    const left = this.items.filter((item) => item.uploadId !== uploadId);
    if (left.length === this.items.length) return;
    this.items = left;
    this.tell();
  }
}
