/** Sends a prepared document: inline through the API, or to S3 with a claim afterwards. */

import type { Api } from "./api.js";
import type { components } from "./contract.js";
import type { Prepared } from "./document.js";
import { IntegrityError, PayloadRefusedError, TransportError } from "./errors.js";
import type { Http } from "./http.js";
import { PresignedCall, type PresignedRequest } from "./presigned.js";
import { processingFailed } from "./problem.js";
import { Call } from "./retry.js";
import type { PayloadState, Receipt } from "./types.js";

/**
 * Compressed bytes from which a document is sent to S3. API Gateway passes a body to Lambda in
 * base64, in which 4 MiB are 5.4 MiB; that leaves room for headers in an event's 6,291,456 bytes.
 * https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
 */
export const INLINE_LIMIT = 4 * 1024 * 1024;

const GZIP = "application/gzip";

type Schemas = components["schemas"];
/** The members of `Stored` and of `Queued`, and the error of a payload that failed. */
type Accepted = Pick<Schemas["Stored"], "payload_id"> &
  Partial<Omit<Schemas["Stored"], "payload_id" | "state">> &
  Pick<Schemas["CallLog"], "error"> & { readonly state: PayloadState };

interface UploadUrl {
  readonly payloadId: string;
  readonly s3Key: string;
  readonly request: PresignedRequest;
}

/** One call of `IngestClient.send`. */
export class Sending {
  readonly #api: Api;
  readonly #http: Http;
  readonly #call: Call;
  readonly #key: string;

  constructor(api: Api, http: Http, call: Call, idempotencyKey: string) {
    this.#api = api;
    this.#http = http;
    this.#call = call;
    this.#key = idempotencyKey;
  }

  /** Sends the document inline or to S3, by its compressed size. */
  async send(prepared: Prepared, callId: string | undefined): Promise<Receipt> {
    if (prepared.gzip.size >= INLINE_LIMIT) return this.#sendToS3(prepared, callId);
    const query = callId === undefined ? undefined : { call_id: callId };
    const answer = await this.#post(this.#call, GZIP, prepared.gzip, query);
    return this.#receipt(answer, prepared, "inline", null);
  }

  async #sendToS3(prepared: Prepared, callId: string | undefined): Promise<Receipt> {
    const wanted: Record<string, unknown> = {
      content_length: prepared.gzip.size,
      sha256: prepared.sha256,
      content_type: GZIP,
    };
    const recorded = callId ?? prepared.callId;
    if (recorded !== null) wanted["call_id"] = recorded;
    const target = await this.#uploadUrl(wanted);
    this.#call.payloadId = target.payloadId;
    const upload = new PresignedCall(this.#http, this.#call, target.request, async () => {
      return (await this.#uploadUrl(wanted)).request;
    });
    let took: number;
    try {
      took = Math.round(await this.#call.repeat(() => upload.put(prepared.gzip)));
    } catch (error) {
      if (!(error instanceof TransportError)) throw error;
      return this.#claimUnknown(prepared, target, error);
    }
    return this.#claim(this.#call, prepared, target, took);
  }

  async #claim(
    call: Call,
    prepared: Prepared,
    target: UploadUrl,
    took: number | null,
  ): Promise<Receipt> {
    const claim: Schemas["Claim"] = {
      s3_key: target.s3Key,
      ...(took === null ? {} : { upload_duration_ms: took }),
    };
    const body = new Blob([JSON.stringify(claim)]);
    const answer = await this.#post(call, "application/json", body);
    return this.#receipt(answer, prepared, "s3", took);
  }

  /** Claims an object of which only S3's answer may have been lost; else throws `lost`. */
  async #claimUnknown(
    prepared: Prepared,
    target: UploadUrl,
    lost: TransportError,
  ): Promise<Receipt> {
    const once = new Call(this.#call.pacing, 0, { signal: this.#call.signal });
    try {
      return await this.#claim(once, prepared, target, null);
    } catch (error) {
      this.#call.signal.throwIfAborted();
      if (error instanceof PayloadRefusedError || error instanceof IntegrityError) throw error;
      throw lost;
    }
  }

  #post(
    call: Call,
    contentType: string,
    body: Blob,
    query?: Readonly<Record<string, string>>,
  ): Promise<Accepted> {
    const headers = { "Content-Type": contentType, "Idempotency-Key": this.#key };
    const request = { method: "POST", path: "/send-call-log", query, headers, body } as const;
    return this.#api.read(call, request, (text) => {
      const answer = JSON.parse(text) as Accepted;
      if (typeof answer.payload_id !== "string" || typeof answer.state !== "string")
        throw new TypeError("payload_id and state must be strings");
      return answer;
    });
  }

  #uploadUrl(wanted: Readonly<Record<string, unknown>>): Promise<UploadUrl> {
    const { pacing } = this.#call;
    const request = {
      method: "POST",
      path: "/get-upload-url",
      headers: { "Content-Type": "application/json", "Idempotency-Key": this.#key },
      body: new Blob([JSON.stringify(wanted)]),
    } as const;
    return this.#api.read(this.#call, request, (text) =>
      readUploadUrl(JSON.parse(text) as Schemas["UploadUrl"], this.#api, pacing.now()),
    );
  }

  #receipt(
    answer: Accepted,
    prepared: Prepared,
    via: "inline" | "s3",
    took: number | null,
  ): Receipt {
    this.#call.payloadId = answer.payload_id;
    if (answer.state === "failed")
      throw processingFailed(
        answer.payload_id,
        answer.error?.code ?? null,
        answer.error?.detail ?? null,
      );
    const receipt: Receipt = {
      payloadId: answer.payload_id,
      state: answer.state,
      size: answer.size ?? prepared.json?.size ?? null,
      sha256: answer.sha256 ?? prepared.json?.sha256 ?? null,
      records: answer.records ?? null,
      via,
      bytesSent: prepared.gzip.size,
      uploadDuration: took,
      idempotencyKey: this.#key,
      createdAt: answer.created_at ?? null,
    };
    checkRecorded(prepared, receipt);
    return receipt;
  }
}

/** Compares what the API recorded with the document. */
function checkRecorded({ json }: Prepared, recorded: Receipt): void {
  if (json === null || (recorded.size === json.size && recorded.sha256 === json.sha256)) return;
  throw new IntegrityError(
    `the API recorded ${recorded.size} bytes with SHA-256 ${recorded.sha256} as ` +
      `${recorded.payloadId}, sent were ${json.size} bytes with SHA-256 ${json.sha256}`,
  );
}

/** Reads an answer of `/get-upload-url`. Throws if it isn't one. */
function readUploadUrl(answer: Schemas["UploadUrl"], api: Api, now: number): UploadUrl {
  const life = answer.expires_in * 1000;
  const texts = [answer.payload_id, answer.s3_key, answer.method, ...Object.values(answer.headers)];
  if (!texts.every((text) => typeof text === "string") || !Number.isFinite(life))
    throw new TypeError("a member is missing");
  return {
    payloadId: answer.payload_id,
    s3Key: answer.s3_key,
    request: {
      method: answer.method,
      url: api.checkedUrl(answer.upload_url),
      headers: answer.headers,
      // S3 checks the expiry when the request arrives, so some of the time is left for that.
      deadline: now + life - Math.min(30_000, life / 10),
    },
  };
}
