/** Readers of the API's JSON: members by their type, and a file. */

import type { Schemas, Unread } from "./schemas.js";
import type { FileInfo, Quarantine } from "./types.js";

export type Json = Readonly<Record<string, unknown>>;

/** The API's answer doesn't have the agreed shape. */
export class ShapeError extends Error {}

export function isObject(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function objectOf<Schema = Json>(value: unknown, what: string): Unread<Schema> {
  if (isObject(value)) return value as Unread<Schema>;
  throw new ShapeError(`${what} is no object`);
}

export function text<Value>(value: Value, name: keyof Value & string): string {
  const member = value[name];
  if (typeof member === "string") return member;
  throw new ShapeError(`${name} is no string`);
}

export function textOrNull<Value>(value: Value, name: keyof Value & string): string | null {
  return value[name] == null ? null : text(value, name);
}

export function number<Value>(value: Value, name: keyof Value & string): number {
  const member = value[name];
  if (typeof member === "number") return member;
  throw new ShapeError(`${name} is no number`);
}

export function numberOrNull<Value>(value: Value, name: keyof Value & string): number | null {
  return value[name] == null ? null : number(value, name);
}

export function texts(value: unknown, what: string): Readonly<Record<string, string>> {
  const members = Object.entries(objectOf(value, what));
  return Object.fromEntries(members.map(([name, member]) => [name, String(member)]));
}

export function list<Value, Item>(
  value: Value,
  name: keyof Value & string,
  decode: (item: unknown) => Item,
): Item[] {
  const member = value[name];
  if (Array.isArray(member)) return member.map(decode);
  throw new ShapeError(`${name} is no list`);
}

export function decodeFile(value: unknown): FileInfo {
  const file = objectOf<Schemas["File"]>(value, "file");
  return {
    fileId: text(file, "file_id"),
    name: text(file, "name"),
    size: number(file, "size"),
    contentType: text(file, "content_type"),
    sha256: text(file, "sha256"),
    // Deployments without folders name none.
    folder: textOrNull(file, "folder") ?? "",
    modifiedAt: textOrNull(file, "modified_at"),
    verified: file.verified === true,
    verifiedBy: textOrNull(file, "verified_by") as Required<Schemas["File"]>["verified_by"] | null,
    corrupt: file.corrupt === true,
    quarantined: file.quarantined == null ? null : decodeQuarantine(file.quarantined),
    metadata: file.metadata == null ? {} : texts(file.metadata, "metadata"),
    createdAt: text(file, "created_at"),
  };
}

function decodeQuarantine(value: unknown): Quarantine {
  const quarantined = objectOf<Required<Schemas["File"]>["quarantined"]>(value, "quarantined");
  return {
    reason: text(quarantined, "reason") as Required<Schemas["File"]>["quarantined"]["reason"],
    detail: textOrNull(quarantined, "detail"),
  };
}
