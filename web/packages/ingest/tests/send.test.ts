/** Sending: what is sent where, retries, and what is refused before anything is sent. */

import { gunzipSync, gzipSync } from "node:zlib";
import { expect, it } from "vitest";
import {
  ConfigurationError,
  ConflictError,
  type Document,
  DocumentError,
  IngestClient,
  IntegrityError,
  PayloadRefusedError,
  RateLimitError,
  ServerError,
  TransportError,
  UploadError,
  WideloadError,
} from "../src/index.js";
import {
  API_KEY,
  API_URL,
  gzipLike,
  json,
  LARGE,
  largeDocument,
  lost,
  PAYLOAD,
  problem,
  S3_URL,
  Setting,
  STORED,
  s3Error,
  UPLOAD_URL,
} from "./setting.js";

const TEXT = '{"n":1}';
const BYTES = new TextEncoder().encode(TEXT);
const QUEUED = { payload_id: PAYLOAD, state: "queued", status_url: `/call-logs/${PAYLOAD}` };

async function* chunks(bytes: Uint8Array = BYTES): AsyncGenerator<Uint8Array> {
  yield bytes.subarray(0, 1);
  yield bytes.subarray(1);
}

const failed = (sending: Promise<unknown>) => sending.catch((error: unknown) => error as Error);
const text = (body: Uint8Array | undefined) => new TextDecoder().decode(body);

it.each<[string, () => Document]>([
  ["an object", () => ({ n: 1 })],
  ["JSON text", () => TEXT],
  ["bytes", () => BYTES],
  ["an ArrayBuffer", () => BYTES.buffer as ArrayBuffer],
  ["a Blob", () => new Blob([TEXT])],
  ["a stream", () => new Blob([TEXT]).stream()],
  ["an async iterable that begins with one byte", () => chunks()],
])("compresses %s, and sends it inline", async (_, document) => {
  const setting = new Setting(json(STORED));

  const receipt = await setting.client.send(document(), { callId: "c-1", idempotencyKey: "k-1" });

  const [made] = setting.made;
  expect(setting.lines).toEqual(["POST /send-call-log?call_id=c-1"]);
  expect(made?.headers).toEqual({
    Accept: "application/json",
    "Content-Type": "application/gzip",
    "Idempotency-Key": "k-1",
    "x-api-key": API_KEY,
  });
  expect(text(gunzipSync(made?.body ?? ""))).toBe(TEXT);
  expect(receipt).toEqual({
    payloadId: PAYLOAD,
    state: "stored",
    size: 7,
    sha256: STORED.sha256,
    records: 0,
    via: "inline",
    bytesSent: made?.body.length,
    uploadDuration: null,
    idempotencyKey: "k-1",
    createdAt: STORED.created_at,
  });
});

it.each<[string, (gzip: Uint8Array<ArrayBuffer>) => Document]>([
  ["bytes", (gzip) => gzip],
  ["a Blob", (gzip) => new Blob([gzip])],
  ["a stream", (gzip) => new Blob([gzip]).stream()],
  ["an async iterable that begins with one byte", (gzip) => chunks(gzip)],
])("sends %s of gzip as they are", async (_, document) => {
  const gzip = new Uint8Array(gzipSync(TEXT));
  const setting = new Setting(json({ ...STORED, size: 8 }));

  const receipt = await setting.client.send(document(gzip));

  expect(setting.made[0]?.body).toEqual(gzip);
  expect(receipt.size).toBe(8);
});

it("decides by compressed size", async () => {
  const setting = new Setting(json(QUEUED), new Response(), json(QUEUED));

  expect((await setting.client.send(gzipLike(LARGE.length - 1))).via).toBe("inline");
  const other = new Setting(json(UPLOAD_URL), new Response(), json(QUEUED));
  expect((await other.client.send(LARGE)).via).toBe("s3");
});

it("sends a large document to S3 with exactly the signed headers, and claims it", async () => {
  const setting = new Setting(json(UPLOAD_URL), new Response(), json(QUEUED, 202));
  const document = largeDocument();

  const receipt = await setting.client.send(document, { idempotencyKey: "k-2" });

  expect(setting.lines).toEqual(["POST /get-upload-url", "PUT S3", "POST /send-call-log"]);
  const [asked, put, claim] = setting.made;
  const gzip = put?.body ?? new Uint8Array();
  expect(JSON.parse(text(asked?.body))).toEqual({
    content_length: gzip.length,
    sha256: Buffer.from(await crypto.subtle.digest("SHA-256", gzip as BufferSource)).toString(
      "hex",
    ),
    content_type: "application/gzip",
    call_id: "call-large",
  });
  expect(asked?.headers["Idempotency-Key"]).toBe("k-2");
  expect(put?.url).toBe(S3_URL);
  expect(put?.headers).toEqual({
    "Content-Type": "application/gzip",
    "If-None-Match": "*",
    "x-amz-checksum-sha256": "c3Vt",
  });
  expect(JSON.parse(text(gunzipSync(gzip)))).toEqual(document);
  expect(JSON.parse(text(claim?.body))).toEqual({
    s3_key: "transit/acme/1",
    upload_duration_ms: 0,
  });
  expect(claim?.headers["Idempotency-Key"]).toBe("k-2");
  const size = JSON.stringify(document).length;
  expect(receipt).toMatchObject({ state: "queued", via: "s3", size, bytesSent: gzip.length });
});

