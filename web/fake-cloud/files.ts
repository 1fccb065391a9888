/**
 * The file transfer API and S3 in memory, for tests and for the page's development server. The API
 * keeps to `contract/openapi-files.yaml`; S3 refuses what S3 refuses.
 */

import { createHash } from "node:crypto";
import { folded } from "../packages/page/src/names.ts";

export type Body = Record<string, unknown>;

export interface Answer {
  readonly status: number;
  readonly headers?: Record<string, string>;
  /** Bytes or text as they are; anything else as JSON. */
  readonly body?: unknown;
}

export interface StoredFile {
  readonly file_id: string;
  name: string;
  readonly size: number;
  readonly content_type: string;
  readonly sha256: string;
  readonly verified: boolean;
  readonly created_at: string;
  readonly corrupt?: true;
}

export interface Session {
  readonly uploadId: string;
  readonly owner: string;
  readonly name: string;
  readonly size: number;
  readonly contentType: string;
  /** Null if it was created with `firstSha256`. */
  readonly sha256: string | null;
  /** Null if it was created with `sha256`. */
  readonly firstSha256: string | null;
  readonly partSize: number;
  readonly multipart: boolean;
  readonly createdAt: string;
  state: "open" | "completed" | "aborted";
  readonly parts: Map<number, { sha256: string; bytes: Uint8Array }>;
  /** When completed. */
  file?: StoredFile | undefined;
}

interface Wanted {
  readonly name: string;
  readonly size: number;
  readonly content_type?: string;
  readonly sha256?: string;
  readonly first_sha256?: string;
  readonly expected_size?: number;
}

interface Signed {
  readonly session: Session;
  readonly number: number;
  readonly headers: Record<string, string>;
  readonly until: number;
}

const MIB = 1024 * 1024;
const DAY = 86_400_000;
/** Names that one request for a list looks at in a search, found or not. */
const SCANNED = 250;
const REQUEST_ID = "req-1";

export class FakeFiles {
  readonly files = new Map<string, StoredFile>();
  readonly contents = new Map<string, Uint8Array>();
  readonly sessions = new Map<string, Session>();
  /** Life of a URL, in seconds. */
  expiresIn = 3600;
  maxOpen = 100;
  /** Whether it is a deployment of a version that knows no `first_sha256`. */
  old = false;
  /** Whether it believes the signed hashes of parts, whose bytes `discard` doesn't get. */
  trusting = false;
  /** Refuses a new file, for tests of refusals. */
  refuse: (file: Wanted) => Answer | undefined = () => undefined;
  readonly #owners = new Map<string, string>();
  readonly #signed = new Map<string, Signed>();
  readonly #downloads = new Map<string, { fileId: string; until: number }>();
  readonly #s3Url: string;
  readonly #singlePut: number;
  readonly #partSize: number;
  readonly #now: () => number;
  readonly #date: () => Date;
  #lastId = 0;

  /**
   * @param s3Url - Base of the presigned URLs.
   * @param singlePut - Largest file that is sent in one PUT, in bytes.
   * @param partSize - Size of the parts of larger files, in bytes.
   * @param now - Clock of the URLs, in milliseconds.
   * @param date - Clock of `created_at`.
   */
  constructor(
    s3Url: string,
    singlePut = 64 * MIB,
    partSize = 8 * MIB,
    now: () => number = () => performance.now(),
    date: () => Date = () => new Date(),
  ) {
    this.#s3Url = s3Url;
    this.#singlePut = singlePut;
    this.#partSize = partSize;
    this.#now = now;
    this.#date = date;
  }

