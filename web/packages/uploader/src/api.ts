import { ConflictError, GoneError, LimitError, NotFoundError, ServerError } from "./errors.js";
import { type Call, decode, Http } from "./http.js";
import { stillCompleting } from "./problem.js";
import type {
  Action,
  ContentHashes,
  Created,
  FileInfo,
  FilePage,
  FilesApiOptions,
  NewFile,
  OpenUpload,
  Page,
  PartHash,
  SignIn,
  UploadSession,
} from "./types.js";
import {
  decodeAction,
  decodeCreated,
  decodeFile,
  decodePage,
  decodePart,
  decodeSession,
  decodeSignIn,
  decodeUpload,
  encodeContent,
  encodeNewFile,
  type Json,
  list,
  objectOf,
} from "./wire.js";

/** How many files a `create`, and how many contents a `check`, may name. */
export const FILES_PER_CREATE = 25;
export const FILES_PER_CHECK = 100;
/** How many parts a `signParts` may name. */
export const PARTS_PER_SIGN = 100;

/** S3 may take minutes to put thousands of parts together. */
const LONGEST_COMPLETION = 15 * 60_000;

/** The file transfer API. Each call can be aborted, and is repeated where no answer came. */
export class FilesApi {
  readonly #http: Http;

  constructor(options: FilesApiOptions) {
    this.#http = new Http(options);
  }

  /** Which of up to 100 contents are among your files; null: not. */
  async check(
    files: readonly { readonly sha256: string; readonly size: number }[],
    signal?: AbortSignal,
  ): Promise<(FileInfo | null)[]> {
    const body = { files: files.map(({ sha256, size }) => ({ sha256, size })) };
    const answer = await this.#http.call({ method: "POST", path: "/files/check", body, signal });
    return decode(() =>
      list(answer, "files", (item) => {
        const found = objectOf(item, "file");
        return found["duplicate"] === true ? decodeFile(found["file"]) : null;
      }),
    );
  }

