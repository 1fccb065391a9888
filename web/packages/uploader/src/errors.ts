/**
 * Every error that this package raises.
 *
 *     WideloadError               base of all; the message says what happened and what to do
 *     ├── ConfigurationError      an option or argument is wrong
 *     ├── CancelledError          `cancel()` was called, or the signal of the upload aborted
 *     ├── FileReadError           the browser can't read the file: moved, changed, no permission
 *     ├── FileChangedError        S3 got other bytes than were hashed: the file changed
 *     ├── TransportError          no answer came, after all retries
 *     ├── StorageError            S3 refused a part for good
 *     └── ApiError                the API answered with an error
 *         ├── AuthenticationError 401: sign in again
 *         ├── RefusedError        400, 403 not_allowed, 413: this file won't be taken
 *         ├── NotFoundError       404: no such file or upload of yours
 *         ├── ConflictError       409
 *         │   └── NameExistsError the folder has another file of that name
 *         ├── GoneError           410: the upload was aborted or has expired
 *         ├── LimitError          413 quota_exceeded, 429: make room, or come back later
 *         └── ServerError         5xx, after all retries; or completing takes too long
 *
 * No message or property of these holds a token or a presigned URL.
 */

import type { FileInfo } from "./types.js";

export class WideloadError extends Error {
  /** `code` of the API or of S3, or a word of our own, such as `offline`. */
  readonly code: string | null;

  constructor(message: string, options: { code?: string | null; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = new.target.name;
    this.code = options.code ?? null;
  }
}

/** An option or argument is wrong; nothing was sent. */
export class ConfigurationError extends WideloadError {}

/** Cancelled by the caller. */
export class CancelledError extends WideloadError {
  constructor(message = "The upload was cancelled.") {
    super(message, { code: "cancelled" });
  }
}

/** The browser can't read the file (any more). */
export class FileReadError extends WideloadError {
  constructor(cause?: unknown) {
    super(
      "The file can't be read: it may have been changed, moved or deleted since it was added. Add it again.",
      { code: "unreadable", cause },
    );
  }
}

/** S3 got other bytes than were hashed. */
export class FileChangedError extends WideloadError {
  constructor() {
    super("The file was changed while it was being uploaded. Add it again.", { code: "changed" });
  }
}

/**
 * No answer came, after all retries. `code` tells why: `no_answer` for no network, a broken
 * connection or a timeout; `cors` if the browser keeps the answer from the page.
 */
export class TransportError extends WideloadError {}

/** S3 refused, and trying again doesn't mend it; or, as `no_etag`, it lost what was confirmed. */
export class StorageError extends WideloadError {
  /** HTTP status of S3's answer. */
  readonly status: number;
  /** `x-amz-request-id`, or null where CORS doesn't expose it. */
  readonly requestId: string | null;

  constructor(
    message: string,
    options: { status: number; code: string | null; requestId: string | null },
  ) {
    super(message, options);
    this.status = options.status;
    this.requestId = options.requestId;
  }
}

export interface ApiErrorFields {
  readonly status: number;
  readonly code: string | null;
  /** The API's sentence about what was wrong and what is allowed, or null. */
  readonly detail: string | null;
  /** Id of the request, for the API's operator, or null. */
  readonly requestId: string | null;
  /** Seconds after which the API wants to be asked again, or null. */
  readonly retryAfter: number | null;
  /** All members of the problem details, such as `missing`. */
  readonly members: Readonly<Record<string, unknown>>;
}

/** The API answered with an error. */
export class ApiError extends WideloadError implements ApiErrorFields {
  readonly status: number;
  readonly detail: string | null;
  readonly requestId: string | null;
  readonly retryAfter: number | null;
  readonly members: Readonly<Record<string, unknown>>;

  constructor(message: string, fields: ApiErrorFields, cause?: unknown) {
    super(message, { code: fields.code, cause });
    this.status = fields.status;
    this.detail = fields.detail;
    this.requestId = fields.requestId;
    this.retryAfter = fields.retryAfter;
    this.members = fields.members;
  }
}

/** 401: the token is missing, expired or for something else. */
export class AuthenticationError extends ApiError {}
/** 400, 403 not_allowed, 413 and other 4xx: sending the same again won't help. */
export class RefusedError extends ApiError {}
/** 404: no such file or upload of yours; another person's looks the same. */
export class NotFoundError extends ApiError {}
/** 409: `code` tells which. */
export class ConflictError extends ApiError {}
/** 409 name_exists: with `ifExists: "fail"`, the folder has another file of that name. */
export class NameExistsError extends ConflictError {
  /** The file that has the name; null for a folder. */
  readonly file: FileInfo | null;

  constructor(message: string, fields: ApiErrorFields, file: FileInfo | null) {
    super(message, fields);
    this.file = file;
  }
}
/** 410: the upload was aborted or has expired. */
export class GoneError extends ApiError {}
/** Quota of bytes, or too many open uploads. */
export class LimitError extends ApiError {}
/** 5xx, after all retries. */
export class ServerError extends ApiError {}
