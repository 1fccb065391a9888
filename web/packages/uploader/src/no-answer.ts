/** Why no answer came. Browsers keep it from pages, but it can be found out. */

import { StorageError, TransportError } from "./errors.js";

/** The answer to the question takes no longer. */
const TIMEOUT = 5_000;

/** Of the storage. */
export const NO_ANSWER =
  "No answer came from the storage. Check the network connection, then try again.";

const SILENT = {
  service: "The service did not answer. Check the network connection, then try again.",
  storage: NO_ANSWER,
} as const;

const RULES = {
  service:
    "its CORS settings must allow this page's origin, and GET, POST, PATCH and DELETE with authorization and content-type",
  storage:
    "the bucket's CORS rules must allow this page's origin, and PUT with the headers that are signed, and expose ETag and x-amz-checksum-sha256",
} as const;

/** The error for a request that got no answer, though CORS let the page read another one's. */
export function silent(who: keyof typeof SILENT, cause?: unknown): TransportError {
  return new TransportError(SILENT[who], { code: "no_answer", cause });
}

/**
 * The error for a request that got no answer.
 *
 * A `no-cors` request, whose answer no page may read, gets through where nothing but CORS is in the
 * way: https://fetch.spec.whatwg.org/#concept-request-mode
 *
 * @param url - Of the request. Its query, which may hold a signature, isn't sent.
 */
export async function noAnswer(
  who: keyof typeof SILENT,
  url: string,
  send: typeof fetch,
  cause?: unknown,
): Promise<TransportError> {
  const { origin, pathname } = new URL(url);
  try {
    await send(origin + pathname, {
      mode: "no-cors",
      credentials: "omit",
      referrerPolicy: "no-referrer",
      cache: "no-store",
      signal: AbortSignal.timeout(TIMEOUT),
    });
  } catch {
    return silent(who, cause);
  }
  return new TransportError(
    `The ${who} answers, but the browser keeps it from this page: ${RULES[who]}. ${forOperators()}`,
    { code: "cors", cause },
  );
}

/** S3's answers were good, and yet it doesn't hold the bytes. */
export function unproven(): StorageError {
  return new StorageError(
    "What was sent was confirmed, but without an ETag that this page can read, and it isn't there: " +
      "something else than the storage answered, such as a proxy, or the bucket's CORS rules don't " +
      `expose ETag and x-amz-checksum-sha256. ${forOperators()}`,
    { status: 200, code: "no_etag", requestId: null },
  );
}

function forOperators(): string {
  const page = globalThis.location?.origin;
  return `Tell the operator of this service; this command shows the cause: wideload doctor --origin ${page ?? "https://…"}`;
}
