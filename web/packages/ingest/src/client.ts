/** The client of a deployment's payload ingest. */

import { Api, checkedApiUrl } from "./api.js";
import { prepare } from "./document.js";
import { ConfigurationError } from "./errors.js";
import { Http } from "./http.js";
import { checkedCallId, listCallLogs, listRecords } from "./lists.js";
import { deletePayload, documentOf, getPayload, waitUntilStored } from "./payloads.js";
import { Call, realPacing } from "./retry.js";
import { Sending } from "./send.js";
import type {
  CallLog,
  CallOptions,
  Document,
  IngestClientOptions,
  ListOptions,
  Pacing,
  Receipt,
  RecordsOptions,
  SendOptions,
  WaitOptions,
} from "./types.js";

const TIMEOUT = 60_000;
const RETRIES = 5;
const WAIT_TIMEOUT = 600_000;
/** 11 days; the longest that timers take is 24. */
const LONGEST_TIME = 1_000_000_000;

export class IngestClient {
  readonly #api: Api;
  readonly #http: Http;
  readonly #pacing: Pacing;
  readonly #retries: number;

  constructor(options: IngestClientOptions) {
    const { apiKey, apiKeyHeader = "x-api-key" } = options;
    if (typeof apiKey !== "string" || !/^[!-~]+$/.test(apiKey))
      throw new ConfigurationError("apiKey must be an API key, such as wl_<id>_<secret>");
    if (!/^[!#$%&'*+.^_`|~\w-]+$/.test(apiKeyHeader))
      throw new ConfigurationError(`apiKeyHeader is no header's name: "${apiKeyHeader}"`);
    this.#pacing = options.pacing ?? realPacing;
    this.#retries = options.retries ?? RETRIES;
    const timeout = checkedTime("timeout", options.timeout ?? TIMEOUT);
    this.#http = new Http(options.fetch, timeout);
    this.#api = new Api(this.#http, checkedApiUrl(options.apiUrl), { [apiKeyHeader]: apiKey });
  }

  /**
   * Sends a document and returns the API's receipt.
   *
   * Under 4 MiB compressed it is sent through the API, else to S3 by presigned URL. A large one
   * (over 25 MB compressed, by default) is `queued`: `wait` tells when it is stored. The compressed
   * bytes are held in memory while they are sent; a `Blob` of gzip is read from where it is.
   */
  async send(document: Document, options: SendOptions = {}): Promise<Receipt> {
    const key = checkedKey(options.idempotencyKey ?? crypto.randomUUID());
    if (options.callId !== undefined) checkedCallId(options.callId);
    const call = this.#call(options);
    return call.run(async () => {
      const prepared = await prepare(document, call.signal);
      return new Sending(this.#api, this.#http, call, key).send(prepared, options.callId);
    });
  }

  /** Waits until a queued payload is stored; throws `PayloadRefusedError` if processing fails. */
  async wait(payloadId: string, options: WaitOptions = {}): Promise<CallLog> {
    const timeout = checkedTime("timeout", options.timeout ?? WAIT_TIMEOUT);
    const call = this.#call(options);
    return call.run(() => waitUntilStored(this.#api, call, payloadId, timeout));
  }

  /** The record of a payload, with its document if that is small. */
  async get(payloadId: string, options: CallOptions = {}): Promise<CallLog> {
    const call = this.#call(options);
    return call.run(() => getPayload(this.#api, call, payloadId));
  }

  /** The JSON of a payload, byte for byte as it was sent (uncompressed), in memory. */
  async document(payloadId: string, options: CallOptions = {}): Promise<Uint8Array<ArrayBuffer>> {
    const call = this.#call(options);
    return call.run(async () => {
      const pieces: Uint8Array<ArrayBuffer>[] = [];
      for await (const piece of documentOf(this.#api, this.#http, call, payloadId))
        pieces.push(piece);
      return new Uint8Array(await new Blob(pieces).arrayBuffer());
    });
  }

  /**
   * The same as a stream, in bounded memory. Size and SHA-256 are compared with the record at the
   * end: after an error, what was read is a part of the document, or something else.
   */
  documentStream(
    payloadId: string,
    options: CallOptions = {},
  ): ReadableStream<Uint8Array<ArrayBuffer>> {
    const call = this.#call(options);
    const pieces = documentOf(this.#api, this.#http, call, payloadId);
    return new ReadableStream(
      {
        async pull(controller) {
          const { done, value } = await call.run(() => pieces.next());
          if (done) controller.close();
          else controller.enqueue(value);
        },
        async cancel() {
          await pieces.return(undefined);
        },
      },
      { highWaterMark: 0 },
    );
  }

  /** The payloads of this key's tenant, stored or failed, newest first. */
  callLogs(options: ListOptions = {}): AsyncGenerator<CallLog, void, void> {
    return listCallLogs(this.#api, () => this.#call(options), options);
  }

  /**
   * The records of a stored payload: the elements of the array that the deployment has set.
   * Numbers are JavaScript's, of some 16 digits; `recordTexts` keeps all.
   */
  async *records(
    payloadId: string,
    options: RecordsOptions = {},
  ): AsyncGenerator<unknown, void, void> {
    for await (const text of this.recordTexts(payloadId, options)) yield JSON.parse(text);
  }

  /** The same, each as the JSON text that was sent. */
  recordTexts(payloadId: string, options: RecordsOptions = {}): AsyncGenerator<string, void, void> {
    return listRecords(this.#api, () => this.#call(options), payloadId, options);
  }

  /**
   * Deletes a payload: its record and its document. Deleting it again throws `NotFoundError`,
   * unless an earlier attempt of the same call may have deleted it and its answer was lost.
   */
  async delete(payloadId: string, options: CallOptions = {}): Promise<void> {
    const call = this.#call(options);
    return call.run(() => deletePayload(this.#api, call, payloadId));
  }

  #call(options: CallOptions): Call {
    if (options.deadline !== undefined) checkedTime("deadline", options.deadline);
    return new Call(this.#pacing, this.#retries, options);
  }
}

function checkedTime(name: string, time: number): number {
  if (typeof time === "number" && time >= 0 && time <= LONGEST_TIME) return Math.ceil(time);
  throw new ConfigurationError(`${name} must be 0 to ${LONGEST_TIME} milliseconds, not ${time}`);
}

function checkedKey(key: string): string {
  if (/^[!-~]([ -~]{0,253}[!-~])?$/.test(key)) return key;
  throw new ConfigurationError(
    "an idempotency key has 1 to 255 printable ASCII characters and no space at its ends",
  );
}
