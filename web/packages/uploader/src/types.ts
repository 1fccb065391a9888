/**
 * Every option and contract of `@wideload/uploader`, in one place.
 *
 * Sizes are bytes, durations milliseconds unless a name says otherwise, times ISO 8601 in UTC,
 * SHA-256 64 lower-case hex characters.
 */

import type { ApiError, WideloadError } from "./errors.js";

// Files as the API knows them

/** Why a file can't be downloaded for now; `detail` is a sentence for the person, or null. */
export interface Quarantine {
  readonly reason: "scanning" | "malware" | "not_scanned";
  readonly detail: string | null;
}

/** A finished file: a name in a folder, over a content that may have several names. */
export interface FileInfo {
  readonly fileId: string;
  readonly name: string;
  /** Path of its folder, such as `2026/March`; empty: the top. */
  readonly folder: string;
  readonly size: number;
  readonly contentType: string;
  /** Of the whole content: what `sha256sum` prints. */
  readonly sha256: string;
  /** When the content was last changed, as the client that uploaded it said; null: unknown. */
  readonly modifiedAt: string | null;
  /** Whether the deployment itself has computed `sha256`; else it is the word of the client. */
  readonly verified: boolean;
  /** If verified: by S3 while it was stored, or by the deployment's verifier later. */
  readonly verifiedBy: "s3" | "verifier" | null;
  /** The verifier found other content than `sha256` says: it can't be downloaded any more. */
  readonly corrupt: boolean;
  /** Null once the file may be downloaded. */
  readonly quarantined: Quarantine | null;
  /** Set by the team that runs the deployment. */
  readonly metadata: Readonly<Record<string, string>>;
  readonly createdAt: string;
}

/** A folder. It exists once it is made or used, until it is deleted. */
export interface Folder {
  /** Its path: names separated by `/`, without one at the begin or the end. */
  readonly folder: string;
  /** The last name of the path. */
  readonly name: string;
  readonly createdAt: string;
}

/**
 * For a name that another content of the folder has: `keep_both` picks a free name, such as
 * `offer (2).txt`; `replace` removes the other file; `skip` leaves it and adds nothing; `fail` raises
 * a `NameExistsError`.
 */
export type IfExists = "keep_both" | "replace" | "skip" | "fail";

/** A presigned request: send exactly these headers, besides what the browser itself adds. */
export interface Action {
  readonly method: string;
  readonly href: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Seconds from the answer on; counted by the client's own clock, which may be wrong. */
  readonly expiresIn: number;
}

/** A file as `create` takes it: with the hash of its content, or only of its first part. */
export type NewFile = {
  readonly name: string;
  readonly size: number;
  /** Default: `application/octet-stream`. */
  readonly contentType?: string | undefined;
  /** Path of the folder to put it into, which is made if need be. Default: the top. */
  readonly folder?: string | undefined;
  readonly modifiedAt?: string | undefined;
  /** Default: `keep_both`. */
  readonly ifExists?: IfExists | undefined;
} & ({ readonly sha256: string } | { readonly firstSha256: string });

/** Hashes with which an upload that was created with `firstSha256` is completed. */
export interface ContentHashes {
  readonly sha256: string;
  /** Of the concatenated SHA-256 of all parts, 32 bytes each, in order. */
  readonly partsSha256: string;
}

/** A part, numbered from 1, and the SHA-256 of its bytes. */
export interface PartHash {
  readonly number: number;
  readonly sha256: string;
}

/** This file alone is refused. */
export interface Refusal {
  readonly kind: "refused";
  readonly error: ApiError;
}

/** Result of `moveFiles` for one file. `skipped`: `file` is the other one, which is there. */
export type Moved = { readonly kind: "moved" | "skipped"; readonly file: FileInfo } | Refusal;

/** Result of `deleteFiles` for one file. */
export type Deleted = { readonly kind: "deleted" } | Refusal;

/** Result of `create` for one file. */
export type Created =
  /** No byte has to be sent; `file` has the name that was given. */
  | { readonly kind: "duplicate"; readonly file: FileInfo }
  /** With `ifExists: "skip"`: nothing is added; `file` has the name already. */
  | { readonly kind: "skipped"; readonly file: FileInfo }
  /** One PUT. No `action`: S3 holds the object already, only `complete` is missing. */
  | {
      readonly kind: "single";
      readonly uploadId: string;
      readonly action: Action | null;
      readonly expiresAt: string;
    }
  | {
      readonly kind: "multipart";
      readonly uploadId: string;
      readonly partSize: number;
      readonly partCount: number;
      /** Those that S3 holds already. */
      readonly parts: readonly PartHash[];
      readonly expiresAt: string;
    }
  /** To a file with `firstSha256`: it may be a duplicate; create it with `sha256`. */
  | { readonly kind: "hash_first" }
  | Refusal;

