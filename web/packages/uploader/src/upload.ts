import { isCrowded, isGone } from "./api.js";
import { CancelledError, FileChangedError, FileReadError, WideloadError } from "./errors.js";
import { Switch } from "./gate.js";
import { isPassing } from "./http.js";
import { abortable, backoff, LONGEST_RETRY_AFTER } from "./pacing.js";
import { Parts, partSizeOf } from "./parts.js";
import { RateMeter } from "./rate.js";
import { UploadGone } from "./sender.js";
import { sendAndComplete } from "./session.js";
import type { Shared } from "./shared.js";
import { Signer } from "./signer.js";
import { inTurn } from "./turn.js";
import type {
  CancelOptions,
  Created,
  FileHashes,
  FileInfo,
  Upload,
  UploadProgress,
  UploadResult,
  UploadState,
} from "./types.js";

/** How often an upload is begun anew because the API or S3 knows it no more, or misses parts. */
const NEW_BEGINNINGS = 4;
/** How often an upload is asked for that can't be opened now. */
const CREATE_TRIES = 8;

const PAUSED = new Error("paused");

/** One file on its way: hashing, then rounds of create, send and complete until one is through. */
export class FileUpload implements Upload {
  readonly #shared: Shared<FileUpload>;
  readonly #contentType: string | undefined;
  readonly #gate = new Switch();
  readonly #meter: RateMeter;
  #stop = new AbortController();
  #state: UploadState = "queued";
  #resting = false;
  #partSize: number | null;
  #hashes: FileHashes | null = null;
  #hashedBytes = 0;
  #parts: Parts | null = null;
  /** Numbers of the parts that S3 took from this very upload. */
  readonly #own = new Set<number>();
  #resumedBytes = 0;
  #uploadId: string | null = null;
  #creating: Promise<Created> | null = null;
  #result: UploadResult | null = null;
  #error: WideloadError | null = null;
  #done: Promise<UploadResult>;

  constructor(
    readonly id: string,
    readonly source: Blob,
    readonly name: string,
    contentType: string | undefined,
    shared: Shared<FileUpload>,
  ) {
    this.#shared = shared;
    this.#contentType = contentType;
    this.#meter = new RateMeter(() => shared.pacing.now());
    this.#partSize = partSizeOf(source.size);
    this.#done = this.#start();
  }

  get size(): number {
    return this.source.size;
  }

  get state(): UploadState {
    return this.#state;
  }

  get paused(): boolean {
    return !this.#gate.open;
  }

