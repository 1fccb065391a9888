/** Requests to the API: the key, repeats, and answers as JSON. */

import { ConfigurationError } from "./errors.js";
import type { Answer, Http } from "./http.js";
import { refusedByApi, unexpected } from "./problem.js";
import type { Call } from "./retry.js";

export interface ApiRequest {
  readonly method: "GET" | "POST" | "DELETE";
  /** Below the API's base URL. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string>> | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly body?: Blob | undefined;
}

export class Api {
  readonly baseUrl: string;
  readonly #http: Http;
  readonly #key: Readonly<Record<string, string>>;

  constructor(http: Http, baseUrl: string, key: Readonly<Record<string, string>>) {
    this.baseUrl = baseUrl;
    this.#http = http;
    this.#key = key;
  }

  /** The answer to a request, if it is a success. */
  async request(call: Call, request: ApiRequest): Promise<Answer> {
    const { method, path, query, headers, body } = request;
    const search = query ? `?${new URLSearchParams(query)}` : "";
    const url = this.baseUrl + path + search;
    return call.repeat(async () => {
      call.requests += 1;
      const lines = { Accept: "application/json", ...headers, ...this.#key };
      let answer: Answer;
      try {
        answer = await this.#http.request({
          method,
          url,
          headers: lines,
          body,
          signal: call.signal,
        });
      } catch (cause) {
        call.ambiguous += 1;
        throw call.lost(method, url, cause);
      }
      if (answer.status >= 200 && answer.status < 300) return answer;
      if (answer.status >= 500) call.ambiguous += 1;
      throw refusedByApi(`${method} ${path}`, answer, this.baseUrl);
    });
  }

  /** What `read` makes of the text of a successful answer; it throws if that isn't as agreed. */
  async read<T>(call: Call, request: ApiRequest, read: (text: string) => T): Promise<T> {
    const answer = await this.request(call, request);
    try {
      return read(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(answer.body));
    } catch {
      throw unexpected(`${request.method} ${request.path}`, answer);
    }
  }

  /** A URL of an answer, if a request can be sent there: with TLS, where the API has it. */
  checkedUrl(url: unknown): string {
    const { protocol } = new URL(String(url));
    if (protocol !== "https:" && !(protocol === "http:" && this.baseUrl.startsWith("http:")))
      throw new TypeError("the URL has no TLS, but the API has");
    return String(url);
  }
}

export function checkedApiUrl(apiUrl: string): string {
  let url: URL;
  try {
    url = new URL(apiUrl);
  } catch {
    throw new ConfigurationError(
      "apiUrl must be the API's URL, such as https://abc123.execute-api.eu-west-1.amazonaws.com",
    );
  }
  if (url.username || url.password)
    throw new ConfigurationError("apiUrl must not hold a user name or password");
  if (url.search || url.hash) throw new ConfigurationError("apiUrl must have no query or fragment");
  const here = ["localhost", "127.0.0.1", "[::1]"].includes(url.hostname);
  if (url.protocol !== "https:" && !(url.protocol === "http:" && here))
    throw new ConfigurationError(
      `apiUrl must be https://, since the API key would cross the network readable: "${apiUrl}"`,
    );
  return apiUrl.replace(/\/+$/, "");
}

/** An id that becomes part of a path. */
export function checkedId(payloadId: string): string {
  if (typeof payloadId === "string" && /^[\w-]{1,200}$/.test(payloadId)) return payloadId;
  throw new ConfigurationError(`that is no payload id: ${JSON.stringify(payloadId)}`);
}
