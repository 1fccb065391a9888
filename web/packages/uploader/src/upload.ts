import { isCrowded, isGone } from "./api.js";
import { CancelledError, FileChangedError, FileReadError, WideloadError } from "./errors.js";
import { Switch } from "./gate.js";
import { Hashing } from "./hashing.js";
import { isPassing } from "./http.js";
import { abortable, backoff, LONGEST_RETRY_AFTER } from "./pacing.js";
import { Parts } from "./parts.js";
import { RateMeter } from "./rate.js";
import { UploadGone } from "./sender.js";
import { sendAndComplete, UploadShared } from "./session.js";
import type { Shared } from "./shared.js";
import { Signer } from "./signer.js";
import { inTurn } from "./turn.js";
import type {
  CancelOptions,
  Created,
  FileInfo,
  IfExists,
  Upload,
  UploadOptions,
  UploadProgress,
  UploadResult,
  UploadState,
} from "./types.js";

/** How often an upload is created again: hash first, gone at the API or S3, or parts missing. */
const NEW_BEGINNINGS = 4;
/** How often to request an upload that can't be opened now. */
const CREATE_TRIES = 8;

const PAUSED = new Error("paused");

/** Hash by which the API finds a file or an open upload. */
type Identity = { readonly sha256: string } | { readonly firstSha256: string };

/** One file on its way: rounds of create, send and complete until one succeeds, beside hashing. */
export class FileUpload implements Upload {
  readonly folder: string;
  readonly #shared: Shared<FileUpload>;
  readonly #contentType: string | undefined;
  readonly #modifiedAt: string | undefined;
  #ifExists: IfExists | undefined;
  readonly #gate = new Switch();
  /** Closed while paused, and after a failure. */
  readonly #hashGate = new Switch();
  readonly #meter: RateMeter;
  #stop = new AbortController();
  #state: UploadState = "queued";
  #resting = false;
  #partSize: number | null;
  /** Parts are sent while others are hashed: the upload is created with the hash of the first. */
  #onePass: boolean;
  #hashing: Hashing | null = null;
  #hashedBytes = 0;
  #parts: Parts | null = null;
  #uploadId: string | null = null;
  #creating: Promise<Created> | null = null;
  #result: UploadResult | null = null;
  #error: WideloadError | null = null;
  #done: Promise<UploadResult>;

  constructor(
    readonly id: string,
    readonly source: Blob,
    readonly name: string,
    { contentType, folder = "", modifiedAt, ifExists }: UploadOptions,
    shared: Shared<FileUpload>,
  ) {
    this.#shared = shared;
    this.folder = folder;
    this.#contentType = contentType;
    this.#modifiedAt = modifiedAt?.toISOString();
    this.#ifExists = ifExists;
    this.#meter = new RateMeter(() => shared.pacing.now());
    this.#partSize = shared.partSizeOf(source.size);
    this.#onePass = this.#partSize !== null;
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
    return this.#hashing?.done?.sha256 ?? null;
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
    const resumedBytes = this.#parts?.resumedBytes ?? 0;
    return {
      state: this.#state,
      totalBytes: this.size,
      hashedBytes: this.#hashedBytes,
      sentBytes,
      resumedBytes: this.#result?.duplicate ? this.size : resumedBytes,
      rate: this.ended ? 0 : this.#meter.rate,
      secondsLeft: this.ended
        ? 0
        : this.#meter.secondsFor(this.size - (hashing ? this.#hashedBytes : sentBytes)),
    };
  }

  pause(): void {
    if (this.paused || this.ended) return;
    this.#gate.set(false);
    this.#gateHashing();
    this.#meter.reset();
    this.#shared.onChange(this, false);
  }

  resume(): void {
    if (!this.paused || this.ended) return;
    this.#gate.set(true);
    this.#gateHashing();
    this.#shared.onChange(this, false);
  }

