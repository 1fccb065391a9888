/** Reading back: records of payloads, documents, lists. */

import { createHash } from "node:crypto";
import { gzipSync } from "node:zlib";
import { expect, it } from "vitest";
import {
  ConfigurationError,
  IntegrityError,
  NotFoundError,
  PayloadRefusedError,
  RecordTooLargeError,
  WaitTimeoutError,
} from "../src/index.js";
import { json, lost, PAYLOAD, problem, Setting, s3Error } from "./setting.js";

const URL_1 = "https://bucket.s3.example/archive/1?X-Amz-Signature=5f0c0ffee";
async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const item of items) list.push(item);
  return list;
}

const failed = (call: Promise<unknown>) => call.catch((error: unknown) => error as Error);
const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");

const LOG = {
  payload_id: PAYLOAD,
  state: "stored",
  source: "s3",
  created_at: "2026-11-22T09:00:00.000Z",
};

/** The answer about a payload, with its document's text as it stands. */
function withDocument(document: string): Response {
  const known = {
    ...LOG,
    size: Buffer.byteLength(document),
    sha256: sha256(Buffer.from(document)),
  };
  const head = JSON.stringify({ ...known, summary: "SUMMARY" });
  const summary = '{"id":12345678901234567890, "rate": 1.10}';
  const text = head.replace('"SUMMARY"', summary).replace(/}$/, `,"document":${document}}`);
  return new Response(text);
}

/** A document whose gzip has three members, as archives have, and the answer that leads to it. */
const PLAIN = Buffer.from(`{"a":"${"x".repeat(100_000)}"}`);
const GZIP = Buffer.concat([
  gzipSync(PLAIN.subarray(0, 40_000)),
  gzipSync(PLAIN.subarray(40_000, 40_001)),
  gzipSync(PLAIN.subarray(40_001)),
]);
const ARCHIVED = {
  ...LOG,
  size: PLAIN.length,
  sha256: sha256(PLAIN),
  document_url: URL_1,
  document_encoding: "gzip",
};

/** S3's answer to a GET of the archive: from `from`, broken off after `length` bytes. */
function archived(from = 0, length = GZIP.length): Response {
  const part = GZIP.subarray(from, from + length);
  let sent = false;
  const body = new ReadableStream({
    pull(controller) {
      if (!sent) controller.enqueue(new Uint8Array(part));
      else if (from + length < GZIP.length) controller.error(lost());
      else controller.close();
      sent = true;
    },
  });
  return new Response(body, { status: from ? 206 : 200 });
}

it("gives a record with its document byte for byte, and numbers with all digits", async () => {
  const document = ' { "id" : 12345678901234567890, "t": "a,}\\"{" } ';
  const { client } = new Setting(withDocument(document));

  const log = await client.get(PAYLOAD);

  expect(new TextDecoder().decode(log.document ?? undefined)).toBe(document);
  expect(log.summaryTexts).toEqual({ id: "12345678901234567890", rate: "1.10" });
  expect(log).toMatchObject({ state: "stored", source: "s3", documentUrl: null, callId: null });
});

it("notices a document that isn't the recorded one", async () => {
  const text = (await withDocument('{"a":1}').text()).replace('{"a":1}', '{"a":2}');
  const { client } = new Setting(new Response(text));

  expect(await failed(client.get(PAYLOAD))).toBeInstanceOf(IntegrityError);
});

it.each([
  "[]",
  "{",
  '{"payload_id"',
  '{"payload_id":1,"state":"stored"}',
  '{"payload_id":"a","state":"stored"}}',
  '{"payload_id":"a" "state":"stored"}',
  JSON.stringify({ ...ARCHIVED, document_url: "http://bucket.example/1" }),
])("refuses an answer that isn't the API's: %s", async (text) => {
  const setting = new Setting(new Response(text));

  const error = await failed(setting.client.get(PAYLOAD));

  expect(String(error)).toContain("the answer isn't what this API gives");
  expect(setting.made).toHaveLength(1);
});

it("unpacks every member of an archive", async () => {
  const setting = new Setting(json(ARCHIVED), () => archived());

  expect(Buffer.from(await setting.client.document(PAYLOAD))).toEqual(PLAIN);
  expect(setting.made[1]).toMatchObject({ method: "GET", url: URL_1, headers: {} });
});

it("gives a document as a stream", async () => {
  const setting = new Setting(json(ARCHIVED), () => archived());

  const pieces: Uint8Array[] = [];
  for await (const piece of setting.client.documentStream(PAYLOAD)) pieces.push(piece);

  expect(Buffer.concat(pieces)).toEqual(PLAIN);
});