export type UploadSessionState = "open" | "completing" | "completed" | "aborted" | "expired";

/** An upload that isn't finished. Of one PUT, `partSize` is the size and `partCount` 1. */
export interface OpenUpload {
  readonly uploadId: string;
  readonly state: UploadSessionState;
  readonly name: string;
  readonly folder: string;
  /** Null while another client sends a stream whose size it doesn't know; `partCount` too. */
  readonly size: number | null;
  readonly contentType: string;
  /** Null if it was created with `firstSha256` and isn't completed. */
  readonly sha256: string | null;
  /** Null if it was created with `sha256`. */
  readonly firstSha256: string | null;
  readonly partSize: number;
  readonly partCount: number | null;
  readonly createdAt: string;
  readonly expiresAt: string;
}

/** An upload as the API sees it. */
export interface UploadSession extends OpenUpload {
  /** Those that S3 holds; none once it is completed, aborted or expired. */
  readonly parts: readonly PartHash[];
  /** When completed. */
  readonly file: FileInfo | null;
}

/** One page of a list. `cursor` is null on the last; a page with a cursor may be empty: go on. */
export interface Page<T> {
  readonly items: readonly T[];
  readonly cursor: string | null;
}

export type FilePage = Page<FileInfo>;

/** Order of a list; with `-`, the last comes first. */
export type FileOrder = "created_at" | "-created_at" | "name" | "-name" | "size" | "-size";

/** Part of a list to read: `cursor` of the page before, and 1 to 100 items (default: 50). */
export interface PageQuery {
  readonly cursor?: string | null;
  readonly limit?: number;
}

/** Files to list. A `cursor` belongs to its query. */
export interface ListQuery extends PageQuery {
  /** Those of this folder, without its subfolders; empty: the top. Default: those of all folders. */
  readonly folder?: string;
  /** Default: `-created_at`. By size within a folder only. */
  readonly sort?: FileOrder;
  /** Names that begin with this, in any case; sorted by name. */
  readonly prefix?: string;
  /** Names that contain this, in any case. */
  readonly q?: string;
}

/** How people sign in to this deployment. Without endpoints: OIDC discovery at `issuer`. */
export interface SignIn {
  readonly issuer: string;
  readonly clientId: string;
  readonly scopes: readonly string[];
  readonly authorizationEndpoint: string | null;
  readonly tokenEndpoint: string | null;
  readonly endSessionEndpoint: string | null;
  readonly cognitoEndpoint: string | null;
}

// Options

/**
 * Answers the access token to send. Called before every request, so cache it; it may wait as long
 * as it likes, for the person to sign in again say.
 *
 * After a 401 it is called once more, with the token that was refused as `rejected`: renew then. So
 * it is where the browser seems to have hidden a 401: twice no answer, while `GET /sign-in`, which
 * needs no token, is answered. Several requests may do so at once.
 *
 * What it throws: a `WideloadError` fails the request as it is; a TypeError (as of `fetch` without
 * a network) or a timeout counts as no answer, and is tried again; all else means signed out.
 */
export type TokenSource = (context?: { readonly rejected: string }) => string | Promise<string>;

export interface FilesApiOptions {
  /** Base before `/files`, with or without a slash at its end. */
  readonly apiUrl: string;
  /** Not needed for `signIn`. */
  readonly token?: TokenSource | undefined;
  /** Default: the global `fetch`. */
  readonly fetch?: typeof fetch | undefined;
  /** How often a request is repeated after no answer, 429, 5xx. Default: 5. */
  readonly retries?: number | undefined;
  /** An answer that takes longer counts as none. Default: 35,000, as API Gateway gives up after 30 s. */
  readonly timeout?: number | undefined;
  readonly pacing?: Pacing | undefined;
  readonly network?: Network | undefined;
}

