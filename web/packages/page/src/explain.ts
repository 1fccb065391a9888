/** Errors in words that say what to do. */

import { ApiError, AuthenticationError, TransportError, WideloadError } from "@wideload/uploader";
import { words } from "./words.js";

/** Explains a failure and what the person can do, in one or two sentences. */
export function explain(error: unknown): string {
  const { errors } = words;
  if (error instanceof AuthenticationError) return errors.signInEnded;
  if (error instanceof ApiError) {
    const advice = errors.codes[error.code ?? ""];
    if (advice !== undefined) return advice;
    if (error.status >= 500) return withReference(errors.server, error);
    return error.detail ?? withReference(error.message, error);
  }
  if (error instanceof TransportError && error.code !== "cors") return errors.unreachable;
  if (error instanceof WideloadError) return error.message;
  return errors.unexpected;
}

function withReference(text: string, { requestId }: ApiError): string {
  return requestId === null ? text : `${text} ${words.errors.reference(requestId)}`;
}