it("gives a small document as a stream, too, from the record", async () => {
  const setting = new Setting(withDocument('{"a":1}'));

  const text = await new Response(setting.client.documentStream(PAYLOAD)).text();

  expect(text).toBe('{"a":1}');
  expect(setting.made).toHaveLength(1);
});

it("reads nothing more once a stream is cancelled", async () => {
  let cancelled = false;
  const endless = new ReadableStream({
    pull: (controller) => controller.enqueue(new Uint8Array(GZIP.subarray(0, 10))),
    cancel: () => {
      cancelled = true;
    },
  });
  const { client } = new Setting(json({ ...ARCHIVED, document_encoding: undefined }), () => {
    return new Response(endless);
  });
  const reader = client.documentStream(PAYLOAD).getReader();

  await reader.read();
  await reader.cancel();

  expect(cancelled).toBe(true);
});

it("goes on at the byte where the connection broke", async () => {
  const setting = new Setting(
    json(ARCHIVED),
    () => archived(0, 100),
    () => archived(100, 50),
    () => archived(150),
  );

  expect(Buffer.from(await setting.client.document(PAYLOAD))).toEqual(PLAIN);
  expect(setting.made.slice(2).map(({ headers }) => headers)).toEqual([
    { Range: "bytes=100-" },
    { Range: "bytes=150-" },
  ]);
});

it("asks for a new URL when S3 refuses the first", async () => {
  const next = { ...ARCHIVED, document_url: `${URL_1}2` };
  const refused = s3Error(403, "AccessDenied");
  const setting = new Setting(json(ARCHIVED), refused, json(next), () => archived());

  expect(Buffer.from(await setting.client.document(PAYLOAD))).toEqual(PLAIN);
  expect(setting.made[3]?.url).toBe(`${URL_1}2`);
});

it.each([
  ["is cut short", GZIP.subarray(0, GZIP.length - 20)],
  ["is no gzip", Buffer.from("hello")],
  ["is another document", gzipSync('{"a":1}')],
])("notices that what S3 holds %s", async (_, held) => {
  const { client } = new Setting(json(ARCHIVED), new Response(new Uint8Array(held)));

  const error = await failed(client.document(PAYLOAD));

  expect(error).toBeInstanceOf(IntegrityError);
  expect((error as IntegrityError).payloadId).toBe(PAYLOAD);
});

it("reads no more of what S3 gives than the document may have", async () => {
  let pieces = 0;
  const body = new ReadableStream({
    pull(controller) {
      pieces += 1;
      if (pieces > 100) controller.close();
      else controller.enqueue(new Uint8Array(60_000));
    },
  });
  const { client } = new Setting(
    json({ ...ARCHIVED, document_encoding: undefined }),
    () => new Response(body),
  );

  expect(await failed(client.document(PAYLOAD))).toBeInstanceOf(IntegrityError);
  expect(pieces).toBeLessThan(10);
});

it("says why there is no document", async () => {
  const error = { code: "invalid_json", detail: "Not JSON." };
  const bad = new Setting(json({ ...LOG, state: "failed", error }));
  const unused = new Setting(json({ ...LOG, state: "expired" }));
  const early = new Setting(json({ ...LOG, state: "processing" }));

  expect(await failed(bad.client.document(PAYLOAD))).toMatchObject({ code: "invalid_json" });
  expect(await failed(unused.client.document(PAYLOAD))).toMatchObject({ code: "expired" });
  expect(await failed(early.client.document(PAYLOAD))).toBeInstanceOf(NotFoundError);
});

it("waits until a payload is stored", async () => {
  const processing = json({ ...LOG, state: "processing" });
  const setting = new Setting(processing, processing, processing, json(LOG));

  expect((await setting.client.wait(PAYLOAD)).state).toBe("stored");
  expect(setting.pacing.slept).toEqual([500, 750, 1125]);
});

it("looks with all retries each time it waits", async () => {
  const busy = Array.from({ length: 4 }, () => problem(503, "unavailable"));
  const setting = new Setting(...busy, json({ ...LOG, state: "queued" }), ...busy, json(LOG));

  expect((await setting.client.wait(PAYLOAD)).state).toBe("stored");
  expect(setting.made).toHaveLength(10);
});

it("waits no longer than it may, and not for what has failed", async () => {
  const slow = new Setting(json({ ...LOG, state: "queued" }));
  const bad = new Setting(json({ ...LOG, state: "failed", error: { code: "invalid_json" } }));

  const late = await failed(slow.client.wait(PAYLOAD, { timeout: 2_000 }));
  expect(late).toBeInstanceOf(WaitTimeoutError);
  expect(late).toMatchObject({ state: "queued", payloadId: PAYLOAD });
  expect(slow.pacing.slept).toEqual([500, 750, 750]);
  expect(await failed(bad.client.wait(PAYLOAD))).toBeInstanceOf(PayloadRefusedError);
});

