/** Stands for `FilesApi`: a list in memory that can be told to fail. */

import { ApiError, type FileInfo, type FilePage, type FilesApi } from "@wideload/uploader";

export function file(number: number, change: Partial<FileInfo> = {}): FileInfo {
  return {
    fileId: `id-${number}`,
    name: `file ${number}.txt`,
    size: number * 1000,
    contentType: "text/plain",
    sha256: String(number).padStart(64, "0"),
    verified: true,
    corrupt: false,
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
    const start = Number(query.cursor ?? 0);
    const end = start + (query.limit ?? 50);
    const items = this.files
      .slice(start, end)
      .filter(({ name }) => name.toLowerCase().includes(query.q?.toLowerCase() ?? ""));
    return { items, cursor: end < this.files.length ? String(end) : null };
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
