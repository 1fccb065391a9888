/** Presigned requests to S3: attempts at a PUT or a GET, with new URLs for those that S3 refuses. */

import type { Http, OpenAnswer } from "./http.js";
import { isPassing, refusedByS3 } from "./problem.js";
import { AttemptFailed, type Call, parseRetryAfter } from "./retry.js";

/** A slow upload may need a second new URL; a third refusal in a row has another cause than age. */
const MOST_NEW_URLS = 2;

/** A request to S3 as the API signed it; it has to be sent exactly so. */
export interface PresignedRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** By `Pacing.now`: from then on it is too old to begin with. */
  readonly deadline: number;
}

/** The attempts at one transfer. Each method makes one attempt, which throws `AttemptFailed`. */
export class PresignedCall {
  readonly #http: Http;
  readonly #call: Call;
  readonly #sign: () => Promise<PresignedRequest>;
  #request: PresignedRequest | null;
  #newUrls = 0;
  /** PUTs without an answer that are followed by one with a new URL. */
  #renewals = 1;

  /** `sign` requests a new URL from the API, in place of `request`. */
  constructor(
    http: Http,
    call: Call,
    request: PresignedRequest,
    sign: () => Promise<PresignedRequest>,
  ) {
    this.#http = http;
    this.#call = call;
    this.#request = request;
    this.#sign = sign;
  }

  /**
   * PUTs the body, and returns how many milliseconds that took.
   *
   * 412 to a request with `If-None-Match` is success: S3 holds these bytes, since the URL takes no
   * others. An earlier attempt stored them and its answer was lost.
   */
  async put(body: Blob): Promise<number> {
    const request = await this.#current();
    const { method, url, headers } = request;
    const started = this.#call.pacing.now();
    try {
      const answer = await this.#http.request({
        method,
        url,
        headers,
        body,
        signal: this.#call.signal,
      });
      const held = answer.status === 412 && "if-none-match" in lowered(headers);
      if ((answer.status >= 200 && answer.status < 300) || held)
        return this.#call.pacing.now() - started;
      throw this.#refused("upload", answer, new TextDecoder().decode(answer.body));
    } catch (cause) {
      if (cause instanceof AttemptFailed) throw cause;
      // S3 may have refused the URL and closed the connection before the whole body was sent, which
      // `fetch` doesn't turn into an answer.
      if (this.#renewals > 0) this.#request = null;
      this.#renewals -= 1;
      throw this.#call.lost(method, url, cause);
    }
  }

  /** GETs the object from byte `from` on, and returns the answer with its body unread. */
  async get(from: number): Promise<OpenAnswer> {
    const request = await this.#current();
    const { method, url } = request;
    const range: Record<string, string> = from > 0 ? { Range: `bytes=${from}-` } : {};
    try {
      const answer = await this.#http.open({
        method,
        url,
        headers: { ...request.headers, ...range },
        signal: this.#call.signal,
      });
      if (answer.status === (from > 0 ? 206 : 200)) {
        this.#newUrls = 0;
        return answer;
      }
      const xml = await answer.text();
      answer.close();
      throw this.#refused("download", answer, xml);
    } catch (cause) {
      throw cause instanceof AttemptFailed ? cause : this.#call.lost(method, url, cause);
    }
  }

  /** The failure of a GET whose body broke off. */
  broken(cause: unknown): AttemptFailed {
    return this.#call.lost("GET", this.#request?.url ?? "the document", cause);
  }

  async #current(): Promise<PresignedRequest> {
    if (this.#request === null || this.#request.deadline <= this.#call.pacing.now())
      this.#request = await this.#sign();
    this.#call.requests += 1;
    return this.#request;
  }

  #refused(
    what: "upload" | "download",
    { status, headers }: { readonly status: number; readonly headers: Headers },
    xml: string,
  ): AttemptFailed {
    const error = refusedByS3(what, status, headers, xml);
    // 403, also by `AccessDenied`: the URL has expired, or the credentials that signed it have.
    if (status === 403 || error.code === "ExpiredToken") {
      this.#newUrls += 1;
      this.#request = null;
      return new AttemptFailed(error, this.#newUrls > MOST_NEW_URLS ? "never" : "now");
    }
    const retryAfter = parseRetryAfter(headers.get("retry-after"));
    return new AttemptFailed(error, isPassing(error) ? "later" : "never", retryAfter);
  }
}

function lowered(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]),
  );
}
