import { FILES_PER_CHECK, FILES_PER_CREATE, FilesApi } from "./api.js";
import { Batcher } from "./batcher.js";
import { Emitter } from "./emitter.js";
import { ConfigurationError } from "./errors.js";
import { PROCESSORS, workerHasher } from "./hasher.js";
import { RateLimit } from "./limit.js";
import { browserNetwork, realPacing } from "./pacing.js";
import { partSizeOf } from "./parts.js";
import { Places } from "./places.js";
import { RateMeter } from "./rate.js";
import type { Shared } from "./shared.js";
import { Slots } from "./slots.js";
import { fetchTransport, xhrTransport } from "./transport.js";
import type {
  CancelOptions,
  TotalProgress,
  Upload,
  UploaderEvents,
  UploaderOptions,
  UploadOptions,
} from "./types.js";
import { FileUpload } from "./upload.js";

const PARALLEL = 4;
const PART_RETRIES = 8;
/** Uploads open at the API at a time; a deployment allows a person 100 by default. */
const OPEN = 16;

/** Uploads files, several at once. */
export class Uploader {
  readonly api: FilesApi;
  readonly #shared: Shared<FileUpload>;
  readonly #ownHasher: boolean;
  readonly #events = new Emitter<UploaderEvents>();
  readonly #uploads = new Map<string, FileUpload>();
  /**
   * Uploads under way, and those that ended since none was: `progress` sums them up. Their bytes over
   * the network by this uploader, so that bytes that S3 held already don't look like speed.
   */
  readonly #batch = new Map<FileUpload, number>();
  /** Sum of the batch's bytes over the network. */
  #movedBytes = 0;
  readonly #active = new Set<FileUpload>();
  readonly #meter: RateMeter;
  readonly #unsubscribe: () => void;
  #lastId = 0;

