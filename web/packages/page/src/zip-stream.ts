/** A ZIP as a stream: files come from S3 one after the other while the ZIP is written. */

import {
  ApiError,
  type FileInfo,
  type FilesApi,
  StorageError,
  TransportError,
  WideloadError,
} from "@wideload/uploader";
import { makeZip } from "client-zip";
import { explain } from "./explain.js";
import type { Refused } from "./refused.js";
import { words } from "./words.js";
import type { Entry, Plan } from "./zip-plan.js";

/** Files of up to this many bytes are read as a whole, some ahead of their turn. */
const SMALL = 1024 * 1024;
const AHEAD = 6;
const ATTEMPTS = 4;
const PAUSE_MS = 1000;
const EARLIEST = new Date(1980, 0, 1).getTime();

/** A file broke off in the middle: what the ZIP has of it can't be taken back. */
export class BrokenZipError extends WideloadError {}

export interface ZipOptions {
  readonly api: FilesApi;
  readonly fetch: typeof fetch;
  readonly signal: AbortSignal;
  /** Called with the bytes of each piece. */
  readonly onBytes: (count: number) => void;
  /** Milliseconds before a download is tried again. */
  readonly pauseMs?: number;
}

export interface Zip {
  readonly stream: ReadableStream<Uint8Array>;
  /** Files that are not in it: complete when the stream has ended. A text in the ZIP lists them, too. */
  readonly refused: readonly Refused[];
}

export function zipOf(plan: Plan, options: ZipOptions): Zip {
  const writer = new ZipWriter(plan, options);
  return { stream: makeZip(writer.inputs()), refused: writer.refused };
}

type Opened =
  | { readonly input: Uint8Array | AsyncIterable<Uint8Array> }
  | { readonly error: unknown };

class ZipWriter {
  readonly refused: Refused[];
  readonly #entries: readonly Entry[];
  readonly #options: ZipOptions;
  readonly #ahead = new Map<Entry, Promise<Opened>>();

  constructor({ entries, refused }: Plan, options: ZipOptions) {
    this.#entries = entries;
    this.refused = [...refused];
    this.#options = options;
  }

  async *inputs() {
    for (const [index, entry] of this.#entries.entries()) {
      const { path: name, file } = entry;
      if (file === null) {
        yield { name: `${name}/` };
        continue;
      }
      for (const next of this.#entries.slice(index, index + AHEAD)) {
        const { file } = next;
        if (file && file.size <= SMALL && !this.#ahead.has(next)) {
          this.#ahead.set(next, settled(this.#whole(file)));
        }
      }
      const opened = await (this.#ahead.get(entry) ?? settled(this.#stream(file)));
      this.#ahead.delete(entry);
      this.#options.signal.throwIfAborted();
      if ("error" in opened) {
        this.refused.push({ name, reason: explain(opened.error) });
        continue;
      }
      const { input } = opened;
      if (input instanceof Uint8Array) this.#options.onBytes(input.length);
      yield { name, input, lastModified: dateOf(file) };
    }
    if (this.refused.length > 0) {
      const lines = this.refused.map(({ name, reason }) => `${name}: ${reason}\n`);
      yield { name: words.zip.listName, input: lines.join("") };
    }
  }

  /** All bytes of a small file. */
  #whole(file: FileInfo): Promise<Uint8Array> {
    return this.#patiently(async () => {
      const response = await this.#open(file, 0);
      const bytes = new Uint8Array(await response.arrayBuffer());
      if (bytes.length !== file.size) throw brokenOff();
      return bytes;
    });
  }

  /** The bytes of a file as they come. A connection that breaks is followed by another. */
  async #stream(file: FileInfo): Promise<AsyncIterable<Uint8Array>> {
    const first = await this.#patiently(() => this.#open(file, 0));
    return this.#pieces(file, first);
  }

  async *#pieces(file: FileInfo, first: Response): AsyncGenerator<Uint8Array> {
    let response: Response | null = first;
    let read = 0;
    let begun = 0;
    for (let attempt = 1; ; attempt += 1) {
      try {
        response ??= await this.#open(file, read);
        for await (const piece of piecesOf(response)) {
          read += piece.length;
          this.#options.onBytes(piece.length);
          yield piece;
        }
        if (read === file.size) return;
        throw brokenOff();
      } catch (error) {
        this.#options.signal.throwIfAborted();
        if (read > begun) attempt = 1;
        if (attempt >= ATTEMPTS || !mayPass(error)) {
          throw new BrokenZipError(words.zip.broken(file.name, explain(error)), { cause: error });
        }
        begun = read;
        response = null;
        await this.#pause();
      }
    }
  }

  async #open(file: FileInfo, offset: number): Promise<Response> {
    const { api, fetch, signal } = this.#options;
    // Signed anew each time, as a URL may have expired since the ZIP was begun.
    const { action } = await api.download(file.fileId, signal);
    const range = offset > 0 ? { Range: `bytes=${offset}-` } : {};
    let response: Response;
    try {
      response = await fetch(action.href, {
        headers: { ...action.headers, ...range },
        // A copy from a download without CORS would be refused.
        cache: "no-store",
        credentials: "omit",
        signal,
      });
    } catch (error) {
      throw new TransportError(words.errors.unreachable, { cause: error });
    }
    if (response.status === (offset > 0 ? 206 : 200)) return response;
    void response.body?.cancel();
    const { status } = response;
    throw new StorageError(words.zip.storageRefused(status), {
      status,
      code: null,
      requestId: response.headers.get("x-amz-request-id"),
    });
  }

  async #patiently<T>(act: () => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await act();
      } catch (error) {
        if (this.#options.signal.aborted || attempt >= ATTEMPTS || !mayPass(error)) throw error;
        await this.#pause();
      }
    }
  }

  #pause(): Promise<void> {
    return new Promise((resolve) => setTimeout(resolve, this.#options.pauseMs ?? PAUSE_MS));
  }
}

/** Whether another attempt may succeed. The API's client has repeated its own requests already. */
function mayPass(error: unknown): boolean {
  if (error instanceof ApiError) return false;
  return !(error instanceof StorageError) || error.status === 403 || error.status >= 500;
}

function brokenOff(): TransportError {
  return new TransportError(words.errors.unreachable, { code: "no_answer" });
}

/** ZIP knows no date before 1980. */
function dateOf({ modifiedAt, createdAt }: FileInfo): Date {
  return new Date(Math.max(Date.parse(modifiedAt ?? createdAt), EARLIEST));
}

async function settled(opening: Promise<Uint8Array | AsyncIterable<Uint8Array>>): Promise<Opened> {
  try {
    return { input: await opening };
  } catch (error) {
    return { error };
  }
}

/** Not every browser can iterate a stream. */
async function* piecesOf(response: Response): AsyncGenerator<Uint8Array> {
  const reader = response.body?.getReader();
  if (!reader) return;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield value;
    }
  } finally {
    void reader.cancel().catch(() => {});
  }
}
