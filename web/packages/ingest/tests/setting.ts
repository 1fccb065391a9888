/** A client whose `fetch` gives answers that the test has written down, and which never waits. */

import { IngestClient, type Pacing } from "../src/index.js";

export const API_URL = "https://api.example/stage";
export const API_KEY = "wl_abcdefghijkl_secret-of-the-key";
export const PAYLOAD = "01KAPB4W000000000000000001";
export const S3_URL = "https://bucket.s3.example/transit/acme/1?X-Amz-Signature=5f0c0ffee";

/** Time that passes only by sleeping. */
export class FakePacing implements Pacing {
  time = 1_000;
  readonly slept: number[] = [];

  now(): number {
    return this.time;
  }

  random(): number {
    return 1;
  }

  async sleep(milliseconds: number, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    this.slept.push(milliseconds);
    this.time += milliseconds;
  }
}

export interface Made {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

type Reply = (made: Made, signal: AbortSignal) => Response | Promise<Response>;

/** The requests of a client, each answered by the next reply, and the last of them repeatedly. */
export class Setting {
  readonly made: Made[] = [];
  readonly pacing = new FakePacing();
  readonly client: IngestClient;
  readonly #replies: (Reply | Response | Error)[];

  constructor(...replies: (Reply | Response | Error)[]) {
    this.#replies = replies;
    this.client = new IngestClient({
      apiUrl: API_URL,
      apiKey: API_KEY,
      fetch: (input, init) => this.#answer(String(input), init ?? {}),
      pacing: this.pacing,
    });
  }

  /** Method and path of each request. */
  get lines(): string[] {
    return this.made.map(({ method, url }) => {
      const { pathname, search, origin } = new URL(url);
      return `${method} ${origin === new URL(API_URL).origin ? pathname.replace("/stage", "") + search : "S3"}`;
    });
  }

  async #answer(url: string, init: RequestInit): Promise<Response> {
    const body = new Uint8Array(await new Response(init.body ?? null).arrayBuffer());
    const headers = Object.fromEntries(init.headers as [string, string][]);
    const made = { method: init.method ?? "GET", url, headers, body };
    this.made.push(made);
    const reply = this.#replies.length > 1 ? this.#replies.shift() : this.#replies[0];
    if (reply instanceof Error) throw reply;
    if (reply instanceof Response) return reply.clone();
    if (reply === undefined) throw new Error("no reply is written down");
    return reply(made, init.signal as AbortSignal);
  }
}

export function json(body: object, status = 200, headers: Record<string, string> = {}): Response {
  return new Response(JSON.stringify(body), { status, headers });
}

export function problem(
  status: number,
  code: string,
  headers: Record<string, string> = {},
): Response {
  const detail = `what ${code} means`;
  return json({ status, code, detail, request_id: "req-1" }, status, headers);
}

export function s3Error(status: number, code: string): Response {
  const xml = `<Error><Code>${code}</Code><Message>About ${code}, see ?X-Amz-Signature=5f0c0ffee</Message></Error>`;
  return new Response(xml, { status, headers: { "x-amz-request-id": "S3REQ" } });
}

export const lost = () => new TypeError("fetch failed", { cause: new Error("ECONNRESET") });

/** What the API answers to a document of 7 bytes, `{"n":1}`. */
export const STORED = {
  payload_id: PAYLOAD,
  state: "stored",
  size: 7,
  sha256: "2bfd14f43d17fc7cea24e0917a8879b4b2f880b8baeec1b9d90fbaad655e71bd",
  records: 0,
  created_at: "2026-11-22T09:00:00.000Z",
};

export const UPLOAD_URL = {
  payload_id: PAYLOAD,
  method: "PUT",
  upload_url: S3_URL,
  headers: {
    "Content-Type": "application/gzip",
    "If-None-Match": "*",
    "x-amz-checksum-sha256": "c3Vt",
    "Content-Length": "7",
  },
  s3_key: "transit/acme/1",
  s3_bucket: "bucket",
  expires_in: 900,
  expires_at: "2026-11-22T09:15:00Z",
};

/** Bytes that can't be compressed. */
export function noise(size: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(size);
  let state = 7;
  for (let at = 0; at < size; at += 1) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    bytes[at] = state >>> 24;
  }
  return bytes;
}

/** So many bytes that begin as gzip does. */
export function gzipLike(size: number): Uint8Array<ArrayBuffer> {
  const bytes = noise(size);
  bytes.set([0x1f, 0x8b]);
  return bytes;
}

/** What is large enough to be sent to S3. */
export const LARGE = gzipLike(4 * 1024 * 1024);

/** A document of over 4 MiB even compressed. */
export function largeDocument(): { call_id: string; transcript_with_metrics: string[] } {
  const text = Buffer.from(noise(4_600_000)).toString("base64");
  return { call_id: "call-large", transcript_with_metrics: text.match(/.{1,1000}/g) ?? [] };
}
