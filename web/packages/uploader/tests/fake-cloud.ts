/** The API and S3 in memory. S3 refuses what S3 refuses; the API keeps to `contract/`. */

import { createHash } from "node:crypto";
import {
  type Network,
  type Pacing,
  type PutRequest,
  type PutResponse,
  type Transport,
  TransportError,
} from "../src/index.js";

export const API_URL = "https://api.test";

interface Session {
  readonly uploadId: string;
  readonly name: string;
  readonly size: number;
  readonly contentType: string;
  readonly sha256: string;
  readonly partSize: number;
  readonly multipart: boolean;
  state: "open" | "completed" | "aborted";
  readonly parts: Map<number, { sha256: string; bytes: Uint8Array }>;
}

interface StoredFile {
  readonly file_id: string;
  name: string;
  readonly size: number;
  readonly content_type: string;
  readonly sha256: string;
  readonly verified: boolean;
  readonly created_at: string;
}

interface Signed {
  readonly session: Session;
  readonly number: number;
  readonly headers: Record<string, string>;
  readonly until: number;
}

export type ApiFault = Response | "lost before" | "lost after" | undefined;
export type PutFault = PutResponse | "lost before" | "lost after" | undefined;

type Body = Record<string, unknown>;

export class FakeCloud {
  readonly files = new Map<string, StoredFile>();
  readonly contents = new Map<string, Uint8Array>();
  readonly sessions = new Map<string, Session>();
  /** `METHOD /path` of every request to the API. */
  readonly requests: string[] = [];
  readonly puts: { readonly url: string; readonly number: number; readonly status: number }[] = [];
  mostPutsAtOnce = 0;
  expiresIn = 3600;
  maxOpen = 100;
  validTokens = new Set(["token"]);
  apiFault: (method: string, path: string, body: Body) => ApiFault = () => undefined;
  putFault: (number: number, request: PutRequest) => PutFault = () => undefined;
  /** Whether hosts are there for requests whose answer no page may read. */
  answersProbes = false;
  readonly probes: string[] = [];
  /** Whether CORS lets the page read it. */
  showsEtag = true;
  /** Held PUTs wait for it. */
  hold: Promise<void> | null = null;

  readonly #signed = new Map<string, Signed>();
  #putsNow = 0;
  #lastId = 0;

  /**
   * @param partSize - Files larger than this are multipart, with parts of this size. The real
   *   rule needs files of over 64 MiB.
   */
  constructor(
    private readonly partSize: number | null = null,
    private readonly now: () => number = () => performance.now(),
  ) {}

  // The API

  readonly fetch: typeof fetch = async (input, init) => {
    await tick();
    init?.signal?.throwIfAborted();
    const url = new URL(String(input));
    if (init?.mode === "no-cors") return this.#probed(url);
    const method = init?.method ?? "GET";
    this.requests.push(`${method} ${url.pathname}${url.search}`);
    const body = init?.body ? (JSON.parse(String(init.body)) as Body) : {};
    const fault = this.apiFault(method, url.pathname, body);
    if (fault instanceof Response) return fault;
    if (fault === "lost before") throw new TypeError("Failed to fetch");
    const answer = this.#authorized(init, url) ? this.#route(method, url, body) : unauthorized();
    await tick();
    init?.signal?.throwIfAborted();
    if (fault === "lost after") throw new TypeError("Failed to fetch");
    return answer;
  };

