/** `FakeFiles` behind `fetch` and the uploader's transport, with faults that tests choose. */

import {
  type Answer,
  type Body,
  FakeFiles,
  problem as problemAnswer,
  s3Refusal,
} from "../../../fake-cloud/files.ts";
import {
  type Network,
  type Pacing,
  type PutRequest,
  type PutResponse,
  type Transport,
  TransportError,
} from "../src/index.js";

export const API_URL = "https://api.test";
export const S3_URL = "https://s3.test";
const OWNER = "ann";
const CREATED = new Date("2026-11-22T09:00:00.123Z");

export type ApiFault = Response | "lost before" | "lost after" | undefined;
export type PutFault = PutResponse | "lost before" | "lost after" | undefined;

export class FakeCloud extends FakeFiles {
  /** `METHOD /path` of every request to the API. */
  readonly requests: string[] = [];
  readonly puts: { readonly url: string; readonly number: number; readonly status: number }[] = [];
  mostPutsAtOnce = 0;
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

  #putsNow = 0;

  /**
   * @param partSize - Files larger than this are multipart, with parts of this size. The real
   *   rule needs files of over 64 MiB.
   */
  constructor(partSize?: number | null, now?: () => number) {
    super(S3_URL, partSize ?? undefined, partSize ?? undefined, now, () => CREATED);
  }

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
    const answer = this.#authorized(init, url)
      ? response(this.api(method, url, body, OWNER))
      : unauthorized();
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

  // S3

  readonly transport: Transport = async (request) => {
    const number = this.partNumber(request.url);
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
          : await this.#abortable(this.#put(request), request.signal);
      request.onProgress(request.body.size);
      this.puts.push({ url: request.url, number, status: answer.status });
      if (fault === "lost after") throw noAnswer();
      return answer;
    } finally {
      this.#putsNow -= 1;
    }
  };

  async #put(request: PutRequest): Promise<PutResponse> {
    if (request.method !== "PUT") return s3Error(405, "MethodNotAllowed");
    if (request.body.type !== "") throw new Error("the body's type would make a Content-Type");
    const bytes = new Uint8Array(await request.body.arrayBuffer());
    const { status, headers = {}, body } = this.put(request.url, request.headers, bytes);
    const etag = this.showsEtag ? headers["ETag"] : undefined;
    return {
      status,
      header: (name) => (name === "etag" ? (etag ?? null) : null),
      text: String(body ?? ""),
    };
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
  return { status, header: () => null, text: String(s3Refusal(status, code).body) };
}

export function problem(
  status: number,
  code: string,
  members: Body = {},
  retryAfter?: unknown,
): Response {
  const answer = problemAnswer(status, code, members);
  const headers = retryAfter === undefined ? {} : { "Retry-After": String(retryAfter) };
  return response({ ...answer, headers: { ...answer.headers, ...headers } });
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

function response({ status, headers = {}, body }: Answer): Response {
  const type = { "Content-Type": "application/json" };
  const text = body === undefined ? null : JSON.stringify(body);
  return new Response(text, { status, headers: { ...type, ...headers } });
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

export function tick(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
