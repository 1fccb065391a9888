import { TransportError } from "./errors.js";
import { NO_ANSWER } from "./no-answer.js";
import type { PutRequest, Transport } from "./types.js";

/** Browsers set these on their own, and complain when a page tries to. */
const SET_BY_THE_BROWSER = new Set(["content-length", "host", "connection", "expect"]);

/** Nothing moved for this long: the connection is dead, whatever the browser believes. */
const STALL_TIMEOUT = 60_000;

function sendable(request: PutRequest): [string, string][] {
  return Object.entries(request.headers).filter(
    ([name]) => !SET_BY_THE_BROWSER.has(name.toLowerCase()),
  );
}

export interface XhrTransportOptions {
  /** Milliseconds without any byte moving after which a request has failed. Default: 60,000. */
  readonly stallTimeout?: number | undefined;
  /** Default: `new XMLHttpRequest()`. */
  readonly createRequest?: (() => XMLHttpRequest) | undefined;
}

/** XMLHttpRequest: the one way to learn in a browser how much of a body has been sent. */
export function xhrTransport(options: XhrTransportOptions = {}): Transport {
  const { stallTimeout = STALL_TIMEOUT, createRequest = () => new XMLHttpRequest() } = options;
  return (request) =>
    new Promise((resolve, reject) => {
      if (request.signal.aborted) return reject(request.signal.reason);
      const xhr = createRequest();
      let timer: ReturnType<typeof setTimeout> | undefined;
      const alive = () => {
        clearTimeout(timer);
        timer = setTimeout(
          () => fail(`Nothing moved for ${stallTimeout / 1000} s. ${NO_ANSWER}`),
          stallTimeout,
        );
      };
      const end = (settle: () => void) => {
        clearTimeout(timer);
        request.signal.removeEventListener("abort", abort);
        settle();
      };
      const fail = (message: string) =>
        end(() => {
          reject(new TransportError(message, { code: "no_answer" }));
          xhr.abort();
        });
      const abort = () =>
        end(() => {
          reject(request.signal.reason);
          xhr.abort();
        });

      xhr.open(request.method, request.url);
      for (const [name, value] of sendable(request)) xhr.setRequestHeader(name, value);
      xhr.upload.onprogress = (event) => {
        alive();
        request.onProgress(event.loaded);
      };
      xhr.onerror = () => fail(NO_ANSWER);
      xhr.onload = () =>
        end(() =>
          resolve({
            status: xhr.status,
            header: (name) => xhr.getResponseHeader(name),
            text: xhr.responseText,
          }),
        );
      request.signal.addEventListener("abort", abort, { once: true });
      alive();
      xhr.send(request.body);
    });
}

/** `fetch`: where there is no XMLHttpRequest. Tells of the bytes only once all are sent. */
export function fetchTransport(
  send: typeof fetch = (...args) => globalThis.fetch(...args),
): Transport {
  return async (request) => {
    try {
      const response = await send(request.url, {
        method: request.method,
        headers: sendable(request),
        body: request.body,
        signal: request.signal,
        credentials: "omit",
        referrerPolicy: "no-referrer",
      });
      const text = await response.text();
      request.onProgress(request.body.size);
      return { status: response.status, header: (name) => response.headers.get(name), text };
    } catch (error) {
      if (request.signal.aborted) throw request.signal.reason;
      throw new TransportError(NO_ANSWER, { code: "no_answer", cause: error });
    }
  };
}
