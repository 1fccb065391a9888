/** Options and results of `IngestClient`. Times are in milliseconds. */

import type { components } from "./contract.js";

export type PayloadState = components["schemas"]["CallLog"]["state"] | "queued";

/**
 * A JSON object: as a value for `JSON.stringify`, as JSON text, or as bytes. Bytes may be gzipped
 * already.
 */
export type Document =
  | object
  | string
  | Uint8Array
  | ArrayBuffer
  | Blob
  | ReadableStream<Uint8Array>
  | AsyncIterable<Uint8Array>;

export interface IngestClientOptions {
  /** The API's URL, before `/send-call-log`; https, except on this machine. */
  readonly apiUrl: string;
  /** The API key, as `wl_<id>_<secret>`. In a page, everybody who opens the page can read it. */
  readonly apiKey: string;
  /** Header that carries the key, a setting of the deployment. Default: `x-api-key`. */
  readonly apiKeyHeader?: string | undefined;
  /**
   * The longest that one request may take. Requests with a body get a second more for each 32 KiB.
   * Default: 60,000, longer than the API's own limit of 30 s.
   */
  readonly timeout?: number | undefined;
  /**
   * Further requests that one call (one page, of a list) may make after temporary failures: no
   * connection, 429, 500, 502, 503, 504, or S3 asking to slow down. Delays grow exponentially from
   * half a second to 20 s, with jitter; `Retry-After` is honoured up to a minute. Default: 5.
   */
  readonly retries?: number | undefined;
  /** Default: the global `fetch`. */
  readonly fetch?: typeof fetch | undefined;
  /** Default: the real clock. */
  readonly pacing?: Pacing | undefined;
}

/** Options of every call. */
export interface CallOptions {
  /** Ends the call, and its request under way. The call rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /**
   * The longest that the call may take, retries included; of a list, each page. A retry that would
   * begin later isn't made. Default: none.
   */
  readonly deadline?: number | undefined;
}

export interface SendOptions extends CallOptions {
  /** The call that it is recorded under, 1 to 256 characters, if the document has no `call_id`. */
  readonly callId?: string | undefined;
  /**
   * A text that identifies this sending: sending again with the same key, even from another
   * process, stores nothing twice. Default: a new UUID, which covers the retries of this call.
   */
  readonly idempotencyKey?: string | undefined;
}

export interface WaitOptions extends CallOptions {
  /** How long to wait for the payload to be stored; 0 looks once. Default: 600,000. */
  readonly timeout?: number | undefined;
}

export interface ListOptions extends CallOptions {
  /** Only payloads of this call. */
  readonly callId?: string | undefined;
  /** Only payloads that the API received at this time or later. Text is ISO 8601. */
  readonly after?: Date | string | undefined;
  /** Only payloads that the API received before this time. */
  readonly before?: Date | string | undefined;
  /** Items at most. Default: all. */
  readonly limit?: number | undefined;
}

export interface RecordsOptions extends CallOptions {
  /** Number of the first record, from 0. */
  readonly first?: number | undefined;
  /** Records at most. Default: all. */
  readonly limit?: number | undefined;
}

/** The API's answer to a document that it accepted. */
export interface Receipt {
  readonly payloadId: string;
  /** `stored`, or `queued` if the document is too large to be processed in the request. */
  readonly state: PayloadState;
  /** Bytes of the JSON; null while queued, if the document came compressed. */
  readonly size: number | null;
  /** Hex SHA-256 of the JSON; null while queued, if the document came compressed. */
  readonly sha256: string | null;
  /** Elements of the deployment's array of records; null while queued. */
  readonly records: number | null;
  /** `inline` if it was sent through the API, `s3` if by presigned URL. */
  readonly via: "inline" | "s3";
  /** Bytes of the gzip that was sent. */
  readonly bytesSent: number;
  /** Duration of the upload to S3; null if it was sent inline or S3's answer was lost. */
  readonly uploadDuration: number | null;
  /** Sending the same document again with this key stores nothing twice. */
  readonly idempotencyKey: string;
  /** ISO 8601; null while queued. */
  readonly createdAt: string | null;
}

/** The API's record of a payload. Values that the API doesn't know (yet) are null. */
export interface CallLog {
  readonly payloadId: string;
  readonly state: PayloadState;
  readonly callId: string | null;
  readonly source: "inline" | "s3" | null;
  /** Bytes that were uploaded, compressed or not. */
  readonly uploadedSize: number | null;
  /** Bytes of the JSON. */
  readonly size: number | null;
  /** Hex SHA-256 of the JSON. */
  readonly sha256: string | null;
  /** ISO 8601, as `storedAt`. */
  readonly createdAt: string;
  readonly storedAt: string | null;
  /** Elements of the deployment's array of records. */
  readonly records: number | null;
  /** The document's top-level scalars; only from `get`. */
  readonly summary: Readonly<Record<string, unknown>>;
  /** The same as JSON texts, which keep all digits of numbers. */
  readonly summaryTexts: Readonly<Record<string, string>>;
  /** Number of elements of each top-level array of the document. */
  readonly arrayLengths: Readonly<Record<string, number>>;
  /** The JSON as it was sent, if it is small enough to be part of the answer of `get`. */
  readonly document: Uint8Array<ArrayBuffer> | null;
  /** Presigned URL of the document, if it isn't small. Anyone can read it until it expires. */
  readonly documentUrl: string | null;
  /** Encoding of the bytes at `documentUrl`. It can have several gzip members. */
  readonly documentEncoding: "gzip" | null;
  /** Why processing failed, such as `invalid_json`. */
  readonly errorCode: string | null;
  readonly errorDetail: string | null;
}

/** Time and chance, as arguments, so that tests neither wait nor guess. */
export interface Pacing {
  /** Milliseconds since some fixed moment. */
  now(): number;
  /** Rejects with the signal's reason when aborted. */
  sleep(milliseconds: number, signal: AbortSignal): Promise<void>;
  /** In [0, 1). */
  random(): number;
}