  retry(options: { readonly ifExists?: IfExists | undefined } = {}): void {
    if (this.#state !== "failed") return;
    this.#ifExists = options.ifExists ?? this.#ifExists;
    const changed = this.#error instanceof FileChangedError || this.#error instanceof FileReadError;
    if (changed || this.#hashing?.failed) this.#unhash();
    this.#error = null;
    this.#gate.set(true);
    this.#done = this.#start();
    this.#enter("queued");
  }

  async cancel(options: CancelOptions = {}): Promise<void> {
    if (this.#state === "done" || this.#state === "cancelled") return;
    const failed = this.#state === "failed";
    this.#stop.abort(new CancelledError());
    this.stopHashing();
    if (failed) this.#enter("cancelled");
    await this.#done.catch(() => {});
    if (!options.keep) await this.#abandon();
  }

  /** Ends the hashing of a file that is not going to be sent. */
  stopHashing(): void {
    this.#hashing?.stop();
  }

  #gateHashing(): void {
    this.#hashGate.set(this.#gate.open && this.#state !== "failed");
  }

  /** Tells the API, unless another upload of this page goes on with it. */
  async #abandon(): Promise<void> {
    const created = await this.#creating?.catch(() => null);
    const uploadId = created && "uploadId" in created ? created.uploadId : this.#uploadId;
    if (uploadId === null || this.#shared.sending.has(uploadId)) return;
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
      const outcome = await this.#unpaused((signal) => this.#transfer(signal));
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
  #hash(): Hashing {
    const { hasher, hashing } = this.#shared;
    return new Hashing((onPart, stop) =>
      inTurn({ gate: this.#hashGate, slots: hashing, signal: stop }, (turn, signal) => {
        if (this.#state === "queued") this.#enter("hashing");
        return hasher.hash({
          blob: this.source,
          partSize: this.#partSize,
          signal,
          gate: turn,
          onPart,
          onProgress: (hashedBytes) => {
            this.#hashedBytes = hashedBytes;
            if (this.#state === "hashing") this.#meter.record(hashedBytes);
            this.#shared.onProgress(this);
          },
        });
      }),
    );
  }

  /** Forgets the hashes: the file has changed, or is cut into other parts. */
  #unhash(): void {
    this.stopHashing();
    this.#hashing = null;
    this.#hashedBytes = 0;
    this.#parts = null;
  }

  /** The hash to create the upload with: of the first part in one pass, else of the content. */
  async #identify(hashing: Hashing, signal: AbortSignal): Promise<Identity> {
    if (this.#onePass) return { firstSha256: await hashing.part(1, signal) };
    const begun = this.#state !== "queued" || this.#hashedBytes > 0;
    if (begun && !hashing.done) this.#enter("hashing");
    return { sha256: (await hashing.whole(signal)).sha256 };
  }

  /** One round; null: another is needed, from the beginning. */
  async #transfer(signal: AbortSignal): Promise<UploadResult | null> {
    const { open, checks } = this.#shared;
    this.#hashing ??= this.#hash();
    const hashing = this.#hashing;
    const identity = await this.#identify(hashing, signal);
    this.#enter("preparing");
    // While others fill all places, at least duplicates needn't wait.
    const known =
      open.full && "sha256" in identity
        ? await abortable(checks.add({ ...identity, size: this.size }), signal)
        : null;
    // Of two that are alike, the second then learns that the first is stored.
    const content = `${this.size} ${Object.values(identity)}`;
    const release = known ? () => {} : await open.take(content, signal);
    try {
      const created = await this.#create(identity, signal);
      if (created.kind === "duplicate") return this.#duplicate(created.file);
      if (created.kind === "skipped") return this.#skipped(created.file);
      // Deleted meanwhile: then a place is needed.
      if (known) return null;
      if (created.kind !== "hash_first") return await this.#drive(created, hashing, signal);
      this.#onePass = false;
      return null;
    } finally {
      release();
    }
  }

  async #create(
    identity: Identity,
    signal: AbortSignal,
  ): Promise<Exclude<Created, { kind: "refused" }>> {
    const { creates, pacing, sending } = this.#shared;
    const file = {
      name: this.name,
      size: this.size,
      contentType: this.#contentType,
      folder: this.folder || undefined,
      modifiedAt: this.#modifiedAt,
      ifExists: this.#ifExists,
      ...identity,
    };
    // A pause doesn't end the request. Twice in one request, the file would get two uploads.
    if (this.#creating) await abortable(Promise.allSettled([this.#creating]), signal);
    for (let tries = 1; ; ) {
      this.#creating = creates.add(file);
      const created = await abortable(this.#creating, signal);
      this.#creating = null;
      if (created.kind !== "refused") return created;
      const { error } = created;
      // An older deployment, which knows no `first_sha256`.
      if ("firstSha256" in identity && error.code === "invalid_request")
        return { kind: "hash_first" };
      const retryAfter = (error.retryAfter ?? 0) * 1000;
      if (!isPassing(error) || retryAfter > LONGEST_RETRY_AFTER || tries > CREATE_TRIES)
        throw error;
      this.#rest(true);
      await pacing.sleep(backoff(tries, pacing.random(), Math.max(retryAfter, 1000)), signal);
      this.#rest(false);
      // Each of ours that ends makes room for another, however long that takes.
      if (!isCrowded(error) || sending.size === 0) tries += 1;
    }
  }

  /** Sends and completes; null: to be begun anew. */
  async #drive(
    created: Extract<Created, { uploadId: string }>,
    hashing: Hashing,
    signal: AbortSignal,
  ): Promise<UploadResult | null> {
    const { api, sending, puts, partRetries, pacing } = this.#shared;
    const { uploadId } = created;
    const partSize = created.kind === "single" ? null : created.partSize;
    if (uploadId !== this.#uploadId) this.#parts = null;
    this.#uploadId = uploadId;
    if (partSize !== this.#partSize) {
      // Opened with another part size than ours: hash again, with that.
      this.#partSize = partSize;
      this.#onePass = false;
      this.#unhash();
      return null;
    }
    this.#parts ??= new Parts(this.source, partSize ?? this.size, hashing);
    const parts = this.#parts;
    const whole = { number: 1, sha256: parts.hash(1) };
    parts.hold(created.kind === "multipart" ? created.parts : created.action ? [] : [whole]);
    const signer = new Signer(api, uploadId, parts, () => pacing.now());
    if (created.kind === "single" && created.action) signer.keep(1, created.action);

    sending.add(uploadId);
    try {
      const file = await sendAndComplete({
        ...this.#shared,
        uploadId,
        place: { folder: this.folder, name: this.name },
        parts,
        signer,
        hashing: this.#onePass ? hashing : null,
        slots: puts,
        retries: partRetries,
        signal,
        stop: this.#stop.signal,
        onPhase: (phase) => this.#enter(phase),
        onProgress: () => {
          this.#meter.record(parts.sentBytes - parts.resumedBytes);
          this.#shared.onProgress(this);
        },
        onWaiting: (waiting) => this.#rest(waiting),
      });
      return this.#stored(file);
    } catch (error) {
      if (error instanceof UploadShared) this.#onePass = false;
      else if (!(error instanceof UploadGone) && !isGone(error)) throw error;
      return null;
    } finally {
      sending.delete(uploadId);
    }
  }

  #stored(file: FileInfo): UploadResult {
    const resumedBytes = this.#parts?.resumedBytes ?? 0;
    return {
      file,
      // Another upload of the same content may have been completed first.
      duplicate: file.fileId !== this.#uploadId,
      skipped: false,
      sentBytes: this.size - resumedBytes,
      resumedBytes,
    };
  }

  #duplicate(file: FileInfo): UploadResult {
    // Sent in an earlier round, whose answer was lost.
    if (file.fileId === this.#uploadId && this.#parts?.anySent) return this.#stored(file);
    return { file, duplicate: true, skipped: false, sentBytes: 0, resumedBytes: 0 };
  }

  #skipped(file: FileInfo): UploadResult {
    return { file, duplicate: false, skipped: true, sentBytes: 0, resumedBytes: 0 };
  }

  #enter(state: UploadState): void {
    if (state === this.#state) return;
    if (state === "hashing" || state === "uploading") this.#meter.reset();
    this.#state = state;
    this.#gateHashing();
    this.#shared.onChange(this, true);
  }

  #rest(resting: boolean): void {
    if (resting === this.#resting) return;
    this.#resting = resting;
    this.#shared.onChange(this, false);
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
