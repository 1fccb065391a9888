/** Download of many files as one ZIP, written by this page. */

import { type FilesApi, WideloadError } from "@wideload/uploader";
import { explain } from "./explain.js";
import type { Notices } from "./notices.js";
import { type Refused, withRefused } from "./refused.js";
import type { Row } from "./rows.js";
import { Subject } from "./subject.js";
import { words } from "./words.js";
import { planZip } from "./zip-plan.js";
import { zipOf } from "./zip-stream.js";

/** Largest ZIP that is kept in memory, where the browser can't write to a file. */
export const MOST_IN_MEMORY = 1024 ** 3;

/** Of the File System Access API, which TypeScript doesn't know. */
type Picker = (options: {
  suggestedName: string;
  types: readonly { description: string; accept: Record<string, readonly string[]> }[];
}) => Promise<FileSystemFileHandle & { remove?: () => Promise<void> }>;

declare global {
  interface Window {
    showSaveFilePicker?: Picker;
  }
}

export interface ZippingOptions {
  readonly api: FilesApi;
  readonly notices: Notices;
  /** Asks for a file to write to; undefined where the browser can't. */
  readonly pick: Picker | undefined;
  /** Saves a ZIP that is in memory. */
  readonly save: (zip: Blob, name: string) => void;
  readonly fetch: typeof fetch;
}

export interface Progress {
  readonly doneBytes: number;
  readonly totalBytes: number;
}

export class Zipping extends Subject {
  readonly #options: ZippingOptions;
  #running: AbortController | null = null;
  #doneBytes = 0;
  #totalBytes = 0;

  constructor(options: ZippingOptions) {
    super();
    this.#options = options;
  }

  get active(): boolean {
    return this.#running !== null;
  }

  get progress(): Progress {
    return { doneBytes: this.#doneBytes, totalBytes: this.#totalBytes };
  }

  cancel(): void {
    this.#running?.abort();
  }

  /**
   * Downloads rows, with all that is in their folders. Notices say how it ended, and which files are
   * not in the ZIP.
   *
   * @param base - Folder that all rows lie in; empty: the top.
   * @param name - Of the ZIP.
   */
  async download(rows: readonly Row[], base: string, name: string): Promise<void> {
    if (this.active) return;
    const running = new AbortController();
    this.#running = running;
    this.#doneBytes = 0;
    this.#totalBytes = 0;
    this.tell();
    const { notices } = this.#options;
    try {
      const refused = await this.#write(rows, base, name, running.signal);
      if (refused.length === 0) notices.done(words.zip.saved(name));
      else notices.problem(withRefused(words.zip.savedWithout(name, refused.length), refused));
    } catch (error) {
      if (running.signal.aborted) notices.done(words.zip.cancelled);
      else if (!dismissed(error)) notices.problem(words.zip.failed(name, explain(error)));
    } finally {
      this.#running = null;
      this.tell();
    }
  }

  async #write(
    rows: readonly Row[],
    base: string,
    name: string,
    signal: AbortSignal,
  ): Promise<readonly Refused[]> {
    const { api, fetch, pick, save } = this.#options;
    // Before anything is awaited: browsers ask only in answer to a click.
    const handle = await pick?.({
      suggestedName: name,
      types: [{ description: "ZIP", accept: { "application/zip": [".zip"] } }],
    });
    try {
      const plan = await planZip(api, rows, base, signal);
      if (!handle && plan.size > MOST_IN_MEMORY) {
        throw new WideloadError(words.zip.tooLarge(plan.size, MOST_IN_MEMORY));
      }
      if (plan.entries.length === 0) {
        throw new WideloadError(withRefused(words.zip.nothing, plan.refused));
      }
      this.#totalBytes = plan.size;
      const { stream, refused } = zipOf(plan, {
        api,
        fetch,
        signal,
        onBytes: (count) => {
          this.#doneBytes += count;
        },
      });
      if (handle) await stream.pipeTo(await handle.createWritable(), { signal });
      else save(await blobOf(stream, signal), name);
      return refused;
    } catch (error) {
      // Else the empty file that was made when the person chose its name would stay.
      await handle?.remove?.().catch(() => {});
      throw error;
    }
  }
}

/** Keeps a stream in memory. `Response.blob` would not say why the stream failed. */
async function blobOf(stream: ReadableStream<Uint8Array>, signal: AbortSignal): Promise<Blob> {
  const pieces: Blob[] = [];
  const write = (piece: Uint8Array<ArrayBuffer>) => void pieces.push(new Blob([piece]));
  await stream.pipeTo(new WritableStream({ write }), { signal });
  return new Blob(pieces, { type: "application/zip" });
}

/** The person closed the browser's dialog without a choice. */
function dismissed(error: unknown): boolean {
  return error instanceof DOMException && error.name === "AbortError";
}

/** Saves a ZIP among the browser's downloads. */
export function saveBlob(zip: Blob, name: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(zip);
  link.download = name;
  link.click();
  // The browser holds it by now.
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
