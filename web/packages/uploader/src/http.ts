/** One request to the API: token, repeats, and errors. */

import {
  ApiError,
  AuthenticationError,
  ConfigurationError,
  TransportError,
  WideloadError,
} from "./errors.js";
import { type Json, objectOf, ShapeError } from "./json.js";
import { noAnswer, silent } from "./no-answer.js";
import {
  abortable,
  backoff,
  browserNetwork,
  LONGEST_RETRY_AFTER,
  parseRetryAfter,
  realPacing,
  whenOnline,
} from "./pacing.js";
import { apiError, signedOut } from "./problem.js";
import type { FilesApiOptions, Network, Pacing, TokenSource } from "./types.js";

const RETRIES = 5;
/** API Gateway gives up after 30 s; a little more, so that its own answer arrives. */
const TIMEOUT = 35_000;

export interface Call {
  readonly method: "GET" | "POST" | "PATCH" | "DELETE";
  /** Below the API's base, with its query. */
  readonly path: string;
  readonly body?: Json | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Default: true. */
  readonly authorized?: boolean | undefined;
  /** An error that is an answer all the same: what it returns, if not null, is the result. */
  readonly accept?: ((status: number, members: Json, repeats: number) => Json | null) | undefined;
}

export class Http {
  readonly #base: string;
  readonly #token: TokenSource | undefined;
  readonly fetch: typeof fetch;
  readonly #retries: number;
  readonly #timeout: number;
  /** Methods of requests whose answers this page could read: CORS isn't in their way. */
  readonly #readable = new Set<string>();
  readonly pacing: Pacing;
  readonly network: Network;

  constructor(options: FilesApiOptions) {
    if (!/^https?:\/\//.test(options.apiUrl))
      throw new ConfigurationError(
        `apiUrl is "${options.apiUrl}": give the URL before /files, such as https://api.example.com`,
      );
    this.#base = options.apiUrl.replace(/\/+$/, "");
    this.#token = options.token;
    // A bare `fetch` called as a method would have the wrong `this`.
    this.fetch = options.fetch ?? ((...args) => globalThis.fetch(...args));
    this.#retries = options.retries ?? RETRIES;
    this.#timeout = options.timeout ?? TIMEOUT;
    this.pacing = options.pacing ?? realPacing;
    this.network = options.network ?? browserNetwork;
  }

  /**
   * The JSON object of the answer, `{}` for an empty one.
   *
   * Every request of this API may be repeated: the same create, complete or rename twice is the
   * same as once. So no answer, 429, 5xx and a passing conflict are tried again.
   */
  async call(call: Call): Promise<Json> {
    let rejected: string | null = null;
    for (let repeats = 0; ; ) {
      await whenOnline(this.network, call.signal);
      const token: string | TransportError | null =
        call.authorized === false ? null : await this.#tokenFor(rejected, call.signal);
      const answer =
        token instanceof TransportError ? token : await this.#attempt(call, token, repeats);
      if (!(answer instanceof WideloadError)) return answer;
      if (
        typeof token === "string" &&
        rejected === null &&
        (answer instanceof AuthenticationError ||
          (repeats === 1 && (await this.#isHidden(answer, call.signal))))
      ) {
        rejected = token;
        continue;
      }
      const retryAfter = answer instanceof ApiError ? (answer.retryAfter ?? 0) * 1000 : 0;
      const again = isPassing(answer) && answer.code !== "completing" && repeats < this.#retries;
      if (!again || retryAfter > LONGEST_RETRY_AFTER)
        throw await this.#explained(answer, answer === token ? null : call.method);
      repeats += 1;
      await this.pacing.sleep(backoff(repeats, this.pacing.random(), retryAfter), call.signal);
    }
  }

  /** @param method - Of the request to the service; null if it was the token's. */
  async #explained(error: WideloadError, method: string | null): Promise<WideloadError> {
    if (error.code !== "no_answer") return error;
    // What CORS forbids fails at once, as a `TypeError`; a timeout is none.
    const hidden =
      method !== null &&
      !this.#readable.has(method) &&
      error.cause instanceof TypeError &&
      this.network.online;
    if (!hidden) return silent("service", error.cause);
    return noAnswer("service", `${this.#base}/sign-in`, this.fetch, error.cause);
  }

  /** An error that is returned, not thrown, is passing. */
  async #tokenFor(
    rejected: string | null,
    signal: AbortSignal | undefined,
  ): Promise<string | TransportError> {
    const source = this.#token;
    if (!source) throw new ConfigurationError("This call needs a token: give the option `token`.");
    const ask = async () => source(rejected === null ? undefined : { rejected });
    try {
      return await abortable(ask(), signal);
    } catch (error) {
      signal?.throwIfAborted();
      if (error instanceof WideloadError) throw error;
      if (error instanceof TypeError || (error instanceof Error && /timeout/i.test(error.name)))
        return unanswered(error);
      throw signedOut(error);
    }
  }

  async #attempt(
    call: Call,
    token: string | null,
    repeats: number,
  ): Promise<Json | ApiError | TransportError> {
    try {
      const response = await this.#send(call, token);
      this.#readable.add(call.method);
      const members = await read(response);
      if (response.ok) return members ?? notOurs(response);
      const accepted = call.accept?.(response.status, members ?? {}, repeats);
      if (accepted) return accepted;
      const asked = parseRetryAfter(response.headers.get("retry-after"));
      return apiError(
        response.status,
        members ?? {},
        asked,
        response.headers.get("apigw-requestid"),
      );
    } catch (cause) {
      call.signal?.throwIfAborted();
      return unanswered(cause);
    }
  }

  /**
   * Whether an answer came, but not to the page, such as a 401.
   *
   * API Gateway adds CORS headers "to the response from an integration"; of answers of its own AWS
   * says nothing. Without them a browser shows a 401 as a network error. `GET /sign-in` needs no
   * token, so its answer always comes from behind the gateway.
   * https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-cors.html
   */
  async #isHidden(answer: WideloadError, signal: AbortSignal | undefined): Promise<boolean> {
    if (!(answer instanceof TransportError && answer.cause instanceof TypeError)) return false;
    const open = await this.#attempt({ method: "GET", path: "/sign-in", signal }, null, 0);
    return !(open instanceof TransportError);
  }

