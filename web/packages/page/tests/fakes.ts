/** Stands for `FilesApi`: a list in memory that can be told to fail. */

import { ApiError, type FileInfo, type FilePage, type FilesApi } from "@wideload/uploader";
import { folded } from "../src/names.js";

export function file(number: number, change: Partial<FileInfo> = {}): FileInfo {
  return {
    fileId: `id-${number}`,
    name: `file ${number}.txt`,
    size: number * 1000,
    contentType: "text/plain",
    sha256: String(number).padStart(64, "0"),
    folder: "",
    modifiedAt: null,
    verified: true,
    verifiedBy: "s3",
    corrupt: false,
    quarantined: null,
    metadata: {},
    createdAt: "2026-03-12T14:05:00.000Z",
    ...change,
  };
}

export function apiError(status: number, code: string, detail: string | null = null): ApiError {
  return new ApiError(code, {
    status,
    code,
    detail,
    requestId: "request-1",
    retryAfter: null,
    members: {},
  });
}

/** Names that a search looks at per request, as at the API. */
export const SCANNED = 250;

export class FakeApi {
  /** Thrown by the next call, once. */
  failure: unknown = null;
  /** Milliseconds until the next lists are answered. */
  delay = 0;
  /** Queries of `list` so far. */
  readonly asked: { cursor?: string | null; limit?: number; q?: string }[] = [];
  files: FileInfo[];

  constructor(files: FileInfo[] = []) {
    this.files = files;
  }

  /** As what it stands for. */
  get api(): FilesApi {
    return this as unknown as FilesApi;
  }

  async list(
    query: { cursor?: string | null; limit?: number; q?: string } = {},
  ): Promise<FilePage> {
    this.asked.push(query);
    this.#fail();
    if (this.delay > 0) await new Promise((resolve) => setTimeout(resolve, this.delay));
    const { q = "", limit = 50 } = query;
    const items: FileInfo[] = [];
    let next = Number(query.cursor ?? 0);
    const end = next + (q === "" ? limit : SCANNED);
    for (; next < Math.min(end, this.files.length) && items.length < limit; next += 1) {
      const file = this.files[next];
      if (file && folded(file.name).includes(folded(q))) items.push(file);
    }
    return { items, cursor: next < this.files.length ? String(next) : null };
  }

  async rename(fileId: string, name: string): Promise<FileInfo> {
    this.#fail();
    const renamed = { ...this.#find(fileId), name };
    this.files = this.files.map((known) => (known.fileId === fileId ? renamed : known));
    return renamed;
  }

  async delete(fileId: string): Promise<void> {
    this.#fail();
    this.#find(fileId);
    this.files = this.files.filter((known) => known.fileId !== fileId);
  }

  async download(fileId: string) {
    this.#fail();
    const action = { method: "GET", href: `https://s3.test/${fileId}`, headers: {}, expiresIn: 60 };
    return { file: this.#find(fileId), action };
  }

  #find(fileId: string): FileInfo {
    const found = this.files.find((known) => known.fileId === fileId);
    if (!found) throw apiError(404, "unknown_file");
    return found;
  }

  #fail(): void {
    const { failure } = this;
    this.failure = null;
    if (failure !== null) throw failure;
  }
}

/** Stands for the browser's locks, which all tabs share: exclusive ones wait for one another. */
export class FakeLocks {
  readonly #held: string[] = [];
  readonly #ends = new Map<string, Promise<unknown>>();

  /** As what it stands for. */
  get locks(): LockManager {
    return this as unknown as LockManager;
  }

  async request<T>(name: string, ...rest: unknown[]): Promise<T> {
    const work = rest.at(-1) as () => Promise<T>;
    if (rest.length === 2) return this.#hold(name, work);
    const before = this.#ends.get(name) ?? Promise.resolve();
    const mine = before.catch(() => {}).then(() => this.#hold(name, work));
    this.#ends.set(name, mine);
    return mine;
  }

  async query(): Promise<LockManagerSnapshot> {
    return { held: this.#held.map((name) => ({ name })), pending: [] };
  }

  async #hold<T>(name: string, work: () => Promise<T>): Promise<T> {
    this.#held.push(name);
    try {
      return await work();
    } finally {
      this.#held.splice(this.#held.indexOf(name), 1);
    }
  }
}
