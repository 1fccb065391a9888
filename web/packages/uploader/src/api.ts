import { ConflictError, GoneError, LimitError, NotFoundError, ServerError } from "./errors.js";
import { type Call, decode, Http } from "./http.js";
import { decodeFile, type Json, list, objectOf } from "./json.js";
import { stillCompleting } from "./problem.js";
import type { Answer, Body } from "./schemas.js";
import type {
  Action,
  ContentHashes,
  Created,
  Deleted,
  FileInfo,
  FilePage,
  FilesApiOptions,
  Folder,
  IfExists,
  ListQuery,
  Moved,
  NewFile,
  OpenUpload,
  Page,
  PageQuery,
  PartHash,
  SignIn,
  UploadSession,
} from "./types.js";
import {
  decodeAction,
  decodeCreated,
  decodeDeleted,
  decodeFolder,
  decodeMoved,
  decodePage,
  decodePart,
  decodeSession,
  decodeSignIn,
  decodeUpload,
  encodeContent,
  encodeNewFile,
  encodeQuery,
} from "./wire.js";

/** How many files a `create`, and how many contents a `check`, may name. */
export const FILES_PER_CREATE = 25;
export const FILES_PER_CHECK = 100;
/** How many files a `moveFiles` or `deleteFiles` may name. */
export const FILES_PER_BATCH = 100;
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

  /** For each of up to 100 contents, a file of yours that has it; null: none is known. */
  async check(
    files: readonly { readonly sha256: string; readonly size: number }[],
    signal?: AbortSignal,
  ): Promise<(FileInfo | null)[]> {
    const body: Body<"checkFiles"> = { files: files.map(({ sha256, size }) => ({ sha256, size })) };
    const answer = await this.#http.call({ method: "POST", path: "/files/check", body, signal });
    return decode(() =>
      list(answer, "files", (item) => {
        const found = objectOf<Answer<"checkFiles">["files"][number]>(item, "file");
        // No file is named where the newest name of the content was deleted.
        return found.duplicate === true && found.file != null ? decodeFile(found.file) : null;
      }),
    );
  }

  /** Opens up to 25 uploads, or finds those still open; answers in the same order. */
  async create(files: readonly NewFile[], signal?: AbortSignal): Promise<Created[]> {
    const body: Body<"createUploads"> = { files: files.map(encodeNewFile) };
    const answer = await this.#http.call({
      method: "POST",
      path: "/files",
      body,
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
    const body: Body<"signParts"> = {
      parts: parts.map(({ number, sha256 }) => ({ number, sha256 })),
    };
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
            const part = objectOf<Answer<"signParts">["parts"][number]>(item, "part");
            return [decodePart({ sha256: "", ...part }).number, decodeAction(part.action)] as const;
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
   * @param place - Which file to answer, of an upload that was created under several names. Default,
   *   and if none of the names is this one: the first.
   */
  async complete(
    uploadId: string,
    signal?: AbortSignal,
    content?: ContentHashes,
    place?: { readonly folder: string; readonly name: string },
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
      if (!(answer instanceof ServerError)) return decode(() => fileAt(answer, place));
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

  /** One page of your files. */
  async list(query: ListQuery = {}, signal?: AbortSignal): Promise<FilePage> {
    return this.#page("/files", query, decodeFile, signal);
  }

  /** One page of your uploads that aren't finished, newest first. */
  async uploads(query: PageQuery = {}, signal?: AbortSignal): Promise<Page<OpenUpload>> {
    return this.#page("/files/uploads", query, decodeUpload, signal);
  }

  /** All files, page after page. */
  async *all(
    query: Omit<ListQuery, keyof PageQuery> = {},
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
    return this.update(fileId, { name }, signal);
  }

  /**
   * Renames a file, moves it to another folder, or both. Raises `NameExistsError` if another file has
   * the name, with `skip` and `fail`.
   */
  update(
    fileId: string,
    change: {
      readonly name?: string;
      readonly folder?: string;
      /** Default: `keep_both`. */
      readonly ifExists?: IfExists;
    },
    signal?: AbortSignal,
  ): Promise<FileInfo> {
    const { name, folder, ifExists } = change;
    const body: Body<"renameFile"> = {
      ...(name === undefined ? {} : { name }),
      ...(folder === undefined ? {} : { folder }),
      ...(ifExists === undefined ? {} : { if_exists: ifExists }),
    };
    return this.#file(this.#http.call({ method: "PATCH", path: filePath(fileId), body, signal }));
  }

  /** Moves up to 100 files to a folder, by default keeping both; answers in the same order. */
  async moveFiles(
    fileIds: readonly string[],
    folder: string,
    ifExists?: IfExists,
    signal?: AbortSignal,
  ): Promise<Moved[]> {
    const choice = ifExists === undefined ? {} : { if_exists: ifExists };
    const body: Body<"moveFiles"> = { file_ids: fileIds, folder, ...choice };
    const answer = await this.#http.call({ method: "POST", path: "/files/move", body, signal });
    return decode(() => list(answer, "files", decodeMoved));
  }

  /**
   * Deletes up to 100 files; answers in the same order. A file that is gone already is refused as
   * `unknown_file`.
   */
  async deleteFiles(fileIds: readonly string[], signal?: AbortSignal): Promise<Deleted[]> {
    const body: Body<"deleteFiles"> = { file_ids: fileIds };
    const answer = await this.#http.call({ method: "POST", path: "/files/delete", body, signal });
    return decode(() => list(answer, "files", decodeDeleted));
  }

  /** One page of the folders in a folder, by name. Default: those at the top. */
  async folders(
    query: PageQuery & { readonly folder?: string } = {},
    signal?: AbortSignal,
  ): Promise<Page<Folder>> {
    return this.#page("/files/folders", query, decodeFolder, signal);
  }

  /** Makes a folder, and those above it, if they aren't there. */
  async createFolder(folder: string, signal?: AbortSignal): Promise<Folder> {
    const body: Body<"createFolder"> = { folder };
    const answer = await this.#http.call({ method: "POST", path: "/files/folders", body, signal });
    return decode(() => decodeFolder(answer["folder"]));
  }

  /** Renames or moves a folder with all that is in it. Raises `NameExistsError` if `to` is there. */
  async moveFolder(folder: string, to: string, signal?: AbortSignal): Promise<Folder> {
    const body: Body<"moveFolder"> = { folder, to };
    const answer = await this.#http.call({ method: "PATCH", path: "/files/folders", body, signal });
    return decode(() => decodeFolder(answer["folder"]));
  }

  /** Deletes a folder with all that is in it. */
  async deleteFolder(folder: string, signal?: AbortSignal): Promise<void> {
    await this.#http.call({
      method: "DELETE",
      path: `/files/folders${encodeQuery({ folder })}`,
      signal,
      accept: goneByRepeat,
    });
  }

  /** Deletes a file. Raises `NotFoundError` if there is none (any more). */
  async delete(fileId: string, signal?: AbortSignal): Promise<void> {
    await this.#http.call({
      method: "DELETE",
      path: filePath(fileId),
      signal,
      accept: goneByRepeat,
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
    query: ListQuery,
    decodeItem: (item: unknown) => T,
    signal?: AbortSignal,
  ): Promise<Page<T>> {
    const answer = await this.#http.call({
      method: "GET",
      path: path + encodeQuery(query),
      signal,
    });
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

/** A deletion that finds nothing when it is repeated: the answer to the first request was lost. */
function goneByRepeat(status: number, _members: Json, repeats: number): Json | null {
  return status === 404 && repeats > 0 ? {} : null;
}

/** The file of an answer that is at a place, of those that have the content; else the first. */
function fileAt(answer: Json, place?: { folder: string; name: string }): FileInfo {
  const files = answer["files"] === undefined ? [] : list(answer, "files", decodeFile);
  const own = files.find(({ folder, name }) => folder === place?.folder && name === place.name);
  return own ?? decodeFile(answer["file"]);
}

function uploadPath(uploadId: string): string {
  return `/files/uploads/${encodeURIComponent(uploadId)}`;
}

function filePath(fileId: string): string {
  return `/files/${encodeURIComponent(fileId)}`;
}