  async #send(call: Call, token: string | null): Promise<Response> {
    const timeout = AbortSignal.timeout(this.#timeout);
    const headers: Record<string, string> = { Accept: "application/json" };
    if (token !== null) headers["Authorization"] = `Bearer ${token}`;
    if (call.body) headers["Content-Type"] = "application/json";
    return this.fetch(this.#base + call.path, {
      method: call.method,
      headers,
      ...(call.body ? { body: JSON.stringify(call.body) } : {}),
      signal: call.signal ? AbortSignal.any([call.signal, timeout]) : timeout,
      credentials: "omit",
      referrerPolicy: "no-referrer",
      cache: "no-store",
    });
  }
}

/** The answer's JSON object, `{}` for an empty body, null for anything else. */
async function read(response: Response): Promise<Json | null> {
  const body = await response.text();
  if (body === "") return {};
  try {
    return objectOf(JSON.parse(body), "body");
  } catch {
    return null;
  }
}

function unanswered(cause: unknown): TransportError {
  return new TransportError("no answer", { code: "no_answer", cause });
}

function notOurs(response: Response): TransportError {
  return new TransportError(
    `Something else than the file transfer API answered (${response.status}, no JSON object). ` +
      "Check apiUrl, and any proxy on the way.",
    { code: "wrong_answer" },
  );
}

/** Runs a decoder; what it can't read is an error of the whole call. */
export function decode<T>(decoder: () => T): T {
  try {
    return decoder();
  } catch (cause) {
    if (!(cause instanceof ShapeError)) throw cause;
    throw new TransportError(
      `The service's answer can't be read: ${cause.message}. Check apiUrl, and that page and service have matching versions.`,
      { code: "wrong_answer", cause },
    );
  }
}

/** Trying the same again later may help. */
export function isPassing(error: WideloadError): boolean {
  if (error instanceof TransportError) return error.code === "no_answer";
  if (!(error instanceof ApiError)) return false;
  return (
    [408, 429, 500, 502, 503, 504].includes(error.status) ||
    error.code === "conflict" ||
    error.code === "completing"
  );
}