it.each([429, 500, 502, 503, 504])("tries again after %i, with the same key", async (status) => {
  const setting = new Setting(problem(status, "unavailable"), json(STORED));

  await setting.client.send({ n: 1 });

  const keys = setting.made.map(({ headers }) => headers["Idempotency-Key"]);
  expect(keys).toHaveLength(2);
  expect(keys[0]).toBe(keys[1]);
  expect(setting.pacing.slept).toEqual([500]);
});

it("tries again when no answer came, and after a claim that was too early", async () => {
  const inline = new Setting(lost(), lost(), json(STORED));
  const early = [json(UPLOAD_URL), new Response(), problem(409, "not_uploaded"), json(QUEUED)];
  const large = new Setting(...early);

  await inline.client.send({ n: 1 });
  await large.client.send(LARGE);

  expect(inline.pacing.slept).toEqual([500, 1000]);
  expect(large.lines.slice(2)).toEqual(["POST /send-call-log", "POST /send-call-log"]);
});

it("gives up after five retries, and says how often it tried", async () => {
  const silent = new Setting(lost());
  const busy = new Setting(problem(429, "unavailable"));
  const broken = new Setting(problem(500, "internal"));

  const error = await failed(silent.client.send({ n: 1 }));
  expect(error).toBeInstanceOf(TransportError);
  expect(String(error)).toContain(
    "no answer to POST https://api.example/stage/send-call-log: ECONNRESET (gave up after 6 requests in 15.5 s)",
  );
  expect(await failed(busy.client.send({ n: 1 }))).toBeInstanceOf(RateLimitError);
  expect(await failed(broken.client.send({ n: 1 }))).toBeInstanceOf(ServerError);
  expect(silent.pacing.slept).toEqual([500, 1000, 2000, 4000, 8000]);
});

it("waits as long as the API asks, but not for over a minute", async () => {
  const soon = new Setting(problem(503, "unavailable", { "Retry-After": "7" }), json(STORED));
  const late = new Setting(problem(503, "unavailable", { "Retry-After": "61" }), json(STORED));

  await soon.client.send({ n: 1 });
  const error = await failed(late.client.send({ n: 1 }));

  expect(soon.pacing.slept).toEqual([7000]);
  expect(error).toMatchObject({ status: 503, retryAfter: 61 });
  expect(late.made).toHaveLength(1);
});

it.each([
  [403, "AccessDenied"],
  [400, "ExpiredToken"],
])("asks for a new URL after %i %s of S3", async (status, code) => {
  const next = { ...UPLOAD_URL, upload_url: `${S3_URL}2` };
  const setting = new Setting(
    json(UPLOAD_URL),
    s3Error(status, code),
    json(next),
    new Response(),
    json(QUEUED),
  );

  await setting.client.send(LARGE);

  expect(setting.made[3]?.url).toBe(`${S3_URL}2`);
  expect(setting.pacing.slept).toEqual([]);
});

it("gives up after a third URL is refused, and shows no signature", async () => {
  const refused = s3Error(403, "AccessDenied");
  const again = [json(UPLOAD_URL), refused];
  const setting = new Setting(...again, ...again, ...again);

  const error = await failed(setting.client.send(LARGE));

  expect(error).toBeInstanceOf(UploadError);
  expect(error).toMatchObject({ code: "AccessDenied", requestId: "S3REQ", payloadId: PAYLOAD });
  expect(String(error)).not.toContain("5f0c0ffee");
  expect(setting.lines.filter((line) => line === "PUT S3")).toHaveLength(3);
});

it("asks for a new URL when the last one is too old to begin with", async () => {
  const short = { ...UPLOAD_URL, expires_in: 0.4 };
  const setting = new Setting(
    json(short),
    s3Error(503, "SlowDown"),
    json(UPLOAD_URL),
    new Response(),
    json(QUEUED),
  );

  await setting.client.send(LARGE);

  expect(setting.lines).toEqual([
    "POST /get-upload-url",
    "PUT S3",
    "POST /get-upload-url",
    "PUT S3",
    "POST /send-call-log",
  ]);
});

it("takes 412 for success: an attempt whose answer was lost has stored the bytes", async () => {
  const setting = new Setting(
    json(UPLOAD_URL),
    lost(),
    json(UPLOAD_URL),
    s3Error(412, "PreconditionFailed"),
    json(QUEUED),
  );

  expect((await setting.client.send(LARGE)).state).toBe("queued");
});

it("claims what S3 may hold, if all its answers were lost", async () => {
  const puts = [json(UPLOAD_URL), lost(), json(UPLOAD_URL), lost(), lost(), lost(), lost(), lost()];
  const held = new Setting(...puts, json(QUEUED));
  const missing = new Setting(...puts, problem(409, "not_uploaded"));

  expect(await held.client.send(LARGE)).toMatchObject({ uploadDuration: null });
  const error = await failed(missing.client.send(LARGE));
  expect(error).toBeInstanceOf(TransportError);
  expect((error as WideloadError).payloadId).toBe(PAYLOAD);
});

