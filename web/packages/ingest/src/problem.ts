/** From an error answer of the API or of S3 to an error. */

import type { components } from "./contract.js";
import {
  ApiError,
  type ApiErrorFields,
  AuthenticationError,
  ConflictError,
  NotFoundError,
  PayloadRefusedError,
  RateLimitError,
  RecordTooLargeError,
  ServerError,
  UploadError,
} from "./errors.js";
import { type Answer, redirectOf } from "./http.js";
import { AttemptFailed, parseRetryAfter } from "./retry.js";

type Code = components["schemas"]["Problem"]["code"];
type Kind = new (message: string, fields: ApiErrorFields) => ApiError;

/** Statuses of answers, of the API or of S3, after which a retry can help. */
const RETRYABLE = new Set([429, 500, 502, 503, 504]);
/** https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html */
const S3_RETRYABLE = new Set([
  "ConditionalRequestConflict",
  "InternalError",
  "OperationAborted",
  "RequestTimeout",
  "ServiceUnavailable",
  "SlowDown",
]);

const STATUSES: Readonly<Record<number, Kind>> = {
  400: PayloadRefusedError,
  401: AuthenticationError,
  403: AuthenticationError,
  404: NotFoundError,
  409: ConflictError,
  413: PayloadRefusedError,
  415: PayloadRefusedError,
  422: PayloadRefusedError,
  429: RateLimitError,
};

/** Codes to which the rule of their status doesn't apply. */
const CODES: Partial<Record<Code, { kind: Kind; retryable?: true }>> = {
  in_progress: { kind: ConflictError, retryable: true },
  not_uploaded: { kind: ConflictError, retryable: true },
  duplicate: { kind: PayloadRefusedError },
  object_changed: { kind: PayloadRefusedError },
  upload_lost: { kind: PayloadRefusedError },
  record_too_large: { kind: RecordTooLargeError },
};

/** The failure for an error answer of the API to a request, such as `GET /call-logs`. */
export function refusedByApi(what: string, answer: Answer, baseUrl: string): AttemptFailed {
  const problem = objectIn(answer.body);
  const { status } = answer;
  const fields: ApiErrorFields = {
    status,
    code: textOf(problem["code"]),
    // API Gateway's own errors are {"message": …}.
    detail: textOf(problem["detail"]) ?? textOf(problem["message"]),
    requestId: textOf(problem["request_id"]) ?? answer.headers.get("apigw-requestid"),
    retryAfter: parseRetryAfter(answer.headers.get("retry-after")),
  };
  const row = CODES[fields.code as Code];
  const kind = row?.kind ?? STATUSES[status] ?? (status >= 500 ? ServerError : ApiError);
  const where = redirectOf(answer);
  const hints = [
    where && `redirected to ${where}: is ${baseUrl} the API's base URL?`,
    (status === 401 || status === 403) && "is apiKey a key of this deployment, not revoked?",
    status === 404 && !fields.code && `is ${baseUrl} the API's base URL?`,
    status === 413 &&
      !fields.code &&
      "the request never reached Wideload: API Gateway takes 10 MB, Lambda some 4.5 MiB of gzip, " +
        "and a proxy on the way may take less",
  ].filter((hint) => typeof hint === "string");
  const message =
    `${what}: ${status}${fields.code ? ` ${fields.code}` : ""}` +
    (fields.detail ? `: ${fields.detail}` : "") +
    hints.map((hint) => ` (${hint})`).join("") +
    (fields.requestId ? ` [request ${fields.requestId}]` : "");
  const again = row?.retryable || RETRYABLE.has(status);
  return new AttemptFailed(new kind(message, fields), again ? "later" : "never", fields.retryAfter);
}

/** A success whose body isn't as the contract says. */
export function unexpected(what: string, { status, headers }: Answer): ApiError {
  return new ApiError(
    `${what}: ${status}, but the answer isn't what this API gives: is the base URL right, and is ` +
      "there a proxy on the way that answers for it?",
    {
      status,
      code: null,
      detail: null,
      requestId: headers.get("apigw-requestid"),
      retryAfter: null,
    },
  );
}

/** The error for a payload whose processing failed. */
export function processingFailed(
  payloadId: string,
  code: string | null,
  detail: string | null,
): PayloadRefusedError {
  const says = [code, detail].filter(Boolean).join(": ");
  return new PayloadRefusedError(
    `processing payload ${payloadId} failed${says ? `: ${says}` : ""}`,
    { status: 200, code, detail, requestId: null, retryAfter: null },
  );
}

/** S3's error answer, without anything that can hold a signature: its XML can repeat the request. */
export function refusedByS3(
  what: "upload" | "download",
  status: number,
  headers: Headers,
  xml: string,
): UploadError {
  const code = elementOf(xml, "Code");
  const detail = elementOf(xml, "Message");
  const says = [code, detail].filter(Boolean).join(": ");
  const where = redirectOf({ status, headers });
  const hint = where
    ? ` (redirected to ${where}: the deployment signs URLs for another region or endpoint)`
    : "";
  return new UploadError(`S3 refused the ${what}: ${status}${says ? ` ${says}` : ""}${hint}`, {
    status,
    code,
    detail,
    requestId: headers.get("x-amz-request-id"),
  });
}

/** Whether S3's answer to the same request can be another one in a moment. */
export function isPassing(error: UploadError): boolean {
  return RETRYABLE.has(error.status) || S3_RETRYABLE.has(error.code ?? "");
}

function elementOf(xml: string, name: string): string | null {
  const found = new RegExp(`<${name}>([^<]*)</${name}>`).exec(xml)?.[1];
  const text = found?.replace(/x-amz-\S*|\?\S*/gi, "…").trim();
  return text?.slice(0, 300) || null;
}

/** The JSON object of a body, `{}` for anything else. */
function objectIn(body: Uint8Array): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(new TextDecoder().decode(body));
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

function textOf(value: unknown): string | null {
  return typeof value === "string" && value ? value.slice(0, 1000) : null;
}
