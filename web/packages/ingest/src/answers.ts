/** Answers of the API (snake_case) to the types of this package. */

import type { components } from "./contract.js";
import { membersOf } from "./json.js";
import type { CallLog } from "./types.js";

type Wire = components["schemas"]["CallLog"];

/** Reads an answer of `GET /call-logs/{payload_id}`. Throws if it isn't one. */
export function readCallLog(text: string): CallLog {
  const members: Record<string, unknown> = {};
  let summaryTexts: Record<string, string> = {};
  let document: CallLog["document"] = null;
  for (const [name, value] of membersOf(text)) {
    // The document's bytes are embedded as they were sent; they are never parsed.
    if (name === "document") document = new TextEncoder().encode(value);
    else members[name] = JSON.parse(value);
    if (name === "summary")
      summaryTexts = Object.fromEntries(
        [...membersOf(value)].map(([key, scalar]) => [key, scalar.trim()]),
      );
  }
  return { ...callLogOf(members), summaryTexts, document };
}

/** Reads an item of `GET /call-logs`. Throws if it isn't one. */
export function callLogOf(value: unknown): CallLog {
  const log = value as Wire;
  if (typeof log.payload_id !== "string" || typeof log.state !== "string")
    throw new TypeError("payload_id and state must be strings");
  return {
    payloadId: log.payload_id,
    state: log.state,
    callId: log.call_id ?? null,
    source: log.source ?? null,
    uploadedSize: log.uploaded_size ?? null,
    size: log.size ?? null,
    sha256: log.sha256 ?? null,
    createdAt: log.created_at,
    storedAt: log.stored_at ?? null,
    records: log.records ?? null,
    summary: log.summary ?? {},
    summaryTexts: {},
    arrayLengths: log.array_lengths ?? {},
    document: null,
    documentUrl: log.document_url ?? null,
    documentEncoding: log.document_encoding ?? null,
    errorCode: log.error?.code ?? null,
    errorDetail: log.error?.detail ?? null,
  };
}
