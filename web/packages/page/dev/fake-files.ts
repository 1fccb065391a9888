/** Stands for the file transfer API and for S3, in memory; refuses what those refuse. */

import { createHash, randomBytes } from "node:crypto";
import { folded } from "../src/names.ts";
import type { Answer, Exchange } from "./exchange.ts";

const MIB = 1024 * 1024;
const SINGLE_PUT = 64 * MIB;
const PART_SIZE = 8 * MIB;
const SCANNED = 250;

interface StoredFile {
  file_id: string;
  name: string;
  size: number;
  content_type: string;
  sha256: string;
  verified: boolean;
  created_at: string;
  corrupt?: true;
}

interface OpenUpload {
  readonly id: string;
  readonly owner: string;
  readonly name: string;
  readonly size: number;
  readonly contentType: string;
  readonly sha256: string;
  readonly parts: Map<number, { sha256: string; bytes: Buffer }>;
}

interface Signed {
  readonly upload: OpenUpload;
  readonly number: number;
  readonly size: number;
  readonly sha256: string;
}

export class FakeFiles {
  /** Milliseconds that each PUT takes, so that there is progress to be seen. */
  putDelay = 0;
  readonly #files = new Map<string, { owner: string; file: StoredFile; content: Buffer }>();
  readonly #uploads = new Map<string, OpenUpload>();
  readonly #signed = new Map<string, Signed>();
  readonly #downloads = new Map<string, string>();
  readonly #base: string;
  #count = 0;

  constructor(base: string) {
    this.#base = base;
  }