  get waiting(): "offline" | "retry" | null {
    if (this.paused || this.ended) return null;
    if (!this.#shared.network.online && this.#state !== "queued" && this.#state !== "hashing")
      return "offline";
    return this.#resting ? "retry" : null;
  }

  /** Nothing more happens, unless it is retried. */
  get ended(): boolean {
    return this.#state === "done" || this.#state === "failed" || this.#state === "cancelled";
  }

  get sha256(): string | null {
    return this.#hashes?.sha256 ?? null;
  }

  get uploadId(): string | null {
    return this.#uploadId;
  }

  get result(): UploadResult | null {
    return this.#result;
  }

  get error(): WideloadError | null {
    return this.#error;
  }

  get done(): Promise<UploadResult> {
    return this.#done;
  }

  get progress(): UploadProgress {
    const hashing = this.#state === "queued" || this.#state === "hashing";
    const sentBytes = this.#state === "done" ? this.size : (this.#parts?.sentBytes ?? 0);
    return {
      state: this.#state,
      totalBytes: this.size,
      hashedBytes: this.#hashedBytes,
      sentBytes,
      resumedBytes: this.#result?.duplicate ? this.size : this.#resumedBytes,
      rate: this.ended ? 0 : this.#meter.rate,
      secondsLeft: this.ended
        ? 0
        : this.#meter.secondsFor(this.size - (hashing ? this.#hashedBytes : sentBytes)),
    };
  }

  pause(): void {
    if (this.paused || this.ended) return;
    this.#gate.set(false);
    this.#meter.reset();
    this.#shared.onChange(this, false);
  }

  resume(): void {
    if (!this.paused || this.ended) return;
    this.#gate.set(true);
    this.#shared.onChange(this, false);
  }

  retry(): void {
    if (this.#state !== "failed") return;
    // What was hashed is no more what the file holds.
    if (this.#error instanceof FileChangedError || this.#error instanceof FileReadError) {
      this.#hashes = null;
      this.#hashedBytes = 0;
    }
    this.#error = null;
    this.#gate.set(true);
    this.#done = this.#start();
    this.#enter("queued");
  }

  async cancel(options: CancelOptions = {}): Promise<void> {
    if (this.#state === "done" || this.#state === "cancelled") return;
    const failed = this.#state === "failed";
    this.#stop.abort(new CancelledError());
    if (failed) this.#enter("cancelled");
    await this.#done.catch(() => {});
    if (!options.keep) await this.#abandon();
  }

  /** Tells the API, unless another upload of this page goes on with it. */
  async #abandon(): Promise<void> {
    const created = await this.#creating?.catch(() => null);
    const uploadId = created && "uploadId" in created ? created.uploadId : this.#uploadId;
    if (uploadId === null || this.#shared.senders.has(uploadId)) return;
    // If this request is lost, the upload expires all the same.
    await this.#shared.api.abort(uploadId).catch(() => {});
  }

  #start(): Promise<UploadResult> {
    this.#stop = new AbortController();
    const done = this.#run();
    // Who doesn't wait for it learns from the events.
    done.catch(() => {});
    return done;
  }

  async #run(): Promise<UploadResult> {
    try {
      // So that the caller can add listeners before the first event.
      await Promise.resolve();
      this.#result = await this.#work();
      this.#enter("done");
      return this.#result;
    } catch (error) {
      if (this.#stop.signal.aborted) {
        this.#enter("cancelled");
        throw this.#stop.signal.reason;
      }
      this.#error = asWideloadError(error);
      this.#enter("failed");
      throw this.#error;
    }
  }

  async #work(): Promise<UploadResult> {
    let beginnings = 0;
    for (;;) {
      this.#hashes ??= await this.#hash();
      const hashes = this.#hashes;
      const outcome = await this.#unpaused((signal) => this.#transfer(hashes, signal));
      if (outcome) return outcome;
      if (++beginnings > NEW_BEGINNINGS)
        throw new WideloadError(
          "The service loses data that it is sent. Try again later, or tell its operator.",
          { code: "lost" },
        );
    }
  }

