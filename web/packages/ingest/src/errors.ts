/**
 * Every error that this package raises.
 *
 *     WideloadError                base of all; `payloadId` where known
 *     ├── ConfigurationError       an argument or an option is wrong; nothing was sent
 *     ├── DocumentError            the document can't be sent as it is
 *     ├── TransportError           no usable answer came, after all retries
 *     ├── UploadError              S3 refused the upload or the download
 *     ├── IntegrityError           the bytes stored or read back are not those that were sent
 *     ├── DeadlineError            the call's deadline has passed
 *     ├── WaitTimeoutError         `wait` ran out of time; processing goes on
 *     └── ApiError                 the API answered with an error
 *         ├── AuthenticationError  401, 403: no key, or a wrong or revoked one
 *         ├── PayloadRefusedError  400, 413, 415, 422, or processing failed
 *         ├── NotFoundError        404: no such payload of this key's tenant, or no such route
 *         ├── ConflictError        409: the payload isn't in the state that the request needs
 *         ├── RecordTooLargeError  a single record is too large for an answer of the API
 *         ├── RateLimitError       429, after all retries
 *         └── ServerError          5xx, after all retries
 *
 * A call whose `signal` aborts rejects with the signal's reason. No message or property of these
 * errors holds an API key or the query of a presigned URL.
 */

export class WideloadError extends Error {
  /**
   * The payload that the failed call was about, if its id was known. After a failed `send` the
   * document may have reached S3: send again with the same idempotency key.
   */
  payloadId: string | null = null;

  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
  }
}

/** An argument or an option is wrong; nothing was sent. */
export class ConfigurationError extends WideloadError {}

/** The document is empty, no JSON object, not serializable, or larger than S3 takes in one PUT. */
export class DocumentError extends WideloadError {}

/** No usable answer: no connection, a broken one, a timeout, or an answer that CORS forbids. */
export class TransportError extends WideloadError {}

export interface UploadErrorFields {
  /** HTTP status of S3's answer. */
  readonly status: number;
  /** S3's error code, such as `AccessDenied`, or null. */
  readonly code: string | null;
  /** S3's error message, or null. */
  readonly detail: string | null;
  /** S3's request id (`x-amz-request-id`), or null; browsers can't read it. */
  readonly requestId: string | null;
}

/** S3 answered a presigned request with an error, after all retries that could help. */
export class UploadError extends WideloadError implements UploadErrorFields {
  readonly status: number;
  readonly code: string | null;
  readonly detail: string | null;
  readonly requestId: string | null;

  constructor(message: string, fields: UploadErrorFields) {
    super(message);
    this.status = fields.status;
    this.code = fields.code;
    this.detail = fields.detail;
    this.requestId = fields.requestId;
  }
}

/** Size or SHA-256 differ between what was sent and what the API recorded or gave back. */
export class IntegrityError extends WideloadError {}

/** The call's `deadline` has passed while a request was under way; it may have been carried out. */
export class DeadlineError extends WideloadError {}

/** `wait` ran out of time. Processing goes on, and `wait` can be called again. */
export class WaitTimeoutError extends WideloadError {
  /** The last state seen, such as `queued` or `processing`. */
  readonly state: string;

  constructor(message: string, state: string) {
    super(message);
    this.state = state;
  }
}

export interface ApiErrorFields {
  /** HTTP status. For a payload whose processing failed, the 200 of the answer that says so. */
  readonly status: number;
  /** The API's error code, such as `invalid_json`; null if API Gateway or a proxy answered. */
  readonly code: string | null;
  /** A sentence about what was wrong and what is allowed, or null. */
  readonly detail: string | null;
  /** Id of the request in the API's logs, for its operators, or null. */
  readonly requestId: string | null;
  /** Seconds after which the API wants to be asked again, or null. */
  readonly retryAfter: number | null;
}

/** The API answered with an error. */
export class ApiError extends WideloadError implements ApiErrorFields {
  readonly status: number;
  readonly code: string | null;
  readonly detail: string | null;
  readonly requestId: string | null;
  readonly retryAfter: number | null;

  constructor(message: string, fields: ApiErrorFields) {
    super(message);
    this.status = fields.status;
    this.code = fields.code;
    this.detail = fields.detail;
    this.requestId = fields.requestId;
    this.retryAfter = fields.retryAfter;
  }
}

/** 401 or 403: the key is missing, wrong or revoked. */
export class AuthenticationError extends ApiError {}
/** The API refuses this document, or processing it failed; sending it again won't help. */
export class PayloadRefusedError extends ApiError {}
/** 404: this key's tenant has no such payload. `document_gone`: its document was deleted. */
export class NotFoundError extends ApiError {}
/** 409: the payload is still being processed, or has no records (yet). */
export class ConflictError extends ApiError {}
/** A record is larger than an answer of the API can be; `document` has it. */
export class RecordTooLargeError extends ApiError {}
/** 429, after all retries. */
export class RateLimitError extends ApiError {}
/** 5xx, after all retries. */
export class ServerError extends ApiError {}