  /** Puts a file there as if it had been uploaded long ago. */
  seed(owner: string, name: string, change: Partial<StoredFile> = {}): StoredFile {
    const content = Buffer.from(name);
    const file: StoredFile = {
      file_id: this.#id(),
      name,
      size: content.length,
      content_type: "text/plain",
      sha256: createHash("sha256").update(content).digest("hex"),
      verified: true,
      created_at: new Date(Date.now() - 60_000 * (1000 - this.#count)).toISOString(),
      ...change,
    };
    this.#files.set(file.file_id, { owner, file, content });
    return file;
  }

  /** Requests below `/files`, of the person whose token came with them. */
  async api(exchange: Exchange, owner: string): Promise<Answer> {
    const [, , first, id, last] = exchange.url.pathname.split("/");
    const { method } = exchange;
    if (first === undefined && method === "GET") return this.#list(exchange.url, owner);
    if (first === undefined && method === "POST") return this.#create(await exchange.json(), owner);
    if (first === "check") return this.#check(await exchange.json(), owner);
    if (first === "uploads") {
      const upload = this.#uploads.get(id ?? "");
      if (upload?.owner !== owner) return this.#completed(id, last, owner);
      if (last === "parts") return this.#sign(upload, await exchange.json());
      if (last === "complete") return this.#complete(upload);
      if (method === "DELETE") {
        this.#uploads.delete(upload.id);
        return { status: 204 };
      }
      return { status: 200, body: this.#session(upload) };
    }
    return this.#one(exchange, owner, first ?? "", id);
  }

  /** Requests to presigned URLs. */
  async s3(exchange: Exchange): Promise<Answer> {
    const key = exchange.url.pathname.split("/").at(-1) ?? "";
    if (exchange.method === "GET") return this.#get(key);
    const signed = this.#signed.get(key);
    const body = await exchange.body();
    await new Promise((resolve) => setTimeout(resolve, this.putDelay));
    if (!signed) return refusal(403, "AccessDenied");
    const { upload, number, size, sha256 } = signed;
    const checksum = Buffer.from(sha256, "hex").toString("base64");
    if (exchange.headers["x-amz-checksum-sha256"] !== checksum || body.length !== size) {
      return refusal(403, "SignatureDoesNotMatch");
    }
    if (createHash("sha256").update(body).digest("hex") !== sha256) {
      return refusal(400, "BadDigest");
    }
    upload.parts.set(number, { sha256, bytes: body });
    return { status: 200, headers: { ETag: `"${number}"`, "x-amz-checksum-sha256": checksum } };
  }

  #list(url: URL, owner: string): Answer {
    const limit = Number(url.searchParams.get("limit") ?? 50);
    const start = Number(url.searchParams.get("cursor") ?? 0);
    const q = folded(url.searchParams.get("q") ?? "");
    const all = this.#of(owner);
    const items: StoredFile[] = [];
    let next = start;
    // As the real one: a search looks at so many names per request, whatever it finds.
    const end = Math.min(all.length, start + (q === "" ? limit : SCANNED));
    for (; next < end && items.length < limit; next += 1) {
      const file = all[next];
      if (file && folded(file.name).includes(q)) items.push(file);
    }
    return { status: 200, body: { items, cursor: next < all.length ? String(next) : null } };
  }

  #check(body: Record<string, unknown>, owner: string): Answer {
    const files = (body.files as { sha256: string; size: number }[]).map(({ sha256, size }) => {
      const file = this.#same(owner, sha256, size);
      return file ? { duplicate: true, file } : { duplicate: false };
    });
    return { status: 200, body: { files } };
  }

  #create(body: Record<string, unknown>, owner: string): Answer {
    const wanted = body.files as {
      name: string;
      size: number;
      sha256: string;
      content_type?: string;
    }[];
    const files = wanted.map(({ name, size, sha256, content_type }) => {
      const file = this.#same(owner, sha256, size);
      if (file) return { duplicate: true, file };
      if (/[\u202a-\u202e]/.test(name)) {
        return { error: problem(400, "invalid_name", "The name can't be shown.") };
      }
      if (name.startsWith("refused")) {
        return { error: problem(413, "quota_exceeded", "You have 1 GB, and all of it is used.") };
      }
      const open = [...this.#uploads.values()].find(
        (upload) => upload.owner === owner && upload.sha256 === sha256 && upload.size === size,
      );
      const upload = open ?? {
        id: this.#id(),
        owner,
        name,
        size,
        sha256,
        contentType: content_type ?? "application/octet-stream",
        parts: new Map(),
      };
      this.#uploads.set(upload.id, upload);
      const { expires_at, upload_id, part_size, part_count, parts } = this.#session(upload);
      if (size > SINGLE_PUT) return { upload_id, part_size, part_count, parts, expires_at };
      if (upload.parts.has(1)) return { upload_id, expires_at };
      return { upload_id, expires_at, action: this.#action({ upload, number: 1, size, sha256 }) };
    });
    const refused = files.find((file) => "error" in file);
    if (refused && files.every((file) => "error" in file)) {
      return answer({ ...(refused.error as Problem), files });
    }
    return { status: 200, body: { files } };
  }

  #sign(upload: OpenUpload, body: Record<string, unknown>): Answer {
    const parts = (body.parts as { number: number; sha256: string }[]).map(({ number, sha256 }) => {
      const { part_size } = this.#session(upload);
      const size = Math.min(part_size, upload.size - (number - 1) * part_size);
      return { number, action: this.#action({ upload, number, size, sha256 }) };
    });
    return { status: 200, body: { parts } };
  }

  #complete(upload: OpenUpload): Answer {
    const { part_count } = this.#session(upload);
    const missing = Array.from({ length: part_count }, (_, index) => index + 1).filter(
      (number) => !upload.parts.has(number),
    );
    if (missing.length > 0) {
      const code = part_count === 1 ? "not_uploaded" : "parts_missing";
      return answer({ ...problem(409, code, "Not all bytes are there."), missing });
    }
    const content = Buffer.concat(
      [...upload.parts].sort(([a], [b]) => a - b).map(([, { bytes }]) => bytes),
    );
    const file: StoredFile = {
      file_id: upload.id,
      name: upload.name,
      size: upload.size,
      content_type: upload.contentType,
      sha256: upload.sha256,
      verified: part_count === 1,
      created_at: new Date().toISOString(),
    };
    this.#files.set(file.file_id, { owner: upload.owner, file, content });
    this.#uploads.delete(upload.id);
    return { status: 200, body: { file } };
  }

