/**
 * The file transfer API and S3 in memory, for tests and for the page's development server. The API
 * keeps to `contract/openapi-files.yaml`; S3 refuses what S3 refuses.
 */

import { createHash } from "node:crypto";
import { type Answer, type Body, problem, s3Refusal } from "./answers.ts";
import { badName, badPath, Shelves, type StoredFile } from "./shelves.ts";

export { type Answer, type Body, problem, s3Refusal } from "./answers.ts";
export type { StoredFile } from "./shelves.ts";

export interface Session {
  readonly uploadId: string;
  readonly owner: string;
  readonly folder: string;
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
  /** All names that it was created under, in order. */
  readonly names: Name[];
  /** When completed: a file for each of its names. */
  files?: StoredFile[] | undefined;
}

type IfExists = "keep_both" | "replace" | "skip" | "fail";

/** What a file is to be called, besides its content. */
interface Name {
  readonly folder: string;
  readonly name: string;
  readonly contentType: string;
  readonly modifiedAt: string | undefined;
  readonly ifExists: IfExists;
}

interface Wanted {
  readonly name: string;
  readonly size: number;
  readonly content_type?: string;
  readonly sha256?: string;
  readonly first_sha256?: string;
  readonly expected_size?: number;
  readonly folder?: string;
  readonly modified_at?: string;
  readonly if_exists?: IfExists;
}

interface Signed {
  readonly session: Session;
  readonly number: number;
  readonly headers: Record<string, string>;
  readonly until: number;
}

const MIB = 1024 * 1024;
const DAY = 86_400_000;
const IF_EXISTS = new Set<unknown>(["keep_both", "replace", "skip", "fail"]);

export class FakeFiles {
  readonly shelves = new Shelves();
  /** By file id; several files may share one. */
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
      folder: "",
      name,
      size: content.length,
      content_type: "text/plain",
      sha256: sha256Hex(content),
      verified: true,
      created_at: new Date(this.#date().getTime() - 60_000 * (1000 - this.#lastId)).toISOString(),
      ...members,
    };
    this.shelves.ensure(owner, file.folder, this.#moment());
    this.#store(owner, file, content);
    return file;
  }

  /** Files of all people, by id. */
  get files(): ReadonlyMap<string, StoredFile> {
    return this.shelves.files;
  }

