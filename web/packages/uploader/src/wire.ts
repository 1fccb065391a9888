/** JSON of the API (snake_case) to the types of this package. */

import { apiError } from "./problem.js";
import type {
  Action,
  ContentHashes,
  Created,
  FileInfo,
  NewFile,
  OpenUpload,
  Page,
  PartHash,
  SignIn,
  UploadSession,
  UploadSessionState,
} from "./types.js";

export type Json = Readonly<Record<string, unknown>>;

/** The API's answer doesn't have the agreed shape. */
export class ShapeError extends Error {}

export function isObject(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function objectOf(value: unknown, what: string): Json {
  if (isObject(value)) return value;
  throw new ShapeError(`${what} is no object`);
}

function text(value: Json, name: string): string {
  const member = value[name];
  if (typeof member === "string") return member;
  throw new ShapeError(`${name} is no string`);
}

function textOrNull(value: Json, name: string): string | null {
  return value[name] == null ? null : text(value, name);
}

function number(value: Json, name: string): number {
  const member = value[name];
  if (typeof member === "number") return member;
  throw new ShapeError(`${name} is no number`);
}

function numberOrNull(value: Json, name: string): number | null {
  return value[name] == null ? null : number(value, name);
}

export function list<T>(value: Json, name: string, decode: (item: unknown) => T): T[] {
  const member = value[name];
  if (Array.isArray(member)) return member.map(decode);
  throw new ShapeError(`${name} is no list`);
}

export function decodeFile(value: unknown): FileInfo {
  const file = objectOf(value, "file");
  return {
    fileId: text(file, "file_id"),
    name: text(file, "name"),
    size: number(file, "size"),
    contentType: text(file, "content_type"),
    sha256: text(file, "sha256"),
    verified: file["verified"] === true,
    corrupt: file["corrupt"] === true,
    createdAt: text(file, "created_at"),
  };
}

export function decodeAction(value: unknown): Action {
  const action = objectOf(value, "action");
  return {
    method: text(action, "method"),
    href: text(action, "href"),
    headers: Object.fromEntries(
      Object.entries(objectOf(action["headers"], "headers")).map(([name, header]) => [
        name,
        String(header),
      ]),
    ),
    expiresIn: number(action, "expires_in"),
  };
}

export function decodePart(value: unknown): PartHash {
  const part = objectOf(value, "part");
  return { number: number(part, "number"), sha256: text(part, "sha256") };
}

export function decodeCreated(value: unknown): Created {
  const created = objectOf(value, "file");
  if (created["error"] !== undefined) {
    const problem = objectOf(created["error"], "error");
    const status = typeof problem["status"] === "number" ? problem["status"] : 400;
    return { kind: "refused", error: apiError(status, problem) };
  }
  if (created["duplicate"] === true)
    return { kind: "duplicate", file: decodeFile(created["file"]) };
  if (created["hash_first"] === true) return { kind: "hash_first" };
  const uploadId = text(created, "upload_id");
  const expiresAt = text(created, "expires_at");
  if (created["part_size"] === undefined) {
    const action = created["action"] == null ? null : decodeAction(created["action"]);
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
  const upload = objectOf(value, "upload");
  return {
    uploadId: text(upload, "upload_id"),
    state: text(upload, "state") as UploadSessionState,
    name: text(upload, "name"),
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
  const session = objectOf(value, "upload");
  return {
    ...decodeUpload(session),
    parts: list(session, "parts", decodePart),
    file: session["file"] == null ? null : decodeFile(session["file"]),
  };
}

export function decodePage<T>(value: unknown, decodeItem: (item: unknown) => T): Page<T> {
  const page = objectOf(value, "page");
  return { items: list(page, "items", decodeItem), cursor: textOrNull(page, "cursor") };
}

export function decodeSignIn(value: unknown): SignIn {
  const signIn = objectOf(value, "sign-in");
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

export function encodeNewFile(file: NewFile): Json {
  return {
    name: file.name,
    size: file.size,
    ...(file.contentType ? { content_type: file.contentType } : {}),
    ...("sha256" in file ? { sha256: file.sha256 } : { first_sha256: file.firstSha256 }),
  };
}

export function encodeContent({ sha256, partsSha256 }: ContentHashes): Json {
  return { sha256, parts_sha256: partsSha256 };
}