  #completed(id: string | undefined, last: string | undefined, owner: string): Answer {
    const stored = this.#files.get(id ?? "");
    if (stored?.owner !== owner || last !== "complete") {
      return answer(problem(404, "unknown_upload", "There is no such upload of yours."));
    }
    return { status: 200, body: { file: stored.file } };
  }

  async #one(exchange: Exchange, owner: string, id: string, verb?: string): Promise<Answer> {
    const stored = this.#files.get(id);
    if (stored?.owner !== owner) {
      return answer(problem(404, "unknown_file", "There is no such file of yours."));
    }
    const { file } = stored;
    if (verb === "download") {
      if (file.corrupt) return answer(problem(409, "corrupt", "Its content is not what was sent."));
      const key = this.#id();
      this.#downloads.set(key, id);
      const href = `${this.#base}/s3/${key}`;
      return {
        status: 200,
        body: { file, action: { method: "GET", href, headers: {}, expires_in: 3600 } },
      };
    }
    if (exchange.method === "PATCH") {
      const name = String((await exchange.json()).name);
      if (name === "" || /[/\\]/.test(name)) {
        return answer(problem(400, "invalid_name", 'A name must not contain "/" or "\\".'));
      }
      file.name = name;
    }
    if (exchange.method === "DELETE") {
      this.#files.delete(id);
      return { status: 204 };
    }
    return { status: 200, body: { file } };
  }

  #get(key: string): Answer {
    const stored = this.#files.get(this.#downloads.get(key) ?? "");
    if (!stored) return refusal(404, "NoSuchKey");
    const name = encodeURIComponent(stored.file.name);
    return {
      status: 200,
      headers: {
        "Content-Type": stored.file.content_type,
        "Content-Disposition": `attachment; filename*=UTF-8''${name}`,
      },
      body: stored.content,
    };
  }

  #session(upload: OpenUpload) {
    const multipart = upload.size > SINGLE_PUT;
    const part_size = multipart ? PART_SIZE : upload.size;
    return {
      upload_id: upload.id,
      state: "open",
      name: upload.name,
      size: upload.size,
      content_type: upload.contentType,
      sha256: upload.sha256,
      part_size,
      part_count: multipart ? Math.ceil(upload.size / part_size) : 1,
      parts: [...upload.parts].map(([number, { sha256 }]) => ({ number, sha256 })),
      created_at: new Date().toISOString(),
      expires_at: new Date(Date.now() + 3_600_000).toISOString(),
    };
  }

  #action(signed: Signed) {
    const key = this.#id();
    this.#signed.set(key, signed);
    const checksum = Buffer.from(signed.sha256, "hex").toString("base64");
    return {
      method: "PUT",
      href: `${this.#base}/s3/${key}`,
      headers: { "Content-Length": String(signed.size), "x-amz-checksum-sha256": checksum },
      expires_in: 3600,
    };
  }

  #same(owner: string, sha256: string, size: number): StoredFile | undefined {
    return this.#of(owner).find((file) => file.sha256 === sha256 && file.size === size);
  }

  #of(owner: string): StoredFile[] {
    const mine = [...this.#files.values()].filter((stored) => stored.owner === owner);
    return mine.map(({ file }) => file).sort((a, b) => b.created_at.localeCompare(a.created_at));
  }

  #id(): string {
    this.#count += 1;
    return `01FAKE${String(this.#count).padStart(6, "0")}${randomBytes(7).toString("hex").toUpperCase()}`;
  }
}

interface Problem {
  readonly status: number;
  readonly code: string;
}

export function problem(status: number, code: string, detail: string) {
  const type = `urn:wideload:problem:${code}`;
  return { type, title: code, status, detail, code, request_id: "fake-request" };
}

export function answer(body: Problem & Record<string, unknown>): Answer {
  return { status: body.status, headers: { "Content-Type": "application/problem+json" }, body };
}

function refusal(status: number, code: string): Answer {
  const body = `<Error><Code>${code}</Code></Error>`;
  return { status, headers: { "Content-Type": "application/xml" }, body };
}