  /** Answers a request below `/files` of the person `owner`. */
  api(method: string, url: URL, body: Body, owner: string): Answer {
    const [, , first, id = "", verb] = url.pathname.split("/");
    if (first === undefined) {
      return method === "POST" ? this.#create(body, owner) : this.shelves.list(url, owner);
    }
    if (first === "check") return this.#check(body, owner);
    if (first === "folders") return this.#folder(method, url, body, owner);
    if (first === "move") return this.#each(body, (fileId) => this.#move(fileId, body, owner));
    if (first === "delete") return this.#each(body, (fileId) => this.#delete(fileId, owner));
    if (first !== "uploads") return this.#file(method, first, id, body, owner);
    if (id === "") return this.#uploads(url, owner);
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

  #folder(method: string, url: URL, body: Body, owner: string): Answer {
    const query = url.searchParams.get("folder");
    if (method === "GET") return this.shelves.folders(owner, query ?? "", url.searchParams);
    const folder = String(query ?? body["folder"] ?? "");
    if (badPath(folder)) return problem(400, "invalid_name");
    if (folder === "") return problem(400, "invalid_request");
    if (method === "POST") {
      return { status: 200, body: { folder: this.shelves.ensure(owner, folder, this.#moment()) } };
    }
    if (method === "PATCH") {
      return this.shelves.moveFolder(owner, folder, String(body["to"]), this.#moment());
    }
    const gone = this.shelves.deleteFolder(owner, folder);
    if (gone === undefined) return problem(404, "unknown_folder");
    for (const fileId of gone) this.contents.delete(fileId);
    return { status: 204 };
  }

  /** Answers for up to 100 files. */
  #each(body: Body, act: (fileId: string) => Body): Answer {
    const ids = body["file_ids"] as string[];
    if (!Array.isArray(ids) || ids.length < 1 || ids.length > 100) {
      return problem(400, "invalid_request");
    }
    return { status: 200, body: { files: ids.map(act) } };
  }

  #move(fileId: string, body: Body, owner: string): Body {
    const file = this.shelves.get(owner, fileId);
    if (!file) return { error: problem(404, "unknown_file").body };
    const answer = this.#change(owner, file, body);
    if (answer.status === 200) return answer.body as Body;
    const { code, file: other } = answer.body as Body;
    const skipped = code === "name_exists" && body["if_exists"] === "skip";
    return skipped ? { skipped: true, file: other } : { error: answer.body };
  }

  #delete(fileId: string, owner: string): Body {
    if (!this.shelves.get(owner, fileId)) return { error: problem(404, "unknown_file").body };
    this.#remove(fileId);
    return { deleted: true };
  }

  #uploads(url: URL, owner: string): Answer {
    const open = [...this.sessions.values()].filter(
      (session) => session.owner === owner && session.state === "open",
    );
    const start = Number(url.searchParams.get("cursor") ?? 0);
    const end = start + Number(url.searchParams.get("limit") ?? 50);
    const items = open
      .reverse()
      .slice(start, end)
      .map((session) => {
        const { parts: _, ...upload } = this.#describe(session);
        return upload;
      });
    return { status: 200, body: { items, cursor: end < open.length ? String(end) : null } };
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
    if (badName(wanted.name) || badPath(wanted.folder ?? "")) {
      return problem(400, "invalid_name", { detail: "The name is refused." });
    }
    if (!IF_EXISTS.has(wanted.if_exists ?? "keep_both")) return problem(400, "invalid_request");
    if (wanted.if_exists === "fail") {
      const other = this.#other(owner, wanted);
      if (other) return problem(409, "name_exists", { file: other });
    }
    if (this.#same(owner, wanted) || this.#mayHave(owner, wanted)) return undefined;
    const open = [...this.sessions.values()].filter(
      (session) => session.owner === owner && session.state === "open",
    );
    if (!this.#open(owner, wanted) && open.length >= this.maxOpen) {
      return problem(429, "too_many_uploads", { retry_after: 1 });
    }
    return this.refuse(wanted);
  }

  #createOne(wanted: Wanted, owner: string): Body {
    const other = this.#other(owner, wanted);
    if (other && wanted.if_exists === "skip") return { skipped: true, file: other };
    const same = this.#same(owner, wanted);
    if (same) return { duplicate: true, file: this.#add(owner, same, nameOf(wanted)) };
    const session = this.#open(owner, wanted) ?? this.#begin(wanted, owner);
    const { folder, name } = nameOf(wanted);
    if (!session.names.some((known) => known.folder === folder && known.name === name)) {
      session.names.push(nameOf(wanted));
    }
    const { upload_id, expires_at, part_size, part_count, parts } = this.#describe(session);
    if (session.multipart) return { upload_id, expires_at, part_size, part_count, parts };
    if (session.parts.has(1)) return { upload_id, expires_at };
    return { upload_id, expires_at, action: this.#signPut(session, 1, wanted.sha256 ?? "") };
  }

  #begin(wanted: Wanted, owner: string): Session {
    const { name, size, content_type, folder = "", ...hash } = wanted;
    const multipart = size > this.#singlePut;
    const session: Session = {
      uploadId: this.#id(),
      owner,
      folder,
      name,
      names: [nameOf(wanted)],
      size,
      sha256: hash.sha256 ?? null,
      firstSha256: hash.first_sha256 ?? null,
      contentType: content_type ?? "application/octet-stream",
      partSize: multipart ? this.#partSize : size,
      multipart,
      createdAt: this.#moment(),
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
      if (given && session.files?.[0]?.sha256 !== sha256) return problem(410, "upload_gone");
      const left = session.files?.filter(({ file_id }) => this.files.has(file_id)) ?? [];
      return left.length > 0 ? completed(left) : problem(404, "unknown_upload");
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
    const known = this.#same(session.owner, { size: session.size, sha256: name });
    const first = {
      size: session.size,
      sha256: name,
      verified: !session.multipart,
      ...(session.multipart ? {} : { verified_by: "s3" as const }),
    };
    session.files = session.names.map((each, index) => {
      if (known) return this.#add(session.owner, known, each);
      const fileId = index === 0 ? session.uploadId : this.#id();
      return this.#make(session.owner, first, content, each, fileId);
    });
    return completed(session.files);
  }

  #abort(session: Session): Answer {
    if (session.state === "completed") return problem(409, "upload_completed");
    session.state = "aborted";
    session.parts.clear();
    return { status: 204 };
  }

  #file(method: string, fileId: string, verb: string, body: Body, owner: string): Answer {
    const file = this.shelves.get(owner, fileId);
    if (!file) return problem(404, "unknown_file");
    if (verb === "download") {
      if (file.corrupt) return problem(409, "corrupt");
      if (file.quarantined) return problem(409, "quarantined");
      return { status: 200, body: { file, action: this.#signGet(fileId) } };
    }
    if (method === "PATCH") return this.#change(owner, file, body);
    if (method === "DELETE") {
      this.#remove(fileId);
      return { status: 204 };
    }
    return { status: 200, body: { file } };
  }

  /** Renames or moves a file. */
  #change(owner: string, file: StoredFile, body: Body): Answer {
    const { name = file.name, folder = file.folder, if_exists = "keep_both" } = body;
    if (badName(name) || badPath(folder)) return problem(400, "invalid_name");
    if (!IF_EXISTS.has(if_exists)) return problem(400, "invalid_request");
    const other = this.shelves.at(owner, String(folder), String(name));
    if (other && other !== file) {
      if (if_exists === "skip" || if_exists === "fail") {
        return problem(409, "name_exists", { file: other });
      }
      if (if_exists === "replace" || sameContent(file, other)) this.#remove(other.file_id);
    }
    this.shelves.ensure(owner, String(folder), this.#moment());
    this.shelves.place(owner, file, String(folder), String(name));
    return { status: 200, body: { file } };
  }

  #remove(fileId: string): void {
    this.shelves.remove(fileId);
    this.contents.delete(fileId);
  }

  /** A file of this name and folder with other content. */
  #other(owner: string, { name, folder = "", size, sha256 }: Wanted): StoredFile | undefined {
    const file = this.shelves.at(owner, folder, name);
    // The content of a file with `first_sha256` alone is not known yet.
    if (sha256 !== undefined && file && sameContent(file, { size, sha256 })) return undefined;
    return file;
  }