export interface UploaderOptions extends FilesApiOptions {
  /**
   * How many PUTs run at the same time, over all files. Default: 4; browsers open at most 6
   * connections to a host that speaks HTTP/1.1, as S3 does.
   */
  readonly parallel?: number | undefined;
  /**
   * Bytes a second that all uploads together may send, on average; null: as fast as it goes. A part is
   * sent at once, and the next one later. `uploader.limitRate` changes it. Default: null.
   */
  readonly limitRate?: number | null | undefined;
  /**
   * How often a part is tried again, with no part of its file stored meanwhile, before the file
   * fails. Default: 8, over a minute and more. Waiting while offline doesn't count.
   */
  readonly partRetries?: number | undefined;
  /** How bytes are sent. Default: `xhrTransport()`, or `fetchTransport()` without XMLHttpRequest. */
  readonly transport?: Transport | undefined;
  /**
   * How files are hashed. Default: `workerHasher()`, which starts `hash-worker.js` from beside
   * this module. Where your bundler doesn't follow `new Worker(new URL(…, import.meta.url))`,
   * give `workerHasher(() => new Worker("/your/hash-worker.js", { type: "module" }))`.
   */
  readonly hasher?: Hasher | undefined;
  /**
   * Bytes of each part of a file of `size` bytes except the last; null for a file that is one PUT.
   * Default: the API's own rule, which only tests replace.
   */
  readonly partSizeOf?: ((size: number) => number | null) | undefined;
}

export interface UploadOptions {
  /** Default: the File's own name, or `file`. */
  readonly name?: string | undefined;
  /** Default: the Blob's type, or `application/octet-stream`. */
  readonly contentType?: string | undefined;
  /** Path of the folder to put it into, such as `2026/March`; made if need be. Default: the top. */
  readonly folder?: string | undefined;
  /** Default: the File's own. */
  readonly modifiedAt?: Date | undefined;
  /** For a name that another file of the folder has. Default: `keep_both`. */
  readonly ifExists?: IfExists | undefined;
  /** Where you know the file under an id of yours. Default: one that is made up. */
  readonly id?: string | undefined;
  /** Aborting it cancels the upload. */
  readonly signal?: AbortSignal | undefined;
}

export interface CancelOptions {
  /**
   * Leave what S3 holds, so that the same file can go on later, in another session or tool.
   * Default: false, the upload is given up at the API too.
   */
  readonly keep?: boolean | undefined;
}

// Uploads

/**
 * `queued → hashing → preparing → uploading → completing → done`, or at any time `failed` (see
 * `error`; `retry()` goes on) or `cancelled`. `paused` and `waiting` stand beside it.
 *
 * A file of over 64 MiB is hashed while it is uploading: `hashing` takes only its first part,
 * unless the API has a file that may be the same. Then it is `hashing` once more, until the end.
 */
export type UploadState =
  | "queued"
  | "hashing"
  | "preparing"
  | "uploading"
  | "completing"
  | "done"
  | "failed"
  | "cancelled";

export interface UploadProgress {
  readonly state: UploadState;
  readonly totalBytes: number;
  /** Read and hashed. */
  readonly hashedBytes: number;
  /** With the API, or on the way to it. Goes backward when a part has to be sent again. */
  readonly sentBytes: number;
  /** Of `sentBytes`, those that S3 held from an earlier attempt. */
  readonly resumedBytes: number;
  /** Bytes a second of the current phase over the last seconds, 0 when nothing moves. */
  readonly rate: number;
  /** Seconds until the current phase ends at this rate, null while unknown. */
  readonly secondsLeft: number | null;
}

/**
 * Sums over the uploads that are under way, and those that ended since nothing was; none of those
 * that were cancelled. Bytes are without the failed ones'.
 */
export interface TotalProgress {
  readonly files: number;
  readonly doneFiles: number;
  readonly failedFiles: number;
  readonly totalBytes: number;
  readonly hashedBytes: number;
  readonly sentBytes: number;
  readonly rate: number;
  readonly secondsLeft: number | null;
}

export interface UploadResult {
  readonly file: FileInfo;
  /** The API had this content of yours already: no byte had to be sent. */
  readonly duplicate: boolean;
  /** With `ifExists: "skip"`: nothing was added, as `file`, with other content, has the name. */
  readonly skipped: boolean;
  /** Bytes that S3 received from this upload, without repeats. */
  readonly sentBytes: number;
  /** Bytes that S3 held from an earlier attempt. */
  readonly resumedBytes: number;
}