it("tells that processing failed, or that other bytes were recorded", async () => {
  const error = { code: "invalid_json", detail: "Not JSON." };
  const refused = new Setting(json({ payload_id: PAYLOAD, state: "failed", error }));
  const other = new Setting(json({ ...STORED, size: 8 }));

  const refusal = await failed(refused.client.send({ n: 1 }));
  expect(refusal).toBeInstanceOf(PayloadRefusedError);
  expect(refusal).toMatchObject({ code: "invalid_json", payloadId: PAYLOAD });
  expect(await failed(other.client.send({ n: 1 }))).toBeInstanceOf(IntegrityError);
});

it("throws a conflict that doesn't pass", async () => {
  const setting = new Setting(problem(409, "in_progress"));

  expect(await failed(setting.client.send({ n: 1 }))).toBeInstanceOf(ConflictError);
  expect(setting.made).toHaveLength(6);
});

it.each<[string, unknown]>([
  ["is empty", ""],
  ['begins with "["', "[1]"],
  ['begins with "h"', "hello"],
  ["a UTF-8 byte order mark", new Uint8Array([0xef, 0xbb, 0xbf, 0x7b])],
  ["UTF-16", new Uint8Array([0x7b, 0, 0x22, 0])],
  ["not an array", [1]],
  ["not null", null],
  ["not number", 7],
  ["BigInt", { n: 7n }],
])("refuses a document before anything is sent: %s", async (says, document) => {
  const setting = new Setting();

  const error = await failed(setting.client.send(document as Document));

  expect(error).toBeInstanceOf(DocumentError);
  expect(String(error)).toContain(says);
  expect(setting.made).toEqual([]);
});

it("says what a stream gave that isn't bytes, and closes it", async () => {
  let closed = false;
  async function* words() {
    try {
      yield "{}";
    } finally {
      closed = true;
    }
  }

  const error = await failed(new Setting().client.send(words() as never));

  expect(String(error)).toContain("a stream of bytes gave string");
  expect(closed).toBe(true);
});

it("cancels a stream that it reads no further", async () => {
  let cancelled = false;
  const stream = new ReadableStream<Uint8Array>({
    pull: (controller) => controller.enqueue(new TextEncoder().encode("[1, ")),
    cancel: () => {
      cancelled = true;
    },
  });

  const error = await failed(new Setting().client.send(stream));

  expect(error).toBeInstanceOf(DocumentError);
  expect(cancelled).toBe(true);
});

it("throws what reading the document throws", async () => {
  async function* broken(): AsyncGenerator<Uint8Array> {
    yield BYTES;
    throw new RangeError("the disk is gone");
  }

  const error = await failed(new Setting().client.send(broken()));

  expect(error).toBeInstanceOf(RangeError);
});

it.each([
  [{ apiUrl: "api.example" }, "apiUrl must be the API's URL"],
  [{ apiUrl: "http://api.example" }, "must be https://"],
  [{ apiUrl: "https://user:word@api.example" }, "user name or password"],
  [{ apiUrl: "https://api.example/?a" }, "no query or fragment"],
  [{ apiKey: "" }, "apiKey must be an API key"],
  [{ apiKey: "wl_ü" }, "apiKey must be an API key"],
  [{ timeout: Number.NaN }, "timeout must be 0 to 1000000000 milliseconds, not NaN"],
  [{ apiKeyHeader: "x api" }, "apiKeyHeader is no header's name"],
])("refuses wrong options: %j", (wrong, says) => {
  const make = () => new IngestClient({ apiUrl: API_URL, apiKey: API_KEY, ...wrong });

  expect(make).toThrow(ConfigurationError);
  expect(make).toThrow(says);
});

it("refuses a wrong call id and idempotency key", async () => {
  const { client } = new Setting();

  expect(String(await failed(client.send({}, { callId: "" })))).toContain("1 to 256 characters");
  expect(String(await failed(client.send({}, { idempotencyKey: " k" })))).toContain(
    "idempotency key",
  );
});

it("sends the key to no other host: a redirect is an error", async () => {
  const where = { Location: "https://other.example/login?token=1" };
  const setting = new Setting(new Response(null, { status: 302, headers: where }));

  const error = await failed(setting.client.send({ n: 1 }));

  expect(String(error)).toContain("redirected to https://other.example/login:");
  expect(setting.made).toHaveLength(1);
});

it("refuses an answer that isn't the API's, and a URL without TLS", async () => {
  const page = new Setting(new Response("<html>"));
  const plain = new Setting(json({ ...UPLOAD_URL, upload_url: "http://bucket.example/1" }));

  expect(String(await failed(page.client.send({ n: 1 })))).toContain(
    "the answer isn't what this API gives",
  );
  expect(await failed(plain.client.send(LARGE))).toBeInstanceOf(WideloadError);
  expect(plain.made).toHaveLength(1);
});