  #probed(url: URL): Response {
    this.probes.push(url.href);
    if (!this.answersProbes) throw new TypeError("Failed to fetch");
    return Response.error();
  }

  #authorized(init: RequestInit | undefined, url: URL): boolean {
    if (url.pathname === "/sign-in") return true;
    const header = new Headers(init?.headers).get("authorization") ?? "";
    return this.validTokens.has(header.replace("Bearer ", ""));
  }

  #route(method: string, url: URL, body: Body): Response {
    const [, , second, third, fourth] = url.pathname.split("/");
    if (method === "POST" && second === "check") return this.#check(body);
    if (method === "POST" && second === undefined) return this.#create(body);
    if (second === "uploads" && third !== undefined) {
      const session = this.sessions.get(third);
      if (!session) return problem(404, "unknown_upload");
      if (method === "POST" && fourth === "parts") return this.#sign(session, body);
      if (method === "POST" && fourth === "complete") return this.#complete(session);
      if (method === "GET") return json(200, this.#describe(session));
      return this.#abort(session);
    }
    return problem(404, "not_found");
  }

  #check(body: Body): Response {
    const files = (body["files"] as { sha256: string; size: number }[]).map((wanted) => {
      const file = this.#find(wanted);
      return file ? { duplicate: true, file } : { duplicate: false };
    });
    return json(200, { files });
  }

  #create(body: Body): Response {
    const wanted = body["files"] as {
      name: string;
      size: number;
      content_type?: string;
      sha256: string;
    }[];
    if (wanted.length > 25) return problem(400, "invalid_request");
    const files = wanted.map((file) => this.#createOne(file));
    const refusals = files.flatMap((file) => ("error" in file ? [file["error"] as Body] : []));
    const first = refusals[0];
    if (first && refusals.length === files.length)
      return problem(
        Number(first["status"]),
        String(first["code"]),
        { files },
        first["retry_after"],
      );
    return json(200, { files });
  }

  #createOne(wanted: { name: string; size: number; content_type?: string; sha256: string }): Body {
    const file = this.#find(wanted);
    if (file) return { duplicate: true, file };
    if (wanted.name === "")
      return { error: { code: "invalid_name", title: "", status: 400, detail: "No name." } };
    const { sha256, size } = wanted;
    let session = [...this.sessions.values()].find(
      (each) => each.sha256 === sha256 && each.size === size && each.state === "open",
    );
    if (!session) {
      const open = [...this.sessions.values()].filter((each) => each.state === "open").length;
      if (open >= this.maxOpen)
        return {
          error: {
            code: "too_many_uploads",
            title: "",
            status: 429,
            detail: "Too many.",
            retry_after: 1,
          },
        };
      const multipart = this.partSize !== null && size > this.partSize;
      session = {
        uploadId: `U${++this.#lastId}`,
        name: wanted.name,
        size,
        sha256,
        contentType: wanted.content_type ?? "application/octet-stream",
        partSize: multipart ? (this.partSize as number) : size,
        multipart,
        state: "open",
        parts: new Map(),
      };
      this.sessions.set(session.uploadId, session);
    }
    const expires_at = "2026-11-29T09:00:00.000Z";
    const upload_id = session.uploadId;
    if (!session.multipart) {
      const action = session.parts.has(1) ? {} : { action: this.#action(session, 1, sha256) };
      return { upload_id, expires_at, ...action };
    }
    return {
      upload_id,
      expires_at,
      part_size: session.partSize,
      part_count: Math.ceil(size / session.partSize),
      parts: partsOf(session),
    };
  }

  #sign(session: Session, body: Body): Response {
    const wanted = body["parts"] as { number: number; sha256: string }[];
    if (session.state === "completed") return problem(409, "upload_completed");
    if (session.state === "aborted") return problem(410, "upload_gone");
    if (wanted.length < 1 || wanted.length > 100) return problem(400, "invalid_request");
    const parts = wanted.map(({ number, sha256 }) => ({
      number,
      action: this.#action(session, number, sha256),
    }));
    return json(200, { parts });
  }

  #complete(session: Session): Response {
    if (session.state === "completed") return json(200, { file: this.files.get(session.uploadId) });
    if (session.state === "aborted") return problem(410, "upload_gone");
    const count = session.multipart ? Math.ceil(session.size / session.partSize) : 1;
    const missing = Array.from({ length: count }, (_, index) => index + 1).filter(
      (number) => !session.parts.has(number),
    );
    if (missing.length > 0)
      return session.multipart
        ? problem(409, "parts_missing", { missing: missing.slice(0, 100) })
        : problem(409, "not_uploaded");
    const content = join(
      Array.from({ length: count }, (_, index) => session.parts.get(index + 1)?.bytes),
    );
    if (sha256Hex(content) !== session.sha256) throw new Error("the parts don't make up the file");
    const file: StoredFile = {
      file_id: session.uploadId,
      name: session.name,
      size: session.size,
      content_type: session.contentType,
      sha256: session.sha256,
      verified: !session.multipart,
      created_at: "2026-11-22T09:00:00.123Z",
    };
    session.state = "completed";
    this.files.set(file.file_id, file);
    this.contents.set(file.file_id, content);
    return json(200, { file });
  }

  #abort(session: Session): Response {
    if (session.state === "completed") return problem(409, "upload_completed");
    session.state = "aborted";
    session.parts.clear();
    return new Response(null, { status: 204 });
  }

  #describe(session: Session): Body {
    return {
      upload_id: session.uploadId,
      state: session.state,
      name: session.name,
      size: session.size,
      content_type: session.contentType,
      sha256: session.sha256,
      part_size: session.partSize,
      part_count: session.multipart ? Math.ceil(session.size / session.partSize) : 1,
      parts: session.state === "open" ? partsOf(session) : [],
      created_at: "2026-11-22T09:00:00.123Z",
      expires_at: "2026-11-29T09:00:00.000Z",
      ...(session.state === "completed" ? { file: this.files.get(session.uploadId) } : {}),
    };
  }

  #find({ sha256, size }: { sha256: string; size: number }): StoredFile | undefined {
    return [...this.files.values()].find((file) => file.sha256 === sha256 && file.size === size);
  }

  #action(session: Session, number: number, sha256: string): Body {
    const length = Math.min(session.partSize, session.size - (number - 1) * session.partSize);
    const headers: Record<string, string> = {
      "Content-Length": String(length),
      "x-amz-checksum-sha256": Buffer.from(sha256, "hex").toString("base64"),
    };
    if (!session.multipart) headers["If-None-Match"] = "*";
    const href = `https://s3.test/files/${session.uploadId}?partNumber=${number}&X-Amz-Signature=${++this.#lastId}`;
    this.#signed.set(href, { session, number, headers, until: this.now() + this.expiresIn * 1000 });
    return { method: "PUT", href, headers, expires_in: this.expiresIn };
  }

  // S3

  readonly transport: Transport = async (request) => {
    const signed = this.#signed.get(request.url);
    const number = signed?.number ?? 0;
    this.#putsNow += 1;
    this.mostPutsAtOnce = Math.max(this.mostPutsAtOnce, this.#putsNow);
    try {
      const fault = this.putFault(number, request);
      request.onProgress(0);
      await this.#abortable(tick(), request.signal);
      request.onProgress(Math.floor(request.body.size / 2));
      if (this.hold && typeof fault !== "object") await this.#abortable(this.hold, request.signal);
      if (fault === "lost before") throw noAnswer();
      const answer =
        typeof fault === "object"
          ? fault
          : await this.#abortable(this.#put(request, signed), request.signal);
      request.onProgress(request.body.size);
      this.puts.push({ url: request.url, number, status: answer.status });
      if (fault === "lost after") throw noAnswer();
      return answer;
    } finally {
      this.#putsNow -= 1;
    }
  };

  async #put(request: PutRequest, signed: Signed | undefined): Promise<PutResponse> {
    if (request.method !== "PUT") return s3Error(405, "MethodNotAllowed");
    if (!signed) return s3Error(403, "SignatureDoesNotMatch");
    if (this.now() > signed.until) return s3Error(403, "AccessDenied");
    const { session, number, headers } = signed;
    for (const [name, value] of Object.entries(headers))
      if (request.headers[name] !== value) return s3Error(403, "SignatureDoesNotMatch");
    for (const name of Object.keys(request.headers))
      if (!(name in headers) && name.toLowerCase().startsWith("x-amz-"))
        return s3Error(403, "AccessDenied");
    if (request.body.type !== "") throw new Error("the body's type would make a Content-Type");
    const bytes = new Uint8Array(await request.body.arrayBuffer());
    if (String(bytes.byteLength) !== headers["Content-Length"])
      return s3Error(403, "SignatureDoesNotMatch");
    const sha256 = sha256Hex(bytes);
    if (Buffer.from(sha256, "hex").toString("base64") !== headers["x-amz-checksum-sha256"])
      return s3Error(400, "BadDigest");
    if (session.multipart && session.state !== "open") return s3Error(404, "NoSuchUpload");
    if (!session.multipart && session.parts.has(1)) return s3Error(412, "PreconditionFailed");
    session.parts.set(number, { sha256, bytes });
    const etag = this.showsEtag ? `"${number}"` : null;
    return { status: 200, header: (name) => (name === "etag" ? etag : null), text: "" };
  }

  /** The PUT goes on at S3 when the client hangs up; only the answer is lost. */
  #abortable<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason);
      signal.addEventListener("abort", () => reject(signal.reason), { once: true });
      promise.then(resolve, reject);
    });
  }
}

