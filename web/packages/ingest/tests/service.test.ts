/** The client in Node.js against the functions' own code. */

import { afterAll, beforeAll, expect, it } from "vitest";
import { AuthenticationError, IngestClient, NotFoundError } from "../src/index.js";
import { Service } from "./service.js";
import { FakePacing, largeDocument } from "./setting.js";

let service: Service;
let client: IngestClient;

beforeAll(async () => {
  service = await Service.start("https://app.example");
  client = new IngestClient({ ...service, pacing: new FakePacing() });
});

afterAll(() => service.stop());

const SMALL = { call_id: "call-small", ok: true, transcript_with_metrics: [1, { n: 2 }, "three"] };
const LARGE = largeDocument();

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const item of items) list.push(item);
  return list;
}

it("sends a small document inline, and reads it back", async () => {
  const receipt = await client.send(SMALL);

  const log = await client.get(receipt.payloadId);
  expect(receipt).toMatchObject({ state: "stored", via: "inline", records: 3 });
  expect(log).toMatchObject({ callId: "call-small", source: "inline", summary: { ok: true } });
  expect(log.arrayLengths).toEqual({ transcript_with_metrics: 3 });
  expect(new TextDecoder().decode(log.document ?? undefined)).toBe(JSON.stringify(SMALL));
  expect(await all(client.records(receipt.payloadId))).toEqual([1, { n: 2 }, "three"]);
  const listed = await all(client.callLogs({ callId: "call-small" }));
  expect(listed.map(({ payloadId }) => payloadId)).toEqual([receipt.payloadId]);
});

it("sends a large document to S3 through lost answers, and reads it back", async () => {
  await service.fail({ what: "PUT /s3/", status: 503 });
  await service.fail({ what: "PUT /s3/", status: 0, after: true });
  await service.fail({ what: "POST /stage/send-call-log", status: 500 });

  const receipt = await client.send(LARGE);
  await service.fail({ what: "GET /s3/", status: 0, half: true });
  const document = await client.document(receipt.payloadId);

  expect(receipt).toMatchObject({ state: "stored", via: "s3" });
  expect(new TextDecoder().decode(document) === JSON.stringify(LARGE)).toBe(true);
  const texts = LARGE.transcript_with_metrics;
  expect(await all(client.records(receipt.payloadId, { first: 5_000, limit: 3 }))).toEqual(
    texts.slice(5_000, 5_003),
  );
});

it("waits for a document that is queued", async () => {
  const receipt = await client.send({ a: LARGE, b: LARGE.transcript_with_metrics.toReversed() });

  const log = await client.wait(receipt.payloadId);

  expect(receipt).toMatchObject({ state: "queued", via: "s3", records: null });
  expect(log).toMatchObject({ state: "stored", size: receipt.size, sha256: receipt.sha256 });
});

it("stores nothing twice for one idempotency key", async () => {
  const first = await client.send(SMALL, { idempotencyKey: "once" });
  const again = await client.send(SMALL, { idempotencyKey: "once" });

  expect(again.payloadId).toBe(first.payloadId);
});

it("deletes a payload", async () => {
  const { payloadId } = await client.send(SMALL);

  await client.delete(payloadId);

  await expect(client.get(payloadId)).rejects.toBeInstanceOf(NotFoundError);
});

it("says that the key is refused", async () => {
  const other = new IngestClient({ ...service, apiKey: "wl_aaaaaaaaaaaa_wrong" });

  await expect(other.send(SMALL)).rejects.toBeInstanceOf(AuthenticationError);
});