  /** Stores a file without an upload. */
  seed(owner: string, name: string, members: Partial<StoredFile> = {}): StoredFile {
    const content = Buffer.from(name);
    const file: StoredFile = {
      file_id: this.#id(),
      name,
      size: content.length,
      content_type: "text/plain",
      sha256: sha256Hex(content),
      verified: true,
      created_at: new Date(this.#date().getTime() - 60_000 * (1000 - this.#lastId)).toISOString(),
      ...members,
    };
    this.#store(owner, file, content);
    return file;
  }

  /** Answers a request below `/files` of the person `owner`. */
  api(method: string, url: URL, body: Body, owner: string): Answer {
    const [, , first, id = "", verb] = url.pathname.split("/");
    if (first === undefined) {
      return method === "POST" ? this.#create(body, owner) : this.#list(url, owner);
    }
    if (first === "check") return this.#check(body, owner);
    if (first !== "uploads") return this.#file(method, first, id, body, owner);
    const session = this.sessions.get(id);
    if (session?.owner !== owner) return problem(404, "unknown_upload");
    if (verb === "parts") return this.#sign(session, body);
    if (verb === "complete") return this.#complete(session, body);
    if (method === "DELETE") return this.#abort(session);
    return { status: 200, body: this.#describe(session) };
  }

  /** Number of the part that a PUT to `url` would store; 0 if the URL was not signed here. */
  partNumber(url: string): number {
    return this.#signed.get(url)?.number ?? 0;
  }

  /** Answers a PUT to a presigned URL. Header names are compared without their case. */
  put(url: string, headers: Readonly<Record<string, unknown>>, bytes: Uint8Array): Answer {
    const signed = this.#signed.get(url);
    if (!signed) return s3Refusal(403, "SignatureDoesNotMatch");
    if (this.#now() > signed.until) return s3Refusal(403, "AccessDenied");
    const { session, number } = signed;
    const expected = lowerCased(signed.headers);
    const sent = lowerCased(headers);
    for (const [name, value] of expected) {
      if (sent.get(name) !== value) return s3Refusal(403, "SignatureDoesNotMatch");
    }
    for (const name of sent.keys()) {
      if (name.startsWith("x-amz-") && !expected.has(name)) return s3Refusal(403, "AccessDenied");
    }
    if (String(bytes.byteLength) !== expected.get("content-length")) {
      return s3Refusal(403, "SignatureDoesNotMatch");
    }
    const sha256 = sha256Hex(bytes);
    const checksum = base64(sha256);
    if (checksum !== expected.get("x-amz-checksum-sha256")) return s3Refusal(400, "BadDigest");
    if (session.multipart && session.state !== "open") return s3Refusal(404, "NoSuchUpload");
    if (!session.multipart && session.parts.has(1)) return s3Refusal(412, "PreconditionFailed");
    session.parts.set(number, { sha256, bytes });
    return { status: 200, headers: { ETag: `"${number}"`, "x-amz-checksum-sha256": checksum } };
  }

  /** Answers a PUT whose bytes were not kept, for benchmarks. Other URLs are taken as well. */
  discard(url: string): Answer {
    const signed = this.#signed.get(url);
    const checksum = String(signed?.headers["x-amz-checksum-sha256"] ?? "");
    const sha256 = Buffer.from(checksum, "base64").toString("hex");
    signed?.session.parts.set(signed.number, { sha256, bytes: new Uint8Array() });
    return { status: 200, headers: { ETag: '"discarded"' } };
  }

  /** Answers a GET of a presigned URL. */
  get(url: string): Answer {
    const signed = this.#downloads.get(url);
    if (!signed) return s3Refusal(403, "SignatureDoesNotMatch");
    if (this.#now() > signed.until) return s3Refusal(403, "AccessDenied");
    const file = this.files.get(signed.fileId);
    if (!file) return s3Refusal(404, "NoSuchKey");
    return {
      status: 200,
      headers: {
        "Content-Type": file.content_type,
        "Content-Disposition": `attachment; filename*=UTF-8''${encodeURIComponent(file.name)}`,
      },
      body: Buffer.from(this.contents.get(file.file_id) ?? []),
    };
  }

  #list(url: URL, owner: string): Answer {
    const limit = Number(url.searchParams.get("limit") ?? 50);
    const start = Number(url.searchParams.get("cursor") ?? 0);
    const q = folded(url.searchParams.get("q") ?? "");
    const all = this.#of(owner);
    const items: StoredFile[] = [];
    let next = start;
    const end = Math.min(all.length, start + (q === "" ? limit : SCANNED));
    for (; next < end && items.length < limit; next += 1) {
      const file = all[next];
      if (file && folded(file.name).includes(q)) items.push(file);
    }
    return { status: 200, body: { items, cursor: next < all.length ? String(next) : null } };
  }

  #check(body: Body, owner: string): Answer {
    const files = (body["files"] as Wanted[]).map((wanted) => {
      const file = this.#same(owner, wanted);
      return file ? { duplicate: true, file } : { duplicate: false };
    });
    return { status: 200, body: { files } };
  }

  #create(body: Body, owner: string): Answer {
    const wanted = body["files"] as Wanted[];
    if (wanted.length > 25) return problem(400, "invalid_request");
    const refusals: Answer[] = [];
    const firsts = new Set<string>();
    const files = wanted.map((file) => {
      const refusal = this.#refusal(file, owner);
      if (refusal) refusals.push(refusal);
      if (refusal) return { error: refusal.body };
      if (file.first_sha256 === undefined) return this.#createOne(file, owner);
      // Two files of one request that are alike in both would get the same upload.
      const first = `${file.size} ${file.first_sha256}`;
      if (firsts.has(first) || this.#mayHave(owner, file)) return { hash_first: true };
      firsts.add(first);
      return this.#createOne(file, owner);
    });
    const [first] = refusals;
    if (first && refusals.length === files.length) {
      return { ...first, body: { ...(first.body as Body), files } };
    }
    return { status: 200, body: { files } };
  }

  #refusal(wanted: Wanted, owner: string): Answer | undefined {
    const { sha256, first_sha256, expected_size } = wanted;
    const both = (sha256 === undefined) === (first_sha256 === undefined || this.old);
    // Files of unknown size come from other clients alone.
    if (both || expected_size !== undefined || wanted.size === undefined) {
      return problem(400, "invalid_request");
    }
    if (this.#same(owner, wanted) || this.#mayHave(owner, wanted)) return undefined;
    // U+202A to U+202E change the direction of what follows.
    if (wanted.name === "" || /[\u202a-\u202e]/.test(wanted.name)) {
      return problem(400, "invalid_name", { detail: "The name is refused." });
    }
    const open = [...this.sessions.values()].filter(
      (session) => session.owner === owner && session.state === "open",
    );
    if (!this.#open(owner, wanted) && open.length >= this.maxOpen) {
      return problem(429, "too_many_uploads", { retry_after: 1 });
    }
    return this.refuse(wanted);
  }

  #createOne(wanted: Wanted, owner: string): Body {
    const file = this.#same(owner, wanted);
    if (file) return { duplicate: true, file };
    const session = this.#open(owner, wanted) ?? this.#begin(wanted, owner);
    const { upload_id, expires_at, part_size, part_count, parts } = this.#describe(session);
    if (session.multipart) return { upload_id, expires_at, part_size, part_count, parts };
    if (session.parts.has(1)) return { upload_id, expires_at };
    return { upload_id, expires_at, action: this.#signPut(session, 1, wanted.sha256 ?? "") };
  }

  #begin({ name, size, content_type, ...hash }: Wanted, owner: string): Session {
    const multipart = size > this.#singlePut;
    const session: Session = {
      uploadId: this.#id(),
      owner,
      name,
      size,
      sha256: hash.sha256 ?? null,
      firstSha256: hash.first_sha256 ?? null,
      contentType: content_type ?? "application/octet-stream",
      partSize: multipart ? this.#partSize : size,
      multipart,
      createdAt: this.#date().toISOString(),
      state: "open",
      parts: new Map(),
    };
    this.sessions.set(session.uploadId, session);
    return session;
  }

  #sign(session: Session, body: Body): Answer {
    const wanted = body["parts"] as { number: number; sha256: string; size?: number }[];
    if (session.state === "completed") return problem(409, "upload_completed");
    if (session.state === "aborted") return problem(410, "upload_gone");
    const wrong = wanted.some(
      ({ number, sha256, size }) =>
        number < 1 ||
        number > partCount(session) ||
        (size ?? lengthOf(session, number)) !== lengthOf(session, number) ||
        (!session.multipart && sha256 !== session.sha256),
    );
    if (wrong || wanted.length < 1 || wanted.length > 100) return problem(400, "invalid_request");
    const parts = wanted.map(({ number, sha256 }) => ({
      number,
      action: this.#signPut(session, number, sha256),
    }));
    return { status: 200, body: { parts } };
  }