  /** Opens up to 25 uploads, or finds those still open; answers in the same order. */
  async create(files: readonly NewFile[], signal?: AbortSignal): Promise<Created[]> {
    const answer = await this.#http.call({
      method: "POST",
      path: "/files",
      body: { files: files.map(encodeNewFile) },
      signal,
      // All of them refused: problem details that also hold the answer for each.
      accept: (_status, members) => (Array.isArray(members["files"]) ? members : null),
    });
    return decode(() => list(answer, "files", decodeCreated));
  }

  /** Signs the PUT of up to 100 parts; of an upload that is one PUT, number 1. */
  async signParts(
    uploadId: string,
    parts: readonly PartHash[],
    signal?: AbortSignal,
  ): Promise<Map<number, Action>> {
    const body = { parts: parts.map(({ number, sha256 }) => ({ number, sha256 })) };
    const answer = await this.#http.call({
      method: "POST",
      path: `${uploadPath(uploadId)}/parts`,
      body,
      signal,
    });
    return decode(
      () =>
        new Map(
          list(answer, "parts", (item) => {
            const part = objectOf(item, "part");
            return [
              decodePart({ sha256: "", ...part }).number,
              decodeAction(part["action"]),
            ] as const;
          }),
        ),
    );
  }

  /** How far an upload is: its state, and the parts that S3 holds. */
  async session(uploadId: string, signal?: AbortSignal): Promise<UploadSession> {
    const answer = await this.#http.call({ method: "GET", path: uploadPath(uploadId), signal });
    return decode(() => decodeSession(answer));
  }

  /** Gives an upload up; what S3 holds of it is deleted. */
  async abort(uploadId: string, signal?: AbortSignal): Promise<void> {
    await this.#http.call({ method: "DELETE", path: uploadPath(uploadId), signal });
  }

  /**
   * Makes an upload a file. Waits while S3 puts many parts together.
   *
   * @param content - Required if the upload was created with `firstSha256`.
   */
  async complete(
    uploadId: string,
    signal?: AbortSignal,
    content?: ContentHashes,
  ): Promise<FileInfo> {
    const { pacing } = this.#http;
    const call = {
      method: "POST",
      path: `${uploadPath(uploadId)}/complete`,
      body: content && encodeContent(content),
      signal,
    } as const;
    for (const began = pacing.now(); ; ) {
      const answer = await this.#completed(call);
      if (!(answer instanceof ServerError)) return decode(() => decodeFile(answer["file"]));
      if (pacing.now() - began > LONGEST_COMPLETION) throw answer;
      await pacing.sleep((answer.retryAfter ?? 2) * 1000, signal);
    }
  }

  /** The answer; an error while S3 is at it. */
  async #completed(call: Call): Promise<Json | ServerError> {
    try {
      const answer = await this.#http.call(call);
      return answer["state"] === "completing" ? stillCompleting(202, answer) : answer;
    } catch (error) {
      // Of deployments that know no 202.
      if (error instanceof ServerError && error.code === "completing") return error;
      throw error;
    }
  }

  /** One page, newest first. `limit`: 1 to 100, default 50. `q`: the name contains, in any case. */
  async list(
    query: { readonly cursor?: string | null; readonly limit?: number; readonly q?: string } = {},
    signal?: AbortSignal,
  ): Promise<FilePage> {
    return this.#page("/files", query, decodeFile, signal);
  }

  /** One page of your uploads that aren't finished, newest first. `limit`: 1 to 100, default 50. */
  async uploads(
    query: { readonly cursor?: string | null; readonly limit?: number } = {},
    signal?: AbortSignal,
  ): Promise<Page<OpenUpload>> {
    return this.#page("/files/uploads", query, decodeUpload, signal);
  }

  /** All files, newest first, page after page. */
  async *all(
    query: { readonly q?: string } = {},
    signal?: AbortSignal,
  ): AsyncGenerator<FileInfo, void, void> {
    let cursor: string | null = null;
    do {
      const page: FilePage = await this.list({ ...query, cursor, limit: 100 }, signal);
      yield* page.items;
      cursor = page.cursor;
    } while (cursor !== null);
  }

  get(fileId: string, signal?: AbortSignal): Promise<FileInfo> {
    return this.#file(this.#http.call({ method: "GET", path: filePath(fileId), signal }));
  }

  rename(fileId: string, name: string, signal?: AbortSignal): Promise<FileInfo> {
    return this.#file(
      this.#http.call({ method: "PATCH", path: filePath(fileId), body: { name }, signal }),
    );
  }

  /** Deletes a file. Raises `NotFoundError` if there is none (any more). */
  async delete(fileId: string, signal?: AbortSignal): Promise<void> {
    await this.#http.call({
      method: "DELETE",
      path: filePath(fileId),
      signal,
      // The answer to the first attempt was lost; it did what was asked.
      accept: (status, _members, repeats) => (status === 404 && repeats > 0 ? {} : null),
    });
  }

  /** A presigned GET, as attachment: `location.assign(action.href)` downloads it. */
  async download(
    fileId: string,
    signal?: AbortSignal,
  ): Promise<{ file: FileInfo; action: Action }> {
    const path = `${filePath(fileId)}/download`;
    const answer = await this.#http.call({ method: "GET", path, signal });
    return decode(() => ({
      file: decodeFile(answer["file"]),
      action: decodeAction(answer["action"]),
    }));
  }

  /** How people sign in here. Needs no token. */
  async signIn(signal?: AbortSignal): Promise<SignIn> {
    const answer = await this.#http.call({
      method: "GET",
      path: "/sign-in",
      signal,
      authorized: false,
    });
    return decode(() => decodeSignIn(answer));
  }

  async #page<T>(
    path: string,
    query: { readonly cursor?: string | null; readonly limit?: number; readonly q?: string },
    decodeItem: (item: unknown) => T,
    signal?: AbortSignal,
  ): Promise<Page<T>> {
    const search = new URLSearchParams();
    if (query.q) search.set("q", query.q);
    if (query.limit !== undefined) search.set("limit", String(query.limit));
    if (query.cursor) search.set("cursor", query.cursor);
    const suffix = search.size > 0 ? `?${search}` : "";
    const answer = await this.#http.call({ method: "GET", path: path + suffix, signal });
    return decode(() => decodePage(answer, decodeItem));
  }

  async #file(answer: Promise<Json>): Promise<FileInfo> {
    const { file } = (await answer) as { file?: unknown };
    return decode(() => decodeFile(file));
  }
}

/**
 * Nothing more can be sent to the upload: it was aborted, has expired, or is a file, or being made
 * one, by someone else. To be created anew, which tells.
 */
export function isGone(error: unknown): boolean {
  if (error instanceof ServerError) return error.code === "completing";
  if (error instanceof NotFoundError) return error.code === "unknown_upload";
  if (error instanceof ConflictError) return error.code === "upload_completed";
  return error instanceof GoneError;
}

/** There are too many open uploads; some may be our own, so that waiting helps. */
export function isCrowded(error: unknown): error is LimitError {
  return error instanceof LimitError && error.code === "too_many_uploads";
}

function uploadPath(uploadId: string): string {
  return `/files/uploads/${encodeURIComponent(uploadId)}`;
}

function filePath(fileId: string): string {
  return `/files/${encodeURIComponent(fileId)}`;
}