  /** A file over the content of another one; the one that is there, if there is. */
  #add(owner: string, same: StoredFile, name: Name): StoredFile {
    const content = this.contents.get(same.file_id) ?? new Uint8Array();
    const { size, sha256, verified, verified_by, corrupt, quarantined } = same;
    const members = { size, sha256, verified, verified_by, corrupt, quarantined };
    return this.#make(owner, members, content, name, this.#id());
  }

  #make(
    owner: string,
    content: Pick<StoredFile, "size" | "sha256" | "verified"> & Partial<StoredFile>,
    bytes: Uint8Array,
    { folder, name, contentType, modifiedAt, ifExists }: Name,
    fileId: string,
  ): StoredFile {
    const isSame = (file: StoredFile) => sameContent(file, content);
    const taken = this.shelves.at(owner, folder, name);
    if (taken && ifExists === "replace" && !isSame(taken)) this.#remove(taken.file_id);
    const free = this.shelves.freeName(owner, folder, name, isSame);
    const there = this.shelves.at(owner, folder, free);
    if (there) return there;
    this.shelves.ensure(owner, folder, this.#moment());
    const file: StoredFile = {
      file_id: fileId,
      folder,
      name: free,
      content_type: contentType,
      ...content,
      ...(modifiedAt === undefined ? {} : { modified_at: modifiedAt }),
      created_at: this.#moment(),
    };
    this.#store(owner, file, bytes);
    return file;
  }

  #describe(session: Session) {
    const created = Date.parse(session.createdAt);
    return {
      upload_id: session.uploadId,
      state: session.state,
      folder: session.folder,
      name: session.name,
      size: session.size,
      content_type: session.contentType,
      ...hashesOf(session),
      part_size: session.partSize,
      part_count: partCount(session),
      parts: session.state === "open" ? partsOf(session) : [],
      created_at: session.createdAt,
      expires_at: new Date(created + 7 * DAY).toISOString(),
      ...(session.state === "completed" ? { file: session.files?.[0] } : {}),
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

  #moment(): string {
    return this.#date().toISOString();
  }

  #store(owner: string, file: StoredFile, content: Uint8Array): void {
    this.shelves.add(owner, file);
    this.contents.set(file.file_id, content);
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
        this.shelves.same(owner, size, session.files?.[0]?.sha256 ?? "") !== undefined,
    );
  }

  #same(owner: string, { size, sha256 }: Pick<Wanted, "size" | "sha256">): StoredFile | undefined {
    return sha256 === undefined ? undefined : this.shelves.same(owner, size, sha256);
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

  #id(): string {
    this.#lastId += 1;
    return `U${this.#lastId}`;
  }
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

function completed(files: readonly StoredFile[]): Answer {
  const [file] = files;
  return { status: 200, body: files.length > 1 ? { file, files } : { file } };
}

function nameOf(wanted: Wanted): Name {
  const { folder = "", name, content_type, modified_at, if_exists = "keep_both" } = wanted;
  const contentType = content_type ?? "application/octet-stream";
  return { folder, name, contentType, modifiedAt: modified_at, ifExists: if_exists };
}

function sameContent(
  one: { size: number; sha256: string },
  other: { size: number; sha256: string },
): boolean {
  return one.size === other.size && one.sha256 === other.sha256;
}

function hashesOf({ sha256, firstSha256, files }: Session): Body {
  const name = sha256 ?? files?.[0]?.sha256;
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