  #complete(session: Session, { sha256, parts_sha256, size }: Body): Answer {
    const given = sha256 !== undefined && parts_sha256 !== undefined;
    if ((size ?? session.size) !== session.size) return problem(400, "invalid_request");
    if (session.state === "completed") {
      if (given && session.file?.sha256 !== sha256) return problem(410, "upload_gone");
      if (!this.files.has(session.file?.file_id ?? "")) return problem(404, "unknown_upload");
      return { status: 200, body: { file: session.file } };
    }
    if (session.state === "aborted") return problem(410, "upload_gone");
    if (!given && session.firstSha256 !== null) return problem(400, "invalid_request");
    if (given && session.sha256 !== null && session.sha256 !== sha256) {
      return problem(400, "invalid_request");
    }
    const numbers = Array.from({ length: partCount(session) }, (_, index) => index + 1);
    const missing = numbers.filter((number) => !session.parts.has(number));
    if (missing.length > 0) {
      return session.multipart
        ? problem(409, "parts_missing", { missing: missing.slice(0, 100) })
        : problem(409, "not_uploaded");
    }
    if (given && compositeOf(session) !== parts_sha256) return problem(409, "parts_differ");
    const content = Buffer.concat(
      numbers.map((number) => session.parts.get(number)?.bytes ?? new Uint8Array()),
    );
    const name = session.sha256 ?? String(sha256);
    if (!this.trusting && sha256Hex(content) !== name)
      throw new Error("the parts don't make up the file");
    session.state = "completed";
    session.file = this.#same(session.owner, { ...session, sha256: name });
    if (session.file) return { status: 200, body: { file: session.file } };
    const file: StoredFile = {
      file_id: session.uploadId,
      name: session.name,
      size: session.size,
      content_type: session.contentType,
      sha256: name,
      verified: !session.multipart,
      created_at: this.#date().toISOString(),
    };
    session.file = file;
    this.#store(session.owner, file, content);
    return { status: 200, body: { file } };
  }

  #abort(session: Session): Answer {
    if (session.state === "completed") return problem(409, "upload_completed");
    session.state = "aborted";
    session.parts.clear();
    return { status: 204 };
  }

  #file(method: string, fileId: string, verb: string, body: Body, owner: string): Answer {
    const file = this.files.get(fileId);
    if (!file || this.#owners.get(fileId) !== owner) return problem(404, "unknown_file");
    if (verb === "download") {
      if (file.corrupt) return problem(409, "corrupt");
      return { status: 200, body: { file, action: this.#signGet(fileId) } };
    }
    if (method === "PATCH") {
      const name = String(body["name"]);
      if (name === "" || /[/\\]/.test(name)) return problem(400, "invalid_name");
      file.name = name;
    }
    if (method === "DELETE") {
      this.files.delete(fileId);
      this.contents.delete(fileId);
      return { status: 204 };
    }
    return { status: 200, body: { file } };
  }

  #describe(session: Session) {
    const created = Date.parse(session.createdAt);
    return {
      upload_id: session.uploadId,
      state: session.state,
      name: session.name,
      size: session.size,
      content_type: session.contentType,
      ...hashesOf(session),
      part_size: session.partSize,
      part_count: partCount(session),
      parts: session.state === "open" ? partsOf(session) : [],
      created_at: session.createdAt,
      expires_at: new Date(created + 7 * DAY).toISOString(),
      ...(session.state === "completed" ? { file: session.file } : {}),
    };
  }

  #signPut(session: Session, number: number, sha256: string): Body {
    const headers: Record<string, string> = {
      "Content-Length": String(lengthOf(session, number)),
      "x-amz-checksum-sha256": base64(sha256),
    };
    if (!session.multipart) headers["If-None-Match"] = "*";
    const href = this.#href(`files/${session.uploadId}?partNumber=${number}&`);
    this.#signed.set(href, { session, number, headers, until: this.#until() });
    return { method: "PUT", href, headers, expires_in: this.expiresIn };
  }

  #signGet(fileId: string): Body {
    const href = this.#href(`files/${fileId}?`);
    this.#downloads.set(href, { fileId, until: this.#until() });
    return { method: "GET", href, headers: {}, expires_in: this.expiresIn };
  }

  #href(path: string): string {
    this.#lastId += 1;
    return `${this.#s3Url}/${path}X-Amz-Signature=${this.#lastId}`;
  }

  #until(): number {
    return this.#now() + this.expiresIn * 1000;
  }

  #store(owner: string, file: StoredFile, content: Uint8Array): void {
    this.files.set(file.file_id, file);
    this.contents.set(file.file_id, content);
    this.#owners.set(file.file_id, owner);
  }

  /** Whether the whole must be hashed: to find a duplicate, or for one PUT. */
  #mayHave(owner: string, { size, first_sha256 }: Wanted): boolean {
    if (first_sha256 === undefined) return false;
    if (size <= this.#singlePut) return true;
    return [...this.sessions.values()].some(
      (session) =>
        session.owner === owner &&
        session.size === size &&
        session.multipart &&
        session.parts.get(1)?.sha256 === first_sha256 &&
        this.files.has(session.file?.file_id ?? ""),
    );
  }

  #same(owner: string, { sha256, size }: Omit<Wanted, "name">): StoredFile | undefined {
    return this.#of(owner).find((file) => file.sha256 === sha256 && file.size === size);
  }

  #open(owner: string, { sha256, first_sha256, size }: Wanted): Session | undefined {
    return [...this.sessions.values()].find(
      (session) =>
        session.owner === owner &&
        session.state === "open" &&
        session.sha256 === (sha256 ?? null) &&
        session.firstSha256 === (first_sha256 ?? null) &&
        session.size === size,
    );
  }

  /** A person's files, newest first. */
  #of(owner: string): StoredFile[] {
    const own = [...this.files.values()].filter((file) => this.#owners.get(file.file_id) === owner);
    return own.sort((a, b) => b.created_at.localeCompare(a.created_at));
  }

  #id(): string {
    this.#lastId += 1;
    return `U${this.#lastId}`;
  }
}

