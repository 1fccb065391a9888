/** One HTTP request by `fetch`: no retries, no redirects, no cookies. */

/** Bytes a second of the slowest network over which a body is worth sending: 256 kbit/s. */
const SLOWEST = 32 * 1024;
/** Bytes. API Gateway's limit on an answer is 10 MB, Lambda's 6 MB. */
const LONGEST_ANSWER = 16 * 1024 * 1024;
/** Browsers set these on their own, and refuse them from a page. */
const SET_BY_FETCH = new Set(["content-length", "host", "connection", "expect"]);

export interface HttpRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Blob | undefined;
  readonly signal: AbortSignal;
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Uint8Array<ArrayBuffer>;
}

export class Http {
  readonly #fetch: typeof fetch;
  readonly #timeout: number;

  constructor(send: typeof fetch | undefined, timeout: number) {
    // A bare `fetch` called as a method would have the wrong `this`.
    this.#fetch = send ?? ((...args) => globalThis.fetch(...args));
    this.#timeout = timeout;
  }

  /** Makes a request and reads its answer. Rejects as `fetch` does. */
  async request(request: HttpRequest): Promise<Answer> {
    const limit = Math.ceil(this.#timeout + ((request.body?.size ?? 0) / SLOWEST) * 1000);
    const response = await this.#send(request, AbortSignal.timeout(limit));
    const body = await wholeBody(response);
    return { status: response.status, headers: response.headers, body };
  }

  /**
   * Makes a request and returns the answer with its body unread, which may take `timeout` to begin,
   * and after that as long between two pieces.
   */
  async open(request: HttpRequest): Promise<OpenAnswer> {
    const silence = new Silence(this.#timeout);
    try {
      const response = await this.#send(request, silence.signal);
      silence.restart();
      return new OpenAnswer(response, silence);
    } catch (error) {
      silence.end();
      throw error;
    }
  }

  #send({ method, url, headers, body, signal }: HttpRequest, limit: AbortSignal) {
    return this.#fetch(url, {
      method,
      headers: Object.entries(headers).filter(([name]) => !SET_BY_FETCH.has(name.toLowerCase())),
      ...(body ? { body } : {}),
      signal: AbortSignal.any([signal, limit]),
      redirect: "manual", // a redirect must not carry the key to another host
      credentials: "omit",
      referrerPolicy: "no-referrer",
      cache: "no-store",
    });
  }
}

/** An answer whose body is read piece by piece. Close it after use. */
export class OpenAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly #response: Response;
  readonly #silence: Silence;
  #reader: ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>> | undefined;

  constructor(response: Response, silence: Silence) {
    this.status = response.status;
    this.headers = response.headers;
    this.#response = response;
    this.#silence = silence;
  }

  /** The next bytes, null at the end. */
  async read(): Promise<Uint8Array<ArrayBuffer> | null> {
    this.#reader ??= this.#response.body?.getReader();
    const { done, value } = (await this.#reader?.read()) ?? { done: true, value: undefined };
    this.#silence.restart();
    return done ? null : value;
  }

  /** The whole body, as text. */
  async text(): Promise<string> {
    return new TextDecoder().decode(await wholeBody(this.#response));
  }

  close(): void {
    this.#silence.end();
    // Not awaited: nothing depends on when the connection is closed.
    this.#reader?.cancel().catch(() => {});
  }
}

/** Aborts its signal when it wasn't restarted for a while. */
class Silence {
  readonly #controller = new AbortController();
  readonly #limit: number;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(limit: number) {
    this.#limit = limit;
    this.restart();
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  restart(): void {
    this.end();
    this.#timer = setTimeout(() => {
      this.#controller.abort(new DOMException("no bytes came", "TimeoutError"));
    }, this.#limit);
  }

  end(): void {
    clearTimeout(this.#timer);
  }
}

async function wholeBody(response: Response): Promise<Uint8Array<ArrayBuffer>> {
  const body = new Uint8Array(await response.arrayBuffer());
  if (body.length > LONGEST_ANSWER) throw new TypeError("the answer is larger than 16 MiB");
  return body;
}

/** Where a redirect leads, without its query; null for other answers. */
export function redirectOf({ status, headers }: Pick<Answer, "status" | "headers">): string | null {
  // A page sees status 0 and no header.
  if (status === 0) return "another address";
  if (status < 300 || status >= 400) return null;
  return headers.get("location")?.split("?")[0] ?? null;
}
