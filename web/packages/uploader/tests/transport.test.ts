import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { fetchTransport, type PutRequest, TransportError, xhrTransport } from "../src/index.js";

function put(changes: Partial<PutRequest> = {}): PutRequest {
  return {
    method: "PUT",
    url: "https://s3.test/x?X-Amz-Signature=secret",
    headers: {
      "Content-Length": "5",
      "x-amz-checksum-sha256": "abc=",
      "If-None-Match": "*",
      Host: "s3.test",
    },
    body: new Blob(["hello"]),
    signal: new AbortController().signal,
    onProgress: () => {},
    ...changes,
  };
}

/** As much of XMLHttpRequest as is used. */
class FakeXhr {
  readonly upload: { onprogress: ((event: { loaded: number }) => void) | null } = {
    onprogress: null,
  };
  readonly headers: Record<string, string> = {};
  opened: string[] = [];
  sent: unknown;
  aborted = false;
  status = 0;
  responseText = "";
  onload: (() => void) | null = null;
  onerror: (() => void) | null = null;
  open(...args: string[]) {
    this.opened = args;
  }
  setRequestHeader(name: string, value: string) {
    this.headers[name] = value;
  }
  getResponseHeader(name: string) {
    return name === "etag" ? "e" : null;
  }
  send(body: unknown) {
    this.sent = body;
  }
  abort() {
    this.aborted = true;
  }
}

function xhr(stallTimeout?: number) {
  const fake = new FakeXhr();
  const transport = xhrTransport({
    createRequest: () => fake as unknown as XMLHttpRequest,
    stallTimeout,
  });
  return { fake, transport };
}

describe("xhrTransport", () => {
  afterEach(() => vi.useRealTimers());

  it("sends the signed headers that a page may set, and tells of the bytes", async () => {
    const { fake, transport } = xhr();
    const seen: number[] = [];
    const request = put({ onProgress: (bytes) => seen.push(bytes) });
    const response = transport(request);

    fake.upload.onprogress?.({ loaded: 3 });
    fake.upload.onprogress?.({ loaded: 5 });
    fake.status = 403;
    fake.responseText = "<Error/>";
    fake.onload?.();

    expect(fake.opened).toEqual(["PUT", request.url]);
    expect(fake.headers).toEqual({ "x-amz-checksum-sha256": "abc=", "If-None-Match": "*" });
    expect(fake.sent).toBe(request.body);
    expect(seen).toEqual([3, 5]);
    const { status, text, header } = await response;
    expect([status, text, header("etag"), header("x-amz-request-id")]).toEqual([
      403,
      "<Error/>",
      "e",
      null,
    ]);
  });

  it("fails without a word of the URL when no answer comes", async () => {
    const { fake, transport } = xhr();
    const response = transport(put());

    fake.onerror?.();

    const error = await response.catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(TransportError);
    expect(String(error)).not.toContain("secret");
  });

  it("fails when nothing moves for too long, and not before", async () => {
    vi.useFakeTimers();
    const { fake, transport } = xhr(1000);
    const response = transport(put());
    const outcome = expect(response).rejects.toThrow("Nothing moved for 1 s.");

    vi.advanceTimersByTime(900);
    fake.upload.onprogress?.({ loaded: 1 });
    vi.advanceTimersByTime(900);
    expect(fake.aborted).toBe(false);
    vi.advanceTimersByTime(200);

    expect(fake.aborted).toBe(true);
    await outcome;
  });

  it("stops when aborted, before or after it began", async () => {
    const { fake, transport } = xhr();
    const controller = new AbortController();
    const response = transport(put({ signal: controller.signal }));

    controller.abort("enough");

    await expect(response).rejects.toBe("enough");
    expect(fake.aborted).toBe(true);
    await expect(transport(put({ signal: controller.signal }))).rejects.toBe("enough");
  });
});

describe("fetchTransport", () => {
  let server: Server;
  let url = "";
  const received: { message: IncomingMessage; body: string }[] = [];

  beforeEach(async () => {
    server = createServer((message, response) => {
      let body = "";
      message.on("data", (chunk) => {
        body += chunk;
      });
      message.on("end", () => {
        received.push({ message, body });
        response.writeHead(200, { ETag: '"e"' }).end();
      });
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/x`;
  });
  afterEach(() => void server.close());

  it("sends the body with its length and without a type", async () => {
    const seen: number[] = [];

    const response = await fetchTransport()(put({ url, onProgress: (bytes) => seen.push(bytes) }));

    const [{ message, body } = { message: null, body: "" }] = received;
    expect(response.status).toBe(200);
    expect(response.header("etag")).toBe('"e"');
    expect(body).toBe("hello");
    expect(message?.headers).toMatchObject({
      "content-length": "5",
      "x-amz-checksum-sha256": "abc=",
      "if-none-match": "*",
    });
    expect(message?.headers["content-type"]).toBeUndefined();
    expect(seen).toEqual([5]);
  });

  it("fails when no answer comes, and stops when aborted", async () => {
    const controller = new AbortController();
    controller.abort("enough");

    await expect(fetchTransport()(put({ url: "http://127.0.0.1:1/" }))).rejects.toBeInstanceOf(
      TransportError,
    );
    await expect(fetchTransport()(put({ url, signal: controller.signal }))).rejects.toBe("enough");
  });
});