it("lists payloads page by page, when they are needed", async () => {
  const setting = new Setting(
    json({ items: [LOG, LOG], cursor: "two" }),
    json({ items: [], cursor: "three" }),
    json({ items: [LOG], cursor: null }),
  );
  const list = setting.client.callLogs({
    callId: "c",
    after: new Date("2026-11-22T10:30:00+01:00"),
    before: "2026-11-24",
  });

  expect(setting.made).toEqual([]);
  await list.next();
  expect(setting.made).toHaveLength(1);
  const rest = await all(list);

  expect(rest.map(({ payloadId }) => payloadId)).toEqual([PAYLOAD, PAYLOAD]);
  const query = "call_id=c&after=2026-11-22T09%3A30%3A00.000Z&before=2026-11-24T00%3A00%3A00.000Z";
  expect(setting.lines).toEqual([
    `GET /call-logs?${query}&limit=100`,
    `GET /call-logs?${query}&cursor=two&limit=100`,
    `GET /call-logs?${query}&cursor=three&limit=100`,
  ]);
});

it("lists no more than the limit", async () => {
  const setting = new Setting(json({ items: [LOG, LOG], cursor: "two" }));

  expect(await all(setting.client.callLogs({ limit: 2 }))).toHaveLength(2);
  expect(setting.lines).toEqual(["GET /call-logs?limit=2"]);
});

it.each([
  { items: [LOG], cursor: "" },
  { items: [LOG] },
  { items: 1, cursor: null },
  { cursor: null },
])("refuses a page that isn't one: %j", async (page) => {
  const { client } = new Setting(json(page));

  expect(String(await failed(client.callLogs().next()))).toContain("isn't what this API gives");
});

it("refuses a page whose cursor leads back to it", async () => {
  const setting = new Setting(json({ items: [LOG], cursor: "c" }));

  expect(String(await failed(all(setting.client.callLogs())))).toContain(
    "isn't what this API gives",
  );
  expect(setting.made).toHaveLength(2);
});

it("gives records, parsed or as texts", async () => {
  const page = '{"items":[{"n": 1.10}, 12345678901234567890, "a,]"], "cursor": "next"}';
  const replies = () => [new Response(page), json({ items: [], cursor: null })];
  const parsed = new Setting(...replies());
  const texts = new Setting(...replies());

  expect(await all(parsed.client.records(PAYLOAD, { first: 3, limit: 9 }))).toEqual([
    { n: 1.1 },
    12345678901234567000,
    "a,]",
  ]);
  expect(await all(texts.client.recordTexts(PAYLOAD))).toEqual([
    '{"n": 1.10}',
    "12345678901234567890",
    '"a,]"',
  ]);
  expect(parsed.lines).toEqual([
    `GET /call-logs/${PAYLOAD}/records?first=3&limit=9`,
    `GET /call-logs/${PAYLOAD}/records?cursor=next&limit=6`,
  ]);
});

it("names the record that is too large", async () => {
  const setting = new Setting(
    json({ items: [1, 2], cursor: "c" }),
    problem(413, "record_too_large"),
  );

  const error = await failed(all(setting.client.records(PAYLOAD)));

  expect(error).toBeInstanceOf(RecordTooLargeError);
  expect(String(error)).toContain(`record 2 of payload ${PAYLOAD}`);
});

it("deletes a payload; 404 is success only after an attempt that may have deleted it", async () => {
  const gone = problem(404, "unknown_payload");
  const done = new Setting(new Response(null, { status: 204 }));
  const repeated = new Setting(lost(), gone);
  const unknown = new Setting(gone);

  await done.client.delete(PAYLOAD);
  await repeated.client.delete(PAYLOAD);

  expect(done.lines).toEqual([`DELETE /call-logs/${PAYLOAD}`]);
  expect(await failed(unknown.client.delete(PAYLOAD))).toBeInstanceOf(NotFoundError);
});

it.each(["", "a/b", "../send-call-log", "a?b"])("refuses a wrong id: %j", async (id) => {
  const { client } = new Setting();

  for (const call of [client.get(id), client.delete(id), client.records(id).next()])
    expect(await failed(call)).toBeInstanceOf(ConfigurationError);
});

it.each([{ limit: -1 }, { limit: 1.5 }, { after: "yesterday" }, { callId: "" }])(
  "refuses wrong options of a list: %j",
  (options) => {
    expect(() => new Setting().client.callLogs(options)).toThrow(ConfigurationError);
  },
);
