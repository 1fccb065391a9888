/** From an answer of the API to an error that says what to do. */

import {
  type ApiError,
  type ApiErrorFields,
  AuthenticationError,
  ConflictError,
  GoneError,
  LimitError,
  NameExistsError,
  NotFoundError,
  RefusedError,
  ServerError,
} from "./errors.js";
import { decodeFile } from "./json.js";

/** Advice for a code, where the API's own text isn't written for the person. */
const ADVICE: Readonly<Record<string, string>> = {
  too_many_uploads: "Wait until some of your uploads are done, or cancel some.",
  quota_exceeded: "", // The API says what is full, what to do, and what still counts.
  upload_gone: "Add the file again.",
  corrupt: "Upload the file again.",
  conflict: "Try again in a moment.",
};

/** API Gateway's own refusals contain nothing but "Unauthorized". */
const SIGN_IN_AGAIN = "You are not signed in any more. Sign in again; what was sent is kept.";

function fieldOf(members: Readonly<Record<string, unknown>>, name: string): string | null {
  const value = members[name];
  return typeof value === "string" && value !== "" ? value : null;
}

/**
 * The error for an answer.
 *
 * @param members - The problem details, or whatever JSON object the answer held; `{}` for none.
 * @param retryAfter - Seconds, from the header.
 * @param requestId - From a header, where the problem details hold none.
 */
export function apiError(
  status: number,
  members: Readonly<Record<string, unknown>>,
  retryAfter: number | null = null,
  requestId: string | null = null,
): ApiError {
  const asked = members["retry_after"];
  const fields: ApiErrorFields = {
    status,
    members,
    code: fieldOf(members, "code"),
    detail: fieldOf(members, "detail"),
    requestId: fieldOf(members, "request_id") ?? requestId,
    retryAfter: retryAfter ?? (typeof asked === "number" ? asked : null),
  };
  if (fields.code === "completing") return stillCompleting(status, members, fields);
  if (fields.code === "name_exists")
    return new NameExistsError(
      sentence("The name is taken.", "Choose another name.", fields),
      fields,
      members["file"] == null ? null : decodeFile(members["file"]),
    );
  // Other than for a refusal of the team's function, 403 comes from API Gateway: the token lacks a scope.
  if (status === 401 || (status === 403 && fields.code !== "not_allowed"))
    return new AuthenticationError(
      fields.code
        ? sentence("This sign-in is not accepted.", "Sign in again.", fields)
        : SIGN_IN_AGAIN,
      fields,
    );
  if (status === 429 || fields.code === "quota_exceeded")
    return new LimitError(
      sentence("There is too much at once.", "Try again later.", fields),
      fields,
    );
  if (status === 404)
    return new NotFoundError(
      sentence("There is no such file or upload of yours.", "", fields),
      fields,
    );
  if (status === 409)
    return new ConflictError(sentence("That can't be done now.", "", fields), fields);
  if (status === 410)
    return new GoneError(sentence("The upload was cancelled or has expired.", "", fields), fields);
  if (status >= 500) {
    const reference = fields.requestId ? ` (request id ${fields.requestId})` : "";
    return new ServerError(
      sentence(`The service has a problem${reference}.`, "Try again in a few minutes.", fields),
      fields,
    );
  }
  return new RefusedError(sentence(`The service refused this (${status}).`, "", fields), fields);
}

/** S3 takes its time to put parts together; `members` may name a `retry_after`. */
export function stillCompleting(
  status: number,
  members: Readonly<Record<string, unknown>>,
  known?: ApiErrorFields,
): ServerError {
  const asked = members["retry_after"];
  const retryAfter = typeof asked === "number" ? asked : null;
  return new ServerError(
    "The service is still putting the file together. Try again in a few minutes; nothing has to " +
      "be sent again.",
    known ?? { status, members, code: "completing", detail: null, requestId: null, retryAfter },
  );
}

/** The page has no token to send. */
export function signedOut(cause: unknown): AuthenticationError {
  const none = { code: null, detail: null, requestId: null, retryAfter: null, members: {} };
  return new AuthenticationError(SIGN_IN_AGAIN, { status: 401, ...none }, cause);
}

function sentence(otherwise: string, advice: string, fields: ApiErrorFields): string {
  // The text of a 5xx is meant for the service's operator, not for the person.
  const detail = fields.status >= 500 ? null : fields.detail;
  const known = ADVICE[fields.code ?? ""] ?? advice;
  return [detail ?? otherwise, known].filter(Boolean).join(" ");
}