/** Problem details as the API answers them. */
export function problem(status: number, code: string, members: Body = {}): Answer {
  const retryAfter = members["retry_after"];
  const headers: Record<string, string> = { "Content-Type": "application/problem+json" };
  if (retryAfter !== undefined) headers["Retry-After"] = String(retryAfter);
  const type = `urn:wideload:problem:${code}`;
  const detail = `${code} it is.`;
  const body = { type, title: code, status, detail, code, request_id: REQUEST_ID, ...members };
  return { status, headers, body };
}

/** A refusal as S3 answers it. */
export function s3Refusal(status: number, code: string): Answer {
  const body = `<?xml version="1.0"?><Error><Code>${code}</Code><Message>…</Message><RequestId>R1</RequestId></Error>`;
  return { status, headers: { "Content-Type": "application/xml" }, body };
}

export function sha256Hex(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

function base64(hex: string): string {
  return Buffer.from(hex, "hex").toString("base64");
}

function lowerCased(headers: Readonly<Record<string, unknown>>): Map<string, string> {
  return new Map(
    Object.entries(headers).map(([name, value]) => [name.toLowerCase(), String(value)]),
  );
}

/** SHA-256 of the concatenated digests of all parts. */
function compositeOf(session: Session): string {
  return sha256Hex(
    Buffer.from(
      partsOf(session)
        .map(({ sha256 }) => sha256)
        .join(""),
      "hex",
    ),
  );
}

function hashesOf({ sha256, firstSha256, file }: Session): Body {
  const name = sha256 ?? file?.sha256;
  return {
    ...(name ? { sha256: name } : {}),
    ...(firstSha256 ? { first_sha256: firstSha256 } : {}),
  };
}

function lengthOf({ size, partSize }: Session, number: number): number {
  return Math.min(partSize, size - (number - 1) * partSize);
}

function partCount(session: Session): number {
  return session.multipart ? Math.ceil(session.size / session.partSize) : 1;
}

function partsOf(session: Session): { number: number; sha256: string }[] {
  return [...session.parts]
    .sort(([a], [b]) => a - b)
    .map(([number, { sha256 }]) => ({ number, sha256 }));
}