  constructor(options: UploaderOptions) {
    const {
      parallel = PARALLEL,
      partRetries = PART_RETRIES,
      pacing = realPacing,
      network = browserNetwork,
      partSizeOf: partSizeBy = partSizeOf,
    } = options;
    if (!Number.isInteger(parallel) || parallel < 1)
      throw new ConfigurationError(
        `parallel is ${parallel}: give a whole number from 1 on, such as ${PARALLEL}.`,
      );
    const api = new FilesApi(options);
    this.api = api;
    this.#ownHasher = !options.hasher;
    this.#meter = new RateMeter(() => pacing.now());
    this.#shared = {
      api,
      pacing,
      network,
      parallel,
      partRetries,
      partSizeOf: partSizeBy,
      hasher: options.hasher ?? workerHasher(),
      transport:
        options.transport ?? (globalThis.XMLHttpRequest ? xhrTransport() : fetchTransport()),
      fetch: options.fetch ?? ((...args) => globalThis.fetch(...args)),
      hashing: new Slots(PROCESSORS),
      open: new Places(OPEN),
      puts: new Slots(parallel),
      limit: new RateLimit(pacing, options.limitRate ?? null),
      creates: new Batcher(FILES_PER_CREATE, (files) => api.create(files)),
      checks: new Batcher(FILES_PER_CHECK, (files) => api.check(files)),
      sending: new Set(),
      onChange: (upload, entered) => this.#changed(upload, entered),
      onProgress: (upload) => {
        this.#count(upload);
        this.#events.emit("progress", upload);
      },
    };
    this.#unsubscribe = network.subscribe(() => {
      for (const upload of this.#uploads.values())
        if (!upload.ended) this.#events.emit("change", upload);
    });
  }

  /** All that were added and not forgotten, oldest first. */
  get uploads(): readonly Upload[] {
    return [...this.#uploads.values()];
  }

  /** Whether any is under way: neither done, failed nor cancelled. */
  get active(): boolean {
    return this.#active.size > 0;
  }

  get progress(): TotalProgress {
    const sums = this.#sums();
    const left = sums.totalBytes - sums.sentBytes;
    const { binding, bytesPerSecond } = this.#shared.limit;
    // Bursts and pauses of a limit are no measure of the rate.
    if (binding && bytesPerSecond !== null)
      return { ...sums, rate: bytesPerSecond, secondsLeft: left / bytesPerSecond };
    return {
      ...sums,
      rate: left > 0 ? this.#meter.rate : 0,
      secondsLeft: this.#meter.secondsFor(left),
    };
  }

  /** Bytes a second that all uploads together may send, on average; null: as fast as it goes. */
  get limitRate(): number | null {
    return this.#shared.limit.bytesPerSecond;
  }

  set limitRate(bytesPerSecond: number | null) {
    this.#shared.limit.bytesPerSecond = bytesPerSecond;
  }

  /** Starts at once. */
  upload(source: Blob, options: UploadOptions = {}): Upload {
    const id = options.id ?? `upload-${++this.#lastId}`;
    if (this.#uploads.get(id)?.ended === false)
      throw new ConfigurationError(`An upload with the id "${id}" is under way already.`);
    const name =
      options.name ?? ("name" in source && typeof source.name === "string" ? source.name : "file");
    const defaults = {
      contentType: (options.contentType ?? source.type) || undefined,
      modifiedAt: options.modifiedAt ?? modifiedAt(source),
    };
    const upload = new FileUpload(id, source, name, { ...options, ...defaults }, this.#shared);
    this.#uploads.set(id, upload);
    this.#join(upload);
    const { signal } = options;
    if (signal?.aborted) void upload.cancel();
    else signal?.addEventListener("abort", () => void upload.cancel(), { once: true });
    return upload;
  }

  /** The answer unsubscribes. */
  on<E extends keyof UploaderEvents>(event: E, listener: UploaderEvents[E]): () => void {
    return this.#events.on(event, listener);
  }

  pauseAll(): void {
    for (const upload of this.uploads) upload.pause();
  }

  resumeAll(): void {
    for (const upload of this.uploads) upload.resume();
  }

  /** Those that failed. */
  retryAll(): void {
    for (const upload of this.uploads) upload.retry();
  }

  /** Those that are not done. */
  async cancelAll(options: CancelOptions = {}): Promise<void> {
    await Promise.all(this.uploads.map((upload) => upload.cancel(options)));
  }

  /** Drops an upload that is done, failed or cancelled from `uploads` and `progress`. */
  forget(upload: Upload): void {
    const known = this.#uploads.get(upload.id);
    if (known !== upload || !known.ended) return;
    this.#uploads.delete(upload.id);
    this.#leave(known);
    known.stopHashing();
  }

  /** Stops everything, keeping what S3 holds, and ends the hashing worker. */
  close(): void {
    void this.cancelAll({ keep: true });
    this.#unsubscribe();
    if (this.#ownHasher) this.#shared.hasher.close();
  }

  #join(upload: FileUpload): void {
    if (!this.active) {
      this.#batch.clear();
      this.#movedBytes = 0;
      this.#meter.reset();
    }
    if (!this.#batch.has(upload)) this.#batch.set(upload, 0);
    this.#active.add(upload);
  }

  #leave(upload: FileUpload): void {
    this.#movedBytes -= this.#batch.get(upload) ?? 0;
    this.#batch.delete(upload);
  }

  #count(upload: FileUpload): void {
    const before = this.#batch.get(upload);
    if (before === undefined) return;
    const { sentBytes, resumedBytes } = upload.progress;
    this.#batch.set(upload, sentBytes - resumedBytes);
    this.#movedBytes += sentBytes - resumedBytes - before;
    this.#meter.record(this.#movedBytes);
  }

  #changed(upload: FileUpload, entered: boolean): void {
    if (upload.ended) this.#active.delete(upload);
    // Tried again.
    else if (upload.state === "queued") this.#join(upload);
    if (upload.state === "cancelled") this.#leave(upload);
    this.#events.emit("change", upload);
    if (!entered) return;
    if (upload.state === "done" && upload.result) this.#events.emit("done", upload, upload.result);
    else if (upload.state === "failed" && upload.error)
      this.#events.emit("failed", upload, upload.error);
    else if (upload.state === "cancelled") this.#events.emit("cancelled", upload);
  }

  #sums(): Omit<TotalProgress, "rate" | "secondsLeft"> {
    const sums = {
      files: this.#batch.size,
      doneFiles: 0,
      failedFiles: 0,
      totalBytes: 0,
      hashedBytes: 0,
      sentBytes: 0,
    };
    for (const { state, progress } of this.#batch.keys()) {
      if (state === "failed") {
        sums.failedFiles += 1;
        continue;
      }
      const { totalBytes, hashedBytes, sentBytes } = progress;
      sums.doneFiles += state === "done" ? 1 : 0;
      sums.totalBytes += totalBytes;
      sums.hashedBytes += hashedBytes;
      sums.sentBytes += sentBytes;
    }
    return sums;
  }
}

/** When a File was last changed; undefined for other Blobs. */
function modifiedAt(source: Blob): Date | undefined {
  return "lastModified" in source && typeof source.lastModified === "number"
    ? new Date(source.lastModified)
    : undefined;
}