/** One file on its way. */
export interface Upload {
  readonly id: string;
  readonly name: string;
  readonly folder: string;
  readonly size: number;
  readonly source: Blob;
  readonly state: UploadState;
  readonly paused: boolean;
  /** Why nothing moves although it isn't paused: no network, or a pause before another attempt. */
  readonly waiting: "offline" | "retry" | null;
  readonly progress: UploadProgress;
  /** Once the file is hashed. */
  readonly sha256: string | null;
  /** Once the API has opened the upload. */
  readonly uploadId: string | null;
  readonly result: UploadResult | null;
  /** When failed. Its message says what happened and what to do. */
  readonly error: WideloadError | null;
  /**
   * Settles when done (the result), failed (its error) or cancelled (a `CancelledError`). After
   * `retry()` this is a new promise. Unhandled rejections are not reported: ignore it if you listen.
   */
  readonly done: Promise<UploadResult>;
  /** Stops hashing and sending at once; S3 keeps what it has. Parts under way are sent again. */
  pause(): void;
  resume(): void;
  /**
   * Goes on after a failure; hashes, and parts that S3 holds, are used again.
   *
   * @param options - `ifExists`: after a `NameExistsError`, what to do instead.
   */
  retry(options?: { readonly ifExists?: IfExists | undefined }): void;
  /** Stops for good. Settles when the API knows, or can't be told. Never rejects. */
  cancel(options?: CancelOptions): Promise<void>;
}

export interface UploaderEvents {
  /** State, `paused` or `waiting` changed. */
  change: (upload: Upload) => void;
  /** Bytes moved; as often as the browser says so: throttle what you draw. */
  progress: (upload: Upload) => void;
  done: (upload: Upload, result: UploadResult) => void;
  failed: (upload: Upload, error: WideloadError) => void;
  cancelled: (upload: Upload) => void;
}

// What can be replaced

/** One PUT to S3. */
export interface PutRequest {
  readonly method: string;
  readonly url: string;
  /** To be sent exactly, without those that browsers set on their own (`Content-Length`). */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Blob;
  readonly signal: AbortSignal;
  /** Bytes of the body handed to the network so far. */
  readonly onProgress: (sentBytes: number) => void;
}

export interface PutResponse {
  readonly status: number;
  /** A header of the answer, or null; through CORS only those that are exposed. */
  header(name: string): string | null;
  /** S3's XML when it refuses. */
  readonly text: string;
}

/** Rejects with the signal's reason when aborted, else with a `TransportError` if no answer came. */
export type Transport = (request: PutRequest) => Promise<PutResponse>;

export interface FileHashes {
  /** Of the whole. */
  readonly sha256: string;
  /** Of each part, in order; empty when the file was hashed as a whole only. */
  readonly parts: readonly string[];
}

export interface HashRequest {
  readonly blob: Blob;
  /** Also hash parts of this size; null: the whole alone. */
  readonly partSize: number | null;
  readonly signal: AbortSignal;
  /** While it is closed, nothing is read. */
  readonly gate: Gate;
  readonly onProgress: (hashedBytes: number) => void;
  /** Called with the hash of each part, in order, as soon as it is known. */
  readonly onPart?: ((sha256: string) => void) | undefined;
}

/** Rejects with the signal's reason when aborted, with a `FileReadError` if reading failed. */
export interface Hasher {
  hash(request: HashRequest): Promise<FileHashes>;
  /** Gives up threads and memory. Not called for a hasher that was given in the options. */
  close(): void;
}

/** Something that can be held up. */
export interface Gate {
  readonly open: boolean;
  /** Settles at once when open, else when it opens; rejects with the signal's reason. */
  wait(signal?: AbortSignal): Promise<void>;
  /** Calls back after each change; the answer unsubscribes. */
  subscribe(listener: (open: boolean) => void): () => void;
}

/** Whether there is a network at all. */
export interface Network {
  readonly online: boolean;
  /** Calls back after each change; the answer unsubscribes. */
  subscribe(listener: (online: boolean) => void): () => void;
}

/** Time and chance, as arguments, so that tests neither wait nor guess. */
export interface Pacing {
  /** Milliseconds since some fixed moment. */
  now(): number;
  /** Rejects with the signal's reason when aborted. */
  sleep(milliseconds: number, signal?: AbortSignal): Promise<void>;
  /** In [0, 1). */
  random(): number;
}
