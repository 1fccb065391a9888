/** Answers of the API and of S3. */

export type Body = Record<string, unknown>;

export interface Answer {
  readonly status: number;
  readonly headers?: Record<string, string>;
  /** Bytes or text as they are; anything else as JSON. */
  readonly body?: unknown;
}

const REQUEST_ID = "req-1";

/** Problem details as the API answers them. */
export function problem(status: number, code: string, members: Body = {}): Answer {
  const retryAfter = members["retry_after"];
  const headers: Record<string, string> = { "Content-Type": "application/problem+json" };
  if (retryAfter !== undefined) headers["Retry-After"] = String(retryAfter);
  const type = `urn:wideload:problem:${code}`;
  const detail = `${code} it is.`;
  const body = { type, title: code, status, detail, code, request_id: REQUEST_ID, ...members };
  return { status, headers, body };
}

/** A refusal as S3 answers it. */
export function s3Refusal(status: number, code: string): Answer {
  const body = `<?xml version="1.0"?><Error><Code>${code}</Code><Message>…</Message><RequestId>R1</RequestId></Error>`;
  return { status, headers: { "Content-Type": "application/xml" }, body };
}