  /** Runs a step that a pause interrupts: from its beginning after each. */
  async #unpaused<T>(step: (signal: AbortSignal) => Promise<T>): Promise<T> {
    for (;;) {
      await this.#gate.wait(this.#stop.signal);
      const pause = new AbortController();
      const unsubscribe = this.#gate.subscribe(() => pause.abort(PAUSED));
      try {
        return await step(AbortSignal.any([this.#stop.signal, pause.signal]));
      } catch (error) {
        if (error !== PAUSED) throw error;
      } finally {
        unsubscribe();
        this.#rest(false);
      }
    }
  }

  /** Hashes when it is this file's turn; while paused, others have theirs. */
  #hash(): Promise<FileHashes> {
    const { hasher, hashing } = this.#shared;
    const place = { gate: this.#gate, slots: hashing, signal: this.#stop.signal };
    return inTurn(place, (turn, signal) => {
      this.#enter("hashing");
      return hasher.hash({
        blob: this.source,
        partSize: this.#partSize,
        signal,
        gate: turn,
        onProgress: (hashedBytes) => {
          this.#hashedBytes = hashedBytes;
          this.#moved(hashedBytes);
        },
      });
    });
  }

  /** One round; null: another is needed, from the beginning. */
  async #transfer(hashes: FileHashes, signal: AbortSignal): Promise<UploadResult | null> {
    const { open, checks } = this.#shared;
    this.#enter("preparing");
    // While others fill all places, at least duplicates needn't wait.
    if (open.full) {
      const file = await abortable(checks.add({ sha256: hashes.sha256, size: this.size }), signal);
      if (file) return this.#duplicate(file);
    }
    for (;;) {
      const release = await open.take(signal);
      try {
        const created = await this.#create(hashes, signal);
        if (created.kind === "duplicate") return this.#duplicate(created.file);
        const sender = this.#shared.senders.get(created.uploadId);
        if (!sender) return await this.#drive(created, hashes, signal);
        release();
        await abortable(sender, signal);
      } finally {
        release();
      }
    }
  }

  async #create(
    hashes: FileHashes,
    signal: AbortSignal,
  ): Promise<Exclude<Created, { kind: "refused" }>> {
    const { creates, pacing, senders } = this.#shared;
    const { name, size } = this;
    const file = { name, size, contentType: this.#contentType, sha256: hashes.sha256 };
    for (let tries = 1; ; ) {
      this.#creating = creates.add(file);
      const created = await abortable(this.#creating, signal);
      this.#creating = null;
      if (created.kind !== "refused") return created;
      const { error } = created;
      const retryAfter = (error.retryAfter ?? 0) * 1000;
      if (!isPassing(error) || retryAfter > LONGEST_RETRY_AFTER || tries > CREATE_TRIES)
        throw error;
      this.#rest(true);
      await pacing.sleep(backoff(tries, pacing.random(), Math.max(retryAfter, 1000)), signal);
      this.#rest(false);
      // Each of ours that ends makes room for another, however long that takes.
      if (!isCrowded(error) || senders.size === 0) tries += 1;
    }
  }

  /** Sends and completes; null: to be begun anew. */
  async #drive(
    created: Extract<Created, { uploadId: string }>,
    hashes: FileHashes,
    signal: AbortSignal,
  ): Promise<UploadResult | null> {
    const { api, senders, puts, partRetries, pacing } = this.#shared;
    const { uploadId } = created;
    if (uploadId !== this.#uploadId) this.#own.clear();
    this.#uploadId = uploadId;
    if (created.kind === "multipart" && created.partSize !== this.#partSize) {
      // Opened under other rules than ours: hash again, by its own.
      this.#partSize = created.partSize;
      this.#hashes = null;
      this.#hashedBytes = 0;
      return null;
    }
    const parts = this.#take(created, hashes);
    const signer = new Signer(api, uploadId, parts, () => pacing.now());
    if (created.kind === "single" && created.action) signer.keep(1, created.action);

    const work = sendAndComplete({
      ...this.#shared,
      uploadId,
      parts,
      signer,
      slots: puts,
      retries: partRetries,
      signal,
      stop: this.#stop.signal,
      onPhase: (phase) => this.#enter(phase),
      onProgress: () => this.#moved(parts.sentBytes),
      onStored: (number) => this.#own.add(number),
      onWaiting: (waiting) => this.#rest(waiting),
    });
    const ended = work.then(
      () => {},
      () => {},
    );
    senders.set(uploadId, ended);
    try {
      return this.#stored(await work);
    } catch (error) {
      if (error instanceof UploadGone || isGone(error)) return null;
      throw error;
    } finally {
      senders.delete(uploadId);
    }
  }

  /** Bytes that S3 holds, and how many of them an earlier upload sent. */
  #take(created: Extract<Created, { uploadId: string }>, hashes: FileHashes): Parts {
    const single = created.kind === "single";
    const parts = single
      ? new Parts(this.source, this.size, [hashes.sha256])
      : new Parts(this.source, created.partSize, hashes.parts);
    const whole = { number: 1, sha256: hashes.sha256 };
    const held = single ? (created.action ? [] : [whole]) : created.parts;
    this.#resumedBytes = 0;
    for (const { number, sha256 } of held) {
      // Sent by someone who meant other bytes: it is sent anew.
      if (sha256 !== parts.hash(number)) continue;
      parts.stored(number);
      if (!this.#own.has(number)) this.#resumedBytes += parts.size(number);
    }
    this.#parts = parts;
    return parts;
  }

  #stored(file: FileInfo): UploadResult {
    return {
      file,
      // Another upload of the same content may have been completed first.
      duplicate: file.fileId !== this.#uploadId,
      sentBytes: this.size - this.#resumedBytes,
      resumedBytes: this.#resumedBytes,
    };
  }

  #duplicate(file: FileInfo): UploadResult {
    // Sent in an earlier round, whose end was not told.
    if (file.fileId === this.#uploadId && this.#own.size > 0) return this.#stored(file);
    return { file, duplicate: true, sentBytes: 0, resumedBytes: 0 };
  }

  #enter(state: UploadState): void {
    if (state === this.#state) return;
    if (state === "hashing" || state === "uploading") this.#meter.reset();
    this.#state = state;
    this.#shared.onChange(this, true);
  }

  #rest(resting: boolean): void {
    if (resting === this.#resting) return;
    this.#resting = resting;
    this.#shared.onChange(this, false);
  }

  #moved(bytes: number): void {
    this.#meter.record(bytes);
    this.#shared.onProgress(this);
  }
}

function asWideloadError(error: unknown): WideloadError {
  if (error instanceof WideloadError) return error;
  return new WideloadError(
    "Something unexpected went wrong. Try again; if it happens again, reload the page.",
    {
      code: "unexpected",
      cause: error,
    },
  );
}
