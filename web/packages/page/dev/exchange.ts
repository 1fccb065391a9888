/** One HTTP request and its answer, without the ceremony of node:http. */

import type { IncomingMessage, ServerResponse } from "node:http";
import type { Answer } from "../../../fake-cloud/files.ts";

export interface Exchange {
  readonly method: string;
  /** Path below where the fake is mounted, and query. */
  readonly url: URL;
  readonly headers: IncomingMessage["headers"];
  body(): Promise<Buffer>;
  /** Reads the body without keeping it. */
  drain(): Promise<void>;
  json(): Promise<Record<string, unknown>>;
  form(): Promise<URLSearchParams>;
}

export function exchange(request: IncomingMessage, url: URL): Exchange {
  let read: Promise<Buffer> | undefined;
  const body = () => {
    read ??= readAll(request);
    return read;
  };
  return {
    method: request.method ?? "GET",
    url,
    headers: request.headers,
    body,
    drain: async () => {
      for await (const _ of request);
    },
    json: async () => JSON.parse((await body()).toString() || "{}"),
    form: async () => new URLSearchParams((await body()).toString()),
  };
}

export function send(response: ServerResponse, answer: Answer): void {
  const { status, headers = {}, body } = answer;
  const raw = body === undefined || typeof body === "string" || Buffer.isBuffer(body);
  response.writeHead(status, raw ? headers : { "Content-Type": "application/json", ...headers });
  response.end(raw ? body : JSON.stringify(body));
}

async function readAll(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks);
}
