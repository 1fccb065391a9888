/** Meaning of S3's answer to a PUT. */

import { StorageError } from "./errors.js";
import type { PutResponse } from "./types.js";

export type Verdict =
  | { readonly kind: "stored" }
  /** The URL is no good any more: sign anew. */
  | { readonly kind: "sign" }
  /** Something passing. */
  | { readonly kind: "again" }
  /** The bytes aren't those that were hashed. */
  | { readonly kind: "changed" }
  /** S3 knows the upload no more: completed, aborted, or expired. */
  | { readonly kind: "gone" }
  | { readonly kind: "refused" };

// https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
const CODES: Readonly<Record<string, Verdict["kind"]>> = {
  // With status 400, not 403: the credentials that signed have expired before the URL did.
  ExpiredToken: "sign",
  InvalidToken: "sign",
  RequestTimeTooSkewed: "sign",
  BadDigest: "changed",
  XAmzContentChecksumMismatch: "changed",
  XAmzContentSHA256Mismatch: "changed",
  IncompleteBody: "again",
  RequestTimeout: "again",
  ConditionalRequestConflict: "again",
  OperationAborted: "again",
  SlowDown: "again",
  NoSuchUpload: "gone",
};

/** S3's code out of its XML, or null. */
export function codeOf(response: PutResponse): string | null {
  return /<Code>([^<]*)<\/Code>/.exec(response.text)?.[1] ?? null;
}

export function judge(response: PutResponse): Verdict {
  const { status } = response;
  if (status >= 200 && status < 300) return { kind: "stored" };
  // If-None-Match: an earlier attempt, whose answer was lost, has stored the object.
  if (status === 412) return { kind: "stored" };
  const known = CODES[codeOf(response) ?? ""];
  if (known) return { kind: known };
  if (status === 403) return { kind: "sign" };
  if (status === 408 || status === 429 || status >= 500) return { kind: "again" };
  return { kind: "refused" };
}

export function storageError(response: PutResponse): StorageError {
  const code = codeOf(response);
  const requestId =
    response.header("x-amz-request-id") ??
    /<RequestId>([^<]*)<\/RequestId>/.exec(response.text)?.[1] ??
    null;
  return new StorageError(
    `The storage refused the upload (${[response.status, code].filter(Boolean).join(" ")}). ` +
      "Try again; if it happens again, tell the operator of this service" +
      `${requestId ? ` and give them the request id ${requestId}` : ""}.`,
    { status: response.status, code, requestId },
  );
}
