/** The fake cloud with the API's client of the person `ann`, and downloads that tests can break. */

import { FilesApi } from "@wideload/uploader";
import type { StoredFile } from "../../../fake-cloud/files.ts";
import {
  API_URL,
  FakeCloud,
  FakePacing,
  problem,
  S3_URL,
} from "../../uploader/tests/fake-cloud.js";

/** Names that a search looks at per request. */
export const SCANNED = 250;

export class Cloud extends FakeCloud {
  readonly client = new FilesApi({
    apiUrl: API_URL,
    token: () => "token",
    fetch: this.fetch,
    retries: 0,
    pacing: new FakePacing(),
  });
  /** Bytes after which a download breaks off, by name, once each. */
  readonly breaks = new Map<string, number[]>();
  /** Statuses of the next downloads of a name. */
  readonly statuses = new Map<string, number[]>();
  /** `name range` of each download. */
  readonly downloads: string[] = [];
  /** Cache mode of each download. */
  readonly caches: (RequestCache | undefined)[] = [];

  store(name: string, members: Partial<StoredFile> = {}): StoredFile {
    return this.seed("ann", name, members);
  }

  /** Lets the next request to the API fail. */
  failNext(status: number, code: string, members: Record<string, unknown> = {}): void {
    this.apiFault = () => {
      this.apiFault = () => undefined;
      return problem(status, code, { request_id: "request-1", ...members });
    };
  }

  /** S3. */
  readonly download: typeof fetch = async (input, init) => {
    init?.signal?.throwIfAborted();
    const url = String(input);
    if (!url.startsWith(S3_URL)) throw new Error(`${url} is not S3's`);
    const answer = this.get(url);
    const id = new URL(url).pathname.split("/").at(-1) ?? "";
    const name = this.files.get(id)?.name ?? "";
    const range = new Headers(init?.headers).get("range") ?? "";
    this.caches.push(init?.cache);
    this.downloads.push(`${name} ${range}`.trim());
    const status = this.statuses.get(name)?.shift() ?? answer.status;
    if (status !== 200) return new Response("<Error/>", { status });
    const from = Number(/^bytes=(\d+)-$/.exec(range)?.[1] ?? 0);
    const bytes = Buffer.from(answer.body as Buffer).subarray(from);
    const end = this.breaks.get(name)?.shift();
    return new Response(piecewise(bytes, end), { status: from > 0 ? 206 : 200 });
  };
}

/** Two pieces; breaks off after `end` bytes, if given. */
function piecewise(bytes: Uint8Array, end?: number): ReadableStream<Uint8Array> {
  const sent = bytes.subarray(0, end);
  const half = Math.ceil(sent.length / 2);
  const pieces = [sent.subarray(0, half), sent.subarray(half)].filter(({ length }) => length > 0);
  return new ReadableStream({
    pull(controller) {
      const piece = pieces.shift();
      if (piece) controller.enqueue(piece);
      else if (end !== undefined) controller.error(new TypeError("network error"));
      else controller.close();
    },
  });
}
