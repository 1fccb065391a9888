/** Errors in words that say what to do. */

import { ApiError, AuthenticationError, TransportError, WideloadError } from "@wideload/uploader";

const ADVICE: Record<string, string> = {
  conflict: "It was changed at the same moment. Try again.",
  corrupt: "The stored copy is damaged. Delete it and upload the file again.",
  file_too_large: "The file is larger than this deployment allows.",
  too_many_uploads: "Too many of your uploads are unfinished. Let some finish, then try again.",
  unknown_file: "The file is no longer there; it may have been deleted elsewhere.",
};

/** Explains a failure and what the person can do, in one or two sentences. */
export function explain(error: unknown): string {
  if (error instanceof AuthenticationError) return "Your sign-in has ended. Sign in again.";
  if (error instanceof ApiError) {
    const advice = ADVICE[error.code ?? ""];
    if (advice !== undefined) return advice;
    if (error.status >= 500) {
      return `The server has a problem. Try again in a minute.${reference(error)}`;
    }
    return error.detail ?? `${error.message}${reference(error)}`;
  }
  if (error instanceof TransportError && error.code !== "cors") {
    return "The server can't be reached. Check your connection, then try again.";
  }
  if (error instanceof WideloadError) return error.message;
  return "Something went wrong on this page. Reload it and try again.";
}

function reference(error: ApiError): string {
  return error.requestId === null ? "" : ` If it lasts, report this number: ${error.requestId}`;
}