export function s3Error(status: number, code: string): PutResponse {
  const text = `<?xml version="1.0"?><Error><Code>${code}</Code><Message>…</Message><RequestId>R1</RequestId></Error>`;
  return { status, header: () => null, text };
}

export function problem(
  status: number,
  code: string,
  members: Body = {},
  retryAfter?: unknown,
): Response {
  const headers: Record<string, string> = { "Content-Type": "application/problem+json" };
  if (retryAfter !== undefined) headers["Retry-After"] = String(retryAfter);
  const type = `urn:wideload:problem:${code}`;
  const body = {
    type,
    title: code,
    status,
    detail: `${code} it is.`,
    code,
    request_id: "req-1",
    ...members,
  };
  return new Response(JSON.stringify(body), { status, headers });
}

export function unauthorized(): Response {
  return json(401, { message: "Unauthorized" });
}

export function json(status: number, body: unknown): Response {
  return new Response(JSON.stringify(body), {
    status,
    headers: { "Content-Type": "application/json" },
  });
}

export function sha256Hex(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** A network that tests switch. */
export class FakeNetwork implements Network {
  #online = true;
  readonly #listeners = new Set<(online: boolean) => void>();

  get online(): boolean {
    return this.#online;
  }

  set online(online: boolean) {
    if (online === this.#online) return;
    this.#online = online;
    for (const listener of [...this.#listeners]) listener(online);
  }

  subscribe(listener: (online: boolean) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}

/** Time that passes by sleeping alone, at once. */
export class FakePacing implements Pacing {
  time = 0;
  readonly slept: number[] = [];

  now(): number {
    return this.time;
  }

  async sleep(milliseconds: number, signal?: AbortSignal): Promise<void> {
    this.slept.push(milliseconds);
    await tick();
    signal?.throwIfAborted();
    this.time += milliseconds;
  }

  random(): number {
    return 1;
  }
}

function noAnswer(): TransportError {
  return new TransportError("no answer", { code: "no_answer" });
}

function partsOf(session: Session): Body[] {
  return [...session.parts]
    .sort(([a], [b]) => a - b)
    .map(([number, { sha256 }]) => ({ number, sha256 }));
}

function join(chunks: (Uint8Array | undefined)[]): Uint8Array {
  return Buffer.concat(chunks.map((chunk) => chunk ?? new Uint8Array()));
}

export function tick(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
