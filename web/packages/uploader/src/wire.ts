/** JSON of the API, whose types come from its OpenAPI document, to the types of this package. */

import {
  decodeFile,
  type Json,
  list,
  number,
  numberOrNull,
  objectOf,
  text,
  textOrNull,
  texts,
} from "./json.js";
import { apiError } from "./problem.js";
import type { Answer, Body, Schemas } from "./schemas.js";
import type {
  Action,
  ContentHashes,
  Created,
  Deleted,
  Folder,
  ListQuery,
  Moved,
  NewFile,
  OpenUpload,
  Page,
  PartHash,
  Refusal,
  SignIn,
  UploadSession,
} from "./types.js";

export function decodeAction(value: unknown): Action {
  const action = objectOf<Schemas["Action"]>(value, "action");
  return {
    method: text(action, "method"),
    href: text(action, "href"),
    headers: texts(action.headers, "headers"),
    expiresIn: number(action, "expires_in"),
  };
}

export function decodePart(value: unknown): PartHash {
  const part = objectOf<Schemas["Part"]>(value, "part");
  return { number: number(part, "number"), sha256: text(part, "sha256") };
}

/** The error for one of several files; null if it was not refused. */
function decodeRefusal(result: { readonly error?: unknown }): Refusal | null {
  if (result.error === undefined) return null;
  const problem: Json = objectOf(result.error, "error");
  const status = typeof problem["status"] === "number" ? problem["status"] : 400;
  return { kind: "refused", error: apiError(status, problem) };
}

export function decodeMoved(value: unknown): Moved {
  const moved = objectOf<Answer<"moveFiles">["files"][number]>(value, "file");
  const kind = moved.skipped === true ? "skipped" : "moved";
  return decodeRefusal(moved) ?? { kind, file: decodeFile(moved.file) };
}

export function decodeDeleted(value: unknown): Deleted {
  return decodeRefusal(objectOf<Schemas["RefusedFile"]>(value, "file")) ?? { kind: "deleted" };
}

export function decodeFolder(value: unknown): Folder {
  const folder = objectOf<Schemas["FolderObject"]>(value, "folder");
  return {
    folder: text(folder, "folder"),
    name: text(folder, "name"),
    createdAt: text(folder, "created_at"),
  };
}

export function decodeCreated(value: unknown): Created {
  const created = objectOf<Schemas["Created"]>(value, "file");
  const refused = decodeRefusal(created);
  if (refused) return refused;
  if (created.duplicate === true) return { kind: "duplicate", file: decodeFile(created.file) };
  if (created.skipped === true) return { kind: "skipped", file: decodeFile(created.file) };
  if (created.hash_first === true) return { kind: "hash_first" };
  const uploadId = text(created, "upload_id");
  const expiresAt = text(created, "expires_at");
  if (created.part_size === undefined) {
    const action = created.action == null ? null : decodeAction(created.action);
    return { kind: "single", uploadId, action, expiresAt };
  }
  return {
    kind: "multipart",
    uploadId,
    partSize: number(created, "part_size"),
    partCount: number(created, "part_count"),
    parts: list(created, "parts", decodePart),
    expiresAt,
  };
}

export function decodeUpload(value: unknown): OpenUpload {
  const upload = objectOf<Schemas["OpenUpload"]>(value, "upload");
  return {
    uploadId: text(upload, "upload_id"),
    state: text(upload, "state") as Schemas["OpenUpload"]["state"],
    name: text(upload, "name"),
    folder: textOrNull(upload, "folder") ?? "",
    size: numberOrNull(upload, "size"),
    contentType: text(upload, "content_type"),
    sha256: textOrNull(upload, "sha256"),
    firstSha256: textOrNull(upload, "first_sha256"),
    partSize: number(upload, "part_size"),
    partCount: numberOrNull(upload, "part_count"),
    createdAt: text(upload, "created_at"),
    expiresAt: text(upload, "expires_at"),
  };
}

export function decodeSession(value: unknown): UploadSession {
  const session = objectOf<Schemas["Upload"]>(value, "upload");
  return {
    ...decodeUpload(session),
    parts: list(session, "parts", decodePart),
    file: session.file == null ? null : decodeFile(session.file),
  };
}

export function decodePage<T>(value: unknown, decodeItem: (item: unknown) => T): Page<T> {
  const page = objectOf(value, "page");
  return { items: list(page, "items", decodeItem), cursor: textOrNull(page, "cursor") };
}

export function decodeSignIn(value: unknown): SignIn {
  const signIn = objectOf<Schemas["SignIn"]>(value, "sign-in");
  return {
    issuer: text(signIn, "issuer"),
    clientId: text(signIn, "client_id"),
    scopes: list(signIn, "scopes", String),
    authorizationEndpoint: textOrNull(signIn, "authorization_endpoint"),
    tokenEndpoint: textOrNull(signIn, "token_endpoint"),
    endSessionEndpoint: textOrNull(signIn, "end_session_endpoint"),
    cognitoEndpoint: textOrNull(signIn, "cognito_endpoint"),
  };
}

export function encodeNewFile(file: NewFile): Schemas["NewFile"] {
  return {
    ...(file.folder === undefined ? {} : { folder: file.folder }),
    name: file.name,
    size: file.size,
    ...(file.contentType ? { content_type: file.contentType } : {}),
    ...("sha256" in file ? { sha256: file.sha256 } : { first_sha256: file.firstSha256 }),
    ...(file.modifiedAt ? { modified_at: file.modifiedAt } : {}),
    ...(file.ifExists ? { if_exists: file.ifExists } : {}),
  };
}

/** The query of a list, with its question mark; empty without any. */
export function encodeQuery(query: ListQuery): string {
  const search = new URLSearchParams();
  // The empty folder is the top one, in contrast to none.
  if (query.folder !== undefined) search.set("folder", query.folder);
  if (query.prefix) search.set("prefix", query.prefix);
  if (query.q) search.set("q", query.q);
  if (query.sort) search.set("sort", query.sort);
  if (query.limit !== undefined) search.set("limit", String(query.limit));
  if (query.cursor) search.set("cursor", query.cursor);
  return search.size > 0 ? `?${search}` : "";
}

export function encodeContent({ sha256, partsSha256 }: ContentHashes): Body<"completeUpload"> {
  return { sha256, parts_sha256: partsSha256 };
}
