/** Looks a payload up, waits for it, deletes it, and reads its document. */

import { Gunzip } from "fflate";
import { readCallLog } from "./answers.js";
import { type Api, checkedId } from "./api.js";
import { type Bytes, Digest, hexSha256 } from "./document.js";
import {
  type ApiError,
  IntegrityError,
  NotFoundError,
  PayloadRefusedError,
  WaitTimeoutError,
} from "./errors.js";
import type { Http, OpenAnswer } from "./http.js";
import { PresignedCall, type PresignedRequest } from "./presigned.js";
import { processingFailed, unexpected } from "./problem.js";
import type { Call } from "./retry.js";
import type { CallLog } from "./types.js";

/** Between two looks at a payload that is waited for: the first, and the longest. */
const FIRST_PAUSE = 500;
const LONGEST_PAUSE = 5_000;

export async function getPayload(api: Api, call: Call, payloadId: string): Promise<CallLog> {
  const path = `/call-logs/${checkedId(payloadId)}`;
  call.payloadId = payloadId;
  const log = await api.read(call, { method: "GET", path }, (text) => {
    const read = readCallLog(text);
    if (read.documentUrl !== null) api.checkedUrl(read.documentUrl);
    return read;
  });
  if (log.document !== null) checkDocument(log, log.document.length, hexSha256(log.document));
  return log;
}

/** Looks at a payload until it is stored, each time with all retries. */
export async function waitUntilStored(
  api: Api,
  call: Call,
  payloadId: string,
  timeout: number,
): Promise<CallLog> {
  const ends = call.pacing.now() + timeout;
  let pause = FIRST_PAUSE;
  for (;;) {
    call.restart();
    const log = await getPayload(api, call, payloadId);
    if (log.state === "stored") return log;
    if (log.state === "failed" || log.state === "expired") throw unusable(log);
    const left = ends - call.pacing.now();
    if (left <= 0)
      throw new WaitTimeoutError(
        `payload ${log.payloadId} is still ${log.state} after ${timeout} ms; it goes on being processed`,
        log.state,
      );
    await call.pacing.sleep(Math.min(pause, left), call.signal);
    pause = Math.min(pause * 1.5, LONGEST_PAUSE);
  }
}

/** Deletes a payload. 404 is success if an earlier attempt may have deleted it. */
export async function deletePayload(api: Api, call: Call, payloadId: string): Promise<void> {
  const path = `/call-logs/${checkedId(payloadId)}`;
  call.payloadId = payloadId;
  try {
    const answer = await api.request(call, { method: "DELETE", path });
    if (answer.status !== 204) throw unexpected(`DELETE ${path}`, answer);
  } catch (error) {
    const gone = error instanceof NotFoundError && error.code === "unknown_payload";
    if (!gone || call.ambiguous === 0) throw error;
  }
}

/** The JSON of a payload in pieces, uncompressed; it throws at the end if it isn't as recorded. */
export async function* documentOf(
  api: Api,
  http: Http,
  call: Call,
  payloadId: string,
): AsyncGenerator<Bytes> {
  const log = await getPayload(api, call, payloadId);
  if (log.document !== null) {
    yield log.document;
    return;
  }
  if (log.documentUrl === null) throw unusable(log);
  const signed = ({ documentUrl }: CallLog): PresignedRequest => {
    return { method: "GET", url: documentUrl ?? "", headers: {}, deadline: Infinity };
  };
  const object = new StoredObject(
    call,
    new PresignedCall(http, call, signed(log), async () =>
      signed(await getPayload(api, call, payloadId)),
    ),
  );
  const digest = new Digest();
  try {
    const pieces = log.documentEncoding === "gzip" ? gunzipped(object, log) : object.pieces();
    for await (const piece of pieces) {
      digest.add(piece);
      if (digest.size > (log.size ?? 0)) break; // it isn't the document, and may have no end
      yield piece;
    }
  } finally {
    object.close();
  }
  checkDocument(log, digest.size, digest.hex());
}

/** An object in S3; after a broken connection, reading goes on at the byte where it broke. */
class StoredObject {
  readonly #call: Call;
  readonly #presigned: PresignedCall;
  #answer: OpenAnswer | null = null;
  #at = 0;

  constructor(call: Call, presigned: PresignedCall) {
    this.#call = call;
    this.#presigned = presigned;
  }

  async *pieces(): AsyncGenerator<Bytes> {
    for (;;) {
      const piece = await this.#call.repeat(() => this.#read());
      if (piece === null) return;
      this.#at += piece.length;
      yield piece;
    }
  }

  close(): void {
    this.#answer?.close();
    this.#answer = null;
  }

  async #read(): Promise<Bytes | null> {
    this.#answer ??= await this.#presigned.get(this.#at);
    try {
      return await this.#answer.read();
    } catch (cause) {
      this.close();
      throw this.#presigned.broken(cause);
    }
  }
}

/**
 * Unpacks gzip of any number of members, as archived documents have.
 *
 * Not by `DecompressionStream`, which refuses whatever follows the first member:
 * https://compression.spec.whatwg.org/#decompress-and-enqueue-a-chunk
 */
async function* gunzipped(object: StoredObject, log: CallLog): AsyncGenerator<Bytes> {
  let unpacked: Bytes[] = [];
  const gunzip = new Gunzip((piece) => unpacked.push(piece as Bytes));
  const push = (piece: Uint8Array, last: boolean): Bytes[] => {
    try {
      gunzip.push(piece, last);
    } catch (cause) {
      throw new IntegrityError(`the document of ${log.payloadId} is no whole gzip`, { cause });
    }
    const pieces = unpacked;
    unpacked = [];
    return pieces;
  };
  for await (const piece of object.pieces()) yield* push(piece, false);
  // By itself: with the last piece, fflate would leave out the members after the first.
  yield* push(new Uint8Array(), true);
}

function checkDocument(log: CallLog, size: number, sha256: string): void {
  if (size === log.size && sha256 === log.sha256) return;
  throw new IntegrityError(
    `the document of ${log.payloadId} has ${size} bytes with SHA-256 ${sha256}, ` +
      `recorded are ${log.size} bytes with SHA-256 ${log.sha256}`,
  );
}

/** The error for a payload without a document: it failed, expired, or isn't stored yet. */
function unusable(log: CallLog): ApiError {
  if (log.state === "failed")
    return processingFailed(log.payloadId, log.errorCode, log.errorDetail);
  const fields = { status: 200, code: null, detail: null, requestId: null, retryAfter: null };
  if (log.state === "expired") {
    const detail = "nothing was uploaded before its upload URL expired";
    return new PayloadRefusedError(`payload ${log.payloadId}: ${detail}`, {
      ...fields,
      code: "expired",
      detail,
    });
  }
  return new NotFoundError(
    `payload ${log.payloadId} has no document: its state is ${log.state}`,
    fields,
  );
}
