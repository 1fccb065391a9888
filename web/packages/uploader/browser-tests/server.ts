/** The example and the fake cloud on one origin, as a browser sees them. */

import { readFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";
import { API_URL, FakeCloud, S3_URL } from "../tests/fake-cloud.js";

const PART_SIZE = 8 * 1024 * 1024;

/** As strict as it may be. Workers have the policy of their own file. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self' 'wasm-unsafe-eval'",
  "worker-src 'self'",
  "connect-src 'self'",
].join("; ");

const TYPES: Readonly<Record<string, string>> = { html: "text/html", js: "text/javascript" };

export class Site {
  readonly cloud = new FakeCloud(PART_SIZE);
  /** Headers of each PUT. */
  readonly puts: IncomingMessage["headers"][] = [];
  readonly #server: Server;

  private constructor() {
    this.#server = createServer((request, response) => {
      this.#answer(request, response).catch((error) => response.destroy(error));
    });
  }

  static async open(): Promise<Site> {
    const site = new Site();
    await new Promise<void>((resolve) => site.#server.listen(0, "127.0.0.1", resolve));
    return site;
  }

  get url(): string {
    return `http://localhost:${(this.#server.address() as AddressInfo).port}`;
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = request.url ?? "/";
    if (path.startsWith("/s3/")) await this.#store(path, request, response);
    else if (path.startsWith("/api/")) await this.#call(path, request, response);
    else await this.#serve(path, response);
  }

  async #store(path: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = new Blob([await read(request)]);
    this.puts.push(request.headers);
    const answer = await this.cloud.transport({
      method: request.method ?? "",
      url: `${S3_URL}${path.replace("/s3", "")}`,
      headers: request.headers as Record<string, string>,
      body,
      signal: new AbortController().signal,
      onProgress: () => {},
    });
    response.writeHead(answer.status).end(answer.text);
  }

  async #call(path: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await read(request);
    const answer = await this.cloud.fetch(API_URL + path.replace("/api", ""), {
      method: request.method ?? "GET",
      headers: { authorization: request.headers.authorization ?? "" },
      ...(body.length > 0 ? { body: body.toString() } : {}),
    });
    const text = (await answer.text()).replaceAll(S3_URL, `${this.url}/s3`);
    response.writeHead(answer.status, { "Content-Type": "application/json" });
    response.end(text || undefined);
  }

  async #serve(path: string, response: ServerResponse): Promise<void> {
    const headers = { "Content-Security-Policy": POLICY, "Cache-Control": "no-store" };
    if (path === "/config.js") {
      response.writeHead(200, { ...headers, "Content-Type": "text/javascript" });
      response.end(
        `export const apiUrl = "${this.url}/api";\nexport const accessToken = () => "token";\n`,
      );
      return;
    }
    const name = path === "/" ? "/index.html" : path;
    const folder = name.startsWith("/dist/") ? ".." : "../example";
    try {
      const file = fileURLToPath(new URL(folder + name, import.meta.url));
      const content = (await readFile(file, "utf8")).replaceAll(
        '"@wideload/uploader"',
        '"/dist/index.js"',
      );
      const type = TYPES[name.split(".").at(-1) ?? ""] ?? "application/octet-stream";
      response.writeHead(200, { ...headers, "Content-Type": type }).end(content);
    } catch {
      response.writeHead(404).end();
    }
  }
}

async function read(request: IncomingMessage): Promise<Buffer<ArrayBuffer>> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
