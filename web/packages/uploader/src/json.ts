/** Readers of the API's JSON: members by their type, and a file. */

import type { FileInfo, Quarantine } from "./types.js";

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

export function text(value: Json, name: string): string {
  const member = value[name];
  if (typeof member === "string") return member;
  throw new ShapeError(`${name} is no string`);
}

export function textOrNull(value: Json, name: string): string | null {
  return value[name] == null ? null : text(value, name);
}

export function number(value: Json, name: string): number {
  const member = value[name];
  if (typeof member === "number") return member;
  throw new ShapeError(`${name} is no number`);
}

export function numberOrNull(value: Json, name: string): number | null {
  return value[name] == null ? null : number(value, name);
}

export function texts(value: unknown, what: string): Readonly<Record<string, string>> {
  const members = Object.entries(objectOf(value, what));
  return Object.fromEntries(members.map(([name, member]) => [name, String(member)]));
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
    // Deployments without folders name none.
    folder: textOrNull(file, "folder") ?? "",
    modifiedAt: textOrNull(file, "modified_at"),
    verified: file["verified"] === true,
    verifiedBy: textOrNull(file, "verified_by") as FileInfo["verifiedBy"],
    corrupt: file["corrupt"] === true,
    quarantined: file["quarantined"] == null ? null : decodeQuarantine(file["quarantined"]),
    metadata: file["metadata"] == null ? {} : texts(file["metadata"], "metadata"),
    createdAt: text(file, "created_at"),
  };
}

function decodeQuarantine(value: unknown): Quarantine {
  const quarantined = objectOf(value, "quarantined");
  return {
    reason: text(quarantined, "reason") as Quarantine["reason"],
    detail: textOrNull(quarantined, "detail"),
  };
}
