/** The cases of `contract/cases/ingest.json`: the client reads these answers. */

import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { expect, it } from "vitest";
import { ApiError, ConflictError, NotFoundError, PayloadRefusedError } from "../src/index.js";
import { json, LARGE, PAYLOAD, problem, Setting } from "./setting.js";

type Body = Record<string, unknown>;

interface Case {
  readonly name: string;
  readonly request: {
    readonly method: string;
    readonly path: string;
    readonly text?: string;
    readonly base64?: string;
  };
  readonly response: { readonly status: number; readonly body: Body };
}

const { cases } = JSON.parse(
  readFileSync(new URL("../../../../contract/cases/ingest.json", import.meta.url), "utf8"),
) as { cases: Case[] };

const ANY: Body = {
  headers: { "Content-Type": "application/json" },
  upload_url: "https://s3.example/key?a",
  expires_in: 900,
};

function casesOf(path: string, ok: boolean): Case[] {
  return cases.filter(
    ({ request, response }) => request.path.startsWith(path) && response.status < 300 === ok,
  );
}

/** The case's answer, with something in place of "<any>". */
function answerOf({ response }: Case): Body {
  return Object.fromEntries(
    Object.entries(response.body).map(([name, value]) => [
      name,
      value === "<any>" ? (ANY[name] ?? `any-${name}`) : value,
    ]),
  );
}

function documentOf({ request }: Case): Uint8Array {
  let sent: Uint8Array = Buffer.from(request.base64 ?? "", "base64");
  if (sent.length === 0) sent = Buffer.from(request.text ?? "");
  if (sent[0] === 0x1f) sent = gunzipSync(sent);
  const members = JSON.parse(new TextDecoder().decode(sent)) as Body;
  return "data" in members ? gunzipSync(Buffer.from(String(members["data"]), "base64")) : sent;
}

const wanted = (body: Body) => ({
  status: body["status"],
  code: body["code"],
  detail: body["detail"],
  requestId: body["request_id"],
});

it.each(casesOf("/send-call-log", true))("reads a receipt: $name", async (one) => {
  const answer = answerOf(one);
  const { client } = new Setting(json(answer));

  const receipt = await client.send(documentOf(one)); // checks size and SHA-256 as well

  expect(receipt).toMatchObject({
    payloadId: answer["payload_id"],
    state: answer["state"],
    size: answer["size"],
    sha256: answer["sha256"],
    records: answer["records"],
    createdAt: answer["created_at"],
    via: "inline",
  });
});

it.each(casesOf("/send-call-log", false))("throws a refusal: $name", async (one) => {
  const setting = new Setting(json(answerOf(one), one.response.status));

  const error = await setting.client.send({ a: 1 }).catch((refused: unknown) => refused);

  expect(error).toBeInstanceOf(ApiError);
  expect(error).toMatchObject(wanted(answerOf(one)));
  expect(setting.made).toHaveLength(1);
});

it.each(casesOf("/get-upload-url", true))("sends to an upload URL: $name", async (one) => {
  const answer = { ...answerOf(one), method: "PUT" };
  const setting = new Setting(json(answer), new Response(), problem(400, "invalid_json"));

  await setting.client.send(LARGE).catch(() => {});

  const [, put, claim] = setting.made;
  expect(put).toMatchObject({ method: "PUT", url: ANY["upload_url"] });
  const lower = (headers: object) =>
    Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
  const { "content-length": _, ...headers } = lower(answerOf(one)["headers"] as object);
  expect(lower(put?.headers ?? {})).toEqual(headers);
  expect(JSON.parse(new TextDecoder().decode(claim?.body))).toEqual({
    s3_key: answerOf(one)["s3_key"],
    upload_duration_ms: 0,
  });
});

it.each(casesOf("/get-upload-url", false))("throws a refused upload URL: $name", async (one) => {
  const { client } = new Setting(json(answerOf(one), one.response.status));

  const error = await client.send(LARGE).catch((refused: unknown) => refused);

  expect(error).toBeInstanceOf(PayloadRefusedError);
  expect(error).toMatchObject(wanted(answerOf(one)));
});

it.each(casesOf("/call-logs/", false))("throws a record that is refused: $name", async (one) => {
  const { client } = new Setting(json(answerOf(one), one.response.status));

  const id = one.request.path.split("/").at(-1) ?? "";
  const error = await client.get(id).catch((refused: unknown) => refused);

  expect(error).toBeInstanceOf(NotFoundError);
  expect(error).toMatchObject(wanted(answerOf(one)));
});

it("has cases of each kind", () => {
  for (const [path, ok] of [
    ["/send-call-log", true],
    ["/send-call-log", false],
    ["/get-upload-url", true],
    ["/get-upload-url", false],
    ["/call-logs/", false],
  ] as const)
    expect(casesOf(path, ok).length).toBeGreaterThan(0);
});

it.each([
  ["not_stored", 409, ConflictError],
  ["document_gone", 404, NotFoundError],
  ["duplicate", 409, PayloadRefusedError],
  ["object_changed", 409, PayloadRefusedError],
  ["upload_lost", 409, PayloadRefusedError],
] as const)("throws an error of its own kind for %s", async (code, status, kind) => {
  const { client } = new Setting(problem(status, code));

  const error = await client.get(PAYLOAD).catch((refused: unknown) => refused);

  expect((error as Error).constructor).toBe(kind);
});
