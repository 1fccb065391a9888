import { describe, expect, it, vi } from "vitest";
import { sha256Hex } from "../../../fake-cloud/files.ts";
import {
  AuthenticationError,
  CancelledError,
  FileChangedError,
  FileReadError,
  LimitError,
  RefusedError,
  StorageError,
  TransportError,
} from "../src/index.js";
import { FakeCloud, json, problem, s3Error, tick, unauthorized } from "./fake-cloud.js";
import { bytes, fileOf, happens, reached, setting } from "./setting.js";

const PART = 1000;

describe("one PUT", () => {
  it.each([0, 1, 999])("stores %d bytes with two requests", async (size) => {
    const { cloud, uploader } = setting();

    const result = await uploader.upload(fileOf(size)).done;

    expect(result.file).toMatchObject({
      name: "file-1.bin",
      size,
      contentType: "video/mp4",
      sha256: sha256Hex(bytes(size)),
      verified: true,
      corrupt: false,
    });
    expect(result).toMatchObject({ duplicate: false, sentBytes: size, resumedBytes: 0 });
    expect(cloud.contents.get(result.file.fileId)).toEqual(Buffer.from(bytes(size)));
    expect(cloud.requests).toEqual(["POST /files", "POST /files/uploads/U1/complete"]);
  });

  it("sends nothing of content that is there already, and gives it the new name", async () => {
    const { cloud, uploader } = setting();
    await uploader.upload(fileOf(50, 1, "first.bin")).done;
    cloud.requests.length = 0;

    const upload = uploader.upload(fileOf(50, 1, "second.bin"));
    const result = await upload.done;

    expect(result).toMatchObject({ duplicate: true, sentBytes: 0, file: { name: "second.bin" } });
    expect(upload.progress).toMatchObject({ sentBytes: 50, resumedBytes: 50 });
    expect(cloud.requests).toEqual(["POST /files"]);
    expect(cloud.puts).toHaveLength(1);
  });

  it("completes alone what S3 holds already", async () => {
    const { cloud, uploader } = setting();
    cloud.apiFault = (_method, path) =>
      path.endsWith("/complete") ? problem(400, "no") : undefined;
    await expect(uploader.upload(fileOf(50)).done).rejects.toThrow();
    cloud.apiFault = () => undefined;

    const result = await uploader.upload(fileOf(50)).done;

    expect(result).toMatchObject({ sentBytes: 0, resumedBytes: 50 });
    expect(cloud.puts).toHaveLength(1);
  });

  it("takes a 412 after a lost answer for stored", async () => {
    const { cloud, uploader } = setting();
    let puts = 0;
    cloud.putFault = () => (++puts === 1 ? "lost after" : undefined);

    const result = await uploader.upload(fileOf(50)).done;

    expect(cloud.puts.map((put) => put.status)).toEqual([200, 412]);
    expect(result.file.size).toBe(50);
  });

  it("signs anew when the URL has grown old while waiting", async () => {
    const { cloud, uploader, pacing, network } = setting();
    uploader.on("change", (changed) => {
      if (changed.state === "uploading" && pacing.time === 0) network.online = false;
    });

    const upload = uploader.upload(fileOf(50));
    await happens(uploader, upload, () => upload.waiting === "offline");
    pacing.time += 3600 * 1000;
    network.online = true;
    await upload.done;

    expect(cloud.requests).toContain("POST /files/uploads/U1/parts");
    expect(cloud.puts.map((put) => put.status)).toEqual([200]);
  });
});

describe("multipart", () => {
  it("sends exact parts, each once, and signs many at a time", async () => {
    const size = 30 * PART + 1;
    const { cloud, uploader } = setting({ partSize: PART });
    const upload = uploader.upload(fileOf(size));
    cloud.hold = happens(uploader, upload, () => upload.progress.hashedBytes === size);

    const result = await upload.done;

    expect(cloud.contents.get(result.file.fileId)).toEqual(Buffer.from(bytes(30 * PART + 1)));
    expect(cloud.puts.map((put) => put.number).sort((a, b) => a - b)).toEqual(
      Array.from({ length: 31 }, (_, index) => index + 1),
    );
    expect(cloud.requests.filter((request) => request.endsWith("/parts")).length).toBeLessThan(10);
  });

  it("sends real parts of 8 MiB without hashing twice", async () => {
    const size = 65 * 1024 * 1024;
    const { cloud, uploader } = setting({ partSize: 8 * 1024 * 1024 });
    let hashed = 0;
    uploader.on("change", (upload) => {
      if (upload.state === "hashing") hashed += 1;
    });

    const result = await uploader.upload(fileOf(size)).done;

    expect(result.file.sha256).toBe(sha256Hex(bytes(size)));
    expect(cloud.puts).toHaveLength(9);
    expect(hashed).toBe(1);
  });

  it("never has more PUTs under way than allowed, over all files", async () => {
    const { cloud, uploader } = setting({ partSize: PART, parallel: 3 });

    await Promise.all([1, 2, 3, 4, 5].map((seed) => uploader.upload(fileOf(7 * PART, seed)).done));

    expect(cloud.mostPutsAtOnce).toBe(3);
    expect(cloud.files.size).toBe(5);
  });

  it("goes on where another uploader stopped", async () => {
    const { cloud, uploader } = setting({ partSize: PART });
    cloud.putFault = (number) => (number > 6 ? s3Error(400, "InvalidArgument") : undefined);
    await expect(uploader.upload(fileOf(10 * PART)).done).rejects.toBeInstanceOf(StorageError);
    const held = [...cloud.sessions.values()][0]?.parts.size ?? 0;
    cloud.putFault = () => undefined;
    const before = cloud.puts.length;

    const later = setting({ cloud, partSize: PART });
    const result = await later.uploader.upload(fileOf(10 * PART)).done;

    expect(held).toBeGreaterThan(0);
    expect(result).toMatchObject({ resumedBytes: held * PART, sentBytes: (10 - held) * PART });
    expect(cloud.puts.length - before).toBe(10 - held);
  });

  it("sends a part again that S3 holds with other bytes", async () => {
    const { cloud, uploader } = setting({ partSize: PART });
    cloud.putFault = () => s3Error(400, "InvalidArgument");
    await expect(uploader.upload(fileOf(3 * PART)).done).rejects.toThrow();
    cloud.sessions.get("U1")?.parts.set(2, { sha256: "0".repeat(64), bytes: bytes(PART, 9) });
    cloud.putFault = () => undefined;

    const result = await uploader.upload(fileOf(3 * PART)).done;

    expect(result.resumedBytes).toBe(0);
    expect(cloud.contents.get("U1")).toEqual(Buffer.from(bytes(3 * PART)));
  });

  it("sends again what the API misses", async () => {
    const { cloud, uploader } = setting({ partSize: PART });
    let dropped = false;
    cloud.apiFault = (_method, path) => {
      if (path.endsWith("/complete") && !dropped) {
        dropped = true;
        cloud.sessions.get("U1")?.parts.delete(2);
      }
      return undefined;
    };

    await uploader.upload(fileOf(4 * PART)).done;

    expect(cloud.puts.map((put) => put.number)).toEqual([1, 2, 3, 4, 2]);
  });
});

describe("failures on the way", () => {
  it("signs a part anew after 403, and at once", async () => {
    const { cloud, uploader, pacing } = setting({ partSize: PART });
    const refused = new Set<string>();
    cloud.putFault = (number, request) => {
      if (number !== 2 || refused.size > 0) return undefined;
      refused.add(request.url);
      return s3Error(403, "AccessDenied");
    };

    await uploader.upload(fileOf(3 * PART)).done;

    const urls = cloud.puts.filter((put) => put.number === 2).map((put) => put.url);
    expect(new Set(urls).size).toBe(2);
    expect(pacing.slept).toEqual([]);
  });

  it("signs anew when the credentials expired before the URL, which S3 calls a 400", async () => {
    const { cloud, uploader } = setting({ partSize: PART });
    let puts = 0;
    cloud.putFault = () => (++puts === 1 ? s3Error(400, "ExpiredToken") : undefined);

    await uploader.upload(fileOf(3 * PART)).done;

    expect(cloud.files.size).toBe(1);
  });

  it("gives up when every new URL is refused too", async () => {
    const { cloud, uploader } = setting({ partSize: PART, parallel: 1 });
    cloud.putFault = () => s3Error(403, "AccessDenied");

    const upload = uploader.upload(fileOf(3 * PART));

    await expect(upload.done).rejects.toMatchObject({
      status: 403,
      code: "AccessDenied",
      requestId: "R1",
    });
    expect(cloud.puts).toHaveLength(4);
    expect(upload.state).toBe("failed");
  });

  it.each([
    ["503 SlowDown", s3Error(503, "SlowDown")],
    ["500", s3Error(500, "InternalError")],
    ["RequestTimeout", s3Error(400, "RequestTimeout")],
    ["no answer, nothing stored", "lost before" as const],
    ["no answer, yet stored", "lost after" as const],
  ])("tries again after %s, waiting longer each time", async (_name, fault) => {
    const { cloud, uploader, pacing } = setting({ partSize: PART, parallel: 1 });
    let failures = 3;
    cloud.putFault = (number) => (number === 2 && failures-- > 0 ? fault : undefined);

    await uploader.upload(fileOf(3 * PART)).done;

    expect(pacing.slept).toEqual([500, 1000, 2000]);
    expect(cloud.files.size).toBe(1);
  });

  it("fails after so many attempts, and goes on by retry() with what is stored", async () => {
    const { cloud, uploader } = setting({ partSize: PART, parallel: 1, partRetries: 2 });
    cloud.putFault = (number) => (number === 3 ? "lost before" : undefined);
    const upload = uploader.upload(fileOf(4 * PART));
    await expect(upload.done).rejects.toBeInstanceOf(TransportError);
    expect(upload.error?.message).toContain("Check the network connection");
    cloud.putFault = () => undefined;
    const hashing = vi.fn();
    uploader.on("change", (changed) => changed.state === "hashing" && hashing());

    upload.retry();
    const result = await upload.done;

    expect(hashing).not.toHaveBeenCalled();
    expect(result).toMatchObject({ sentBytes: 4 * PART, resumedBytes: 0 });
    expect(cloud.puts.map((put) => put.number)).toEqual([1, 2, 3, 4]);
  });

  it("doesn't blame CORS for a PUT that is lost after others were answered", async () => {
    const { cloud, uploader } = setting({ partSize: PART, parallel: 1, partRetries: 1 });
    cloud.putFault = (number) => (number === 2 ? "lost before" : undefined);
    cloud.answersProbes = true;

    const error = await uploader.upload(fileOf(3 * PART)).done.catch((caught: unknown) => caught);

    expect(error).toBeInstanceOf(TransportError);
    expect(error).toMatchObject({ code: "no_answer" });
    expect(cloud.probes).toEqual([]);
  });

  it("finds out that it is CORS which keeps the storage's answers from the page", async () => {
    const { cloud, uploader } = setting({ partSize: PART, parallel: 1, partRetries: 1 });
    cloud.putFault = () => "lost before";
    cloud.answersProbes = true;

    const error = await uploader.upload(fileOf(PART)).done.catch((caught: unknown) => caught);

    expect(error).toBeInstanceOf(TransportError);
    expect(error).toMatchObject({ code: "cors" });
    expect(String(error)).toContain(
      "the bucket's CORS rules must allow this page's origin, and PUT",
    );
    expect(String(error)).toContain("wideload doctor --origin");
    expect(cloud.probes).toHaveLength(1);
    expect(cloud.probes[0]).not.toContain("?");
  });

  it("says what to look at when the storage loses what it confirmed without an ETag", async () => {
    const { cloud, uploader } = setting({ partSize: PART, parallel: 1 });
    cloud.putFault = () => ({ status: 200, header: () => null, text: "<html>Uploads are scanned" });

    const error = await uploader.upload(fileOf(PART)).done.catch((caught: unknown) => caught);

    expect(error).toBeInstanceOf(StorageError);
    expect(error).toMatchObject({ code: "no_etag", status: 200 });
    expect(String(error)).toContain("don't expose ETag and x-amz-checksum-sha256");
  });

  it("blames no ETag when S3 confirmed with one", async () => {
    const { cloud, uploader } = setting({ partSize: PART, parallel: 1 });
    cloud.putFault = () => ({ status: 200, header: () => '"e"', text: "" });

    const error = await uploader.upload(fileOf(PART)).done.catch((caught: unknown) => caught);

    expect(error).toMatchObject({ code: "not_uploaded" });
  });

  it("counts failures anew when other parts get through", async () => {
    const { cloud, uploader } = setting({ partSize: PART, parallel: 2, partRetries: 1 });
    let failures = 0;
    cloud.putFault = (number) => {
      if (number !== 1 || failures >= 6) return undefined;
      failures += 1;
      return "lost before";
    };

    const upload = uploader.upload(fileOf(30 * PART));
    cloud.hold = happens(uploader, upload, () => upload.progress.hashedBytes === 30 * PART);

    await upload.done;

    expect(failures).toBe(6);
  });

  it("lets progress go backward when a part is sent again", async () => {
    const { cloud, uploader } = setting({ partSize: PART, parallel: 1 });
    let failures = 1;
    cloud.putFault = (number) => (number === 2 && failures-- > 0 ? "lost before" : undefined);
    const seen: number[] = [];
    uploader.on("progress", (changed) => {
      if (changed.state === "uploading") seen.push(changed.progress.sentBytes);
    });

    await uploader.upload(fileOf(2 * PART)).done;

    expect(seen.some((sent, index) => sent < (seen[index - 1] ?? 0))).toBe(true);
    expect(seen.at(-1)).toBe(2 * PART);
    expect(Math.min(...seen)).toBeGreaterThanOrEqual(0);
  });

  it("waits while offline, without counting attempts", async () => {
    const { cloud, uploader, network } = setting({ partSize: PART, parallel: 1, partRetries: 0 });
    cloud.putFault = (number) => {
      if (number !== 2 || !network.online || cloud.puts.length > 1) return undefined;
      network.online = false;
      return "lost before";
    };
    const upload = uploader.upload(fileOf(3 * PART));
    await happens(uploader, upload, () => upload.waiting === "offline");
    const requests = cloud.requests.length;
    for (let turn = 0; turn < 20; turn += 1) await tick();
    expect(cloud.requests.length).toBe(requests);
    cloud.putFault = () => undefined;

    network.online = true;
    await upload.done;

    expect(upload.waiting).toBeNull();
    expect(cloud.files.size).toBe(1);
  });

  it("says so when the file was changed before it was sent", async () => {
    const { cloud, uploader } = setting({ partSize: PART });
    cloud.putFault = (number) => (number === 2 ? s3Error(400, "BadDigest") : undefined);

    await expect(uploader.upload(fileOf(3 * PART)).done).rejects.toBeInstanceOf(FileChangedError);

    expect(cloud.puts.filter((put) => put.number === 2)).toHaveLength(2);
  });

  it("says so when the file can't be read any more, which browsers report as a network error", async () => {
    const { cloud, uploader } = setting({ partSize: PART, parallel: 1 });
    const file = fileOf(3 * PART);
    const gone = new DOMException("gone", "NotReadableError");
    cloud.putFault = (number) => {
      if (number !== 2) return undefined;
      vi.spyOn(Blob.prototype, "arrayBuffer").mockRejectedValue(gone);
      return "lost before";
    };

    const upload = uploader.upload(file);
    await expect(upload.done).rejects.toBeInstanceOf(FileReadError);
    vi.restoreAllMocks();

    cloud.putFault = () => undefined;
    upload.retry();
    expect(upload.progress.hashedBytes).toBe(0);
    await upload.done;
  });

  it("begins anew when the upload is gone", async () => {
    const { cloud, uploader } = setting({ partSize: PART, parallel: 1 });
    let aborted = false;
    cloud.putFault = (number) => {
      const session = cloud.sessions.get("U1");
      if (number === 3 && session && !aborted) {
        aborted = true;
        session.state = "aborted";
        session.parts.clear();
      }
      return undefined;
    };

    const result = await uploader.upload(fileOf(4 * PART)).done;

    expect(result.file.fileId).not.toBe("U1");
    expect(result).toMatchObject({ sentBytes: 4 * PART, resumedBytes: 0 });
  });

  it("finds the file when another client completed the upload meanwhile", async () => {
    const { cloud, uploader } = setting({ partSize: PART, parallel: 1 });
    const other = setting({ cloud, partSize: PART });
    let release = () => {};
    cloud.hold = new Promise((resolve) => {
      release = resolve;
    });
    const upload = uploader.upload(fileOf(4 * PART));
    await happens(uploader, upload, () => upload.progress.sentBytes > 0);
    cloud.hold = null;
    await other.uploader.upload(fileOf(4 * PART)).done;

    release();
    const result = await upload.done;

    expect(result.file.fileId).toBe("U1");
    expect(cloud.files.size).toBe(1);
  });

  it("repeats complete when its answer is lost or S3 takes long", async () => {
    const { cloud, uploader, pacing } = setting({ partSize: PART });
    const faults = [
      "lost after",
      json(202, { upload_id: "U1", state: "completing", retry_after: 7 }),
      problem(500, "internal"),
    ] as const;
    let calls = 0;
    cloud.apiFault = (_method, path) => (path.endsWith("/complete") ? faults[calls++] : undefined);

    const result = await uploader.upload(fileOf(3 * PART)).done;

    expect(result.duplicate).toBe(false);
    expect(calls).toBe(4);
    expect(pacing.slept).toContain(7000);
  });

  it("is no duplicate of itself when it is completed without a word", async () => {
    const { cloud, uploader } = setting({ partSize: PART });
    cloud.apiFault = (_method, path) => (path.endsWith("/complete") ? "lost after" : undefined);
    const upload = uploader.upload(fileOf(3 * PART));
    await expect(upload.done).rejects.toBeInstanceOf(TransportError);
    cloud.apiFault = () => undefined;

    upload.retry();

    expect(await upload.done).toMatchObject({ duplicate: false, sentBytes: 3 * PART });
  });

  it("starts again when another client is completing the upload", async () => {
    const { cloud, uploader } = setting({ partSize: PART });
    let asked = 0;
    cloud.apiFault = (_method, path) =>
      path.endsWith("/parts") && ++asked === 1 ? problem(409, "completing", {}, 1) : undefined;

    await uploader.upload(fileOf(3 * PART)).done;

    expect(asked).toBeGreaterThan(1);
  });

  it("fails for want of a sign-in, and goes on after one", async () => {
    const { cloud, uploader } = setting({ partSize: PART });
    cloud.apiFault = (_method, path) => (path.endsWith("/parts") ? unauthorized() : undefined);
    const upload = uploader.upload(fileOf(3 * PART));
    await expect(upload.done).rejects.toBeInstanceOf(AuthenticationError);
    cloud.apiFault = () => undefined;

    upload.retry();

    await upload.done;
  });

  it("fails one file of many when that one is refused", async () => {
    const { uploader } = setting();

    const bad = uploader.upload(fileOf(10, 1, ""), { name: "" });
    const good = uploader.upload(fileOf(10, 2));

    await expect(bad.done).rejects.toBeInstanceOf(RefusedError);
    await expect(good.done).resolves.toBeDefined();
    expect(bad.error).toMatchObject({ code: "invalid_name", message: "The name is refused." });
  });

  it("asks again for an upload that can't be opened now", async () => {
    const { cloud, uploader, pacing } = setting();
    const refusal = (status: number, code: string, retry_after?: number) => {
      const error = { code, title: "", status, detail: "Not now.", retry_after };
      return json(200, { files: [{ error }] });
    };
    const faults = [
      refusal(409, "conflict", 3),
      refusal(503, "unavailable"),
      refusal(409, "completing"),
    ];
    cloud.apiFault = (_method, path) => (path === "/files" ? faults.shift() : undefined);

    await uploader.upload(fileOf(10)).done;

    expect(pacing.slept).toEqual([3000, 1000, 2000]);
  });

  it("can be cancelled while it waits for a token", async () => {
    const { cloud, uploader } = setting({
      partSize: PART,
      token: () => (cloud.requests.length === 2 ? new Promise<string>(() => {}) : "token"),
    });
    const upload = uploader.upload(fileOf(3 * PART));
    await reached(uploader, upload, "uploading");
    for (let turn = 0; turn < 5; turn += 1) await tick();

    await upload.cancel({ keep: true });

    expect(upload.state).toBe("cancelled");
  });

  it("fails with the quota's own words", async () => {
    const { cloud, uploader } = setting();
    const error = { code: "quota_exceeded", title: "", status: 413, detail: "100 GB are full." };
    cloud.apiFault = () => problem(413, "quota_exceeded", { files: [{ error }] });

    const upload = uploader.upload(fileOf(10));

    await expect(upload.done).rejects.toBeInstanceOf(LimitError);
    expect(upload.error?.message).toBe("100 GB are full.");
    expect(cloud.requests).toHaveLength(1);
  });

  it("reports an unexpected error as an error of its own class", async () => {
    const { uploader } = setting({
      transport: () => {
        throw new RangeError("oops");
      },
    });

    const upload = uploader.upload(fileOf(10));

    await expect(upload.done).rejects.toMatchObject({
      code: "unexpected",
      cause: new RangeError("oops"),
    });
  });
});

describe("many files", () => {
  it("opens up to 25 uploads in a request", async () => {
    const { cloud, uploader } = setting();

    await Promise.all(
      Array.from({ length: 60 }, (_, seed) => uploader.upload(fileOf(10, seed)).done),
    );

    const creates = cloud.requests.filter((request) => request === "POST /files");
    expect(creates.length).toBeLessThan(60);
    expect(cloud.files.size).toBe(60);
  });

  it("waits for its own uploads when the owner may have no more open", async () => {
    const { cloud, uploader } = setting();
    cloud.maxOpen = 2;

    await Promise.all(
      Array.from({ length: 20 }, (_, seed) => uploader.upload(fileOf(10, seed)).done),
    );

    expect(cloud.files.size).toBe(20);
  });

  it("gives up when others hold all places", async () => {
    const { cloud, uploader } = setting();
    cloud.maxOpen = 0;

    await expect(uploader.upload(fileOf(10)).done).rejects.toMatchObject({
      code: "too_many_uploads",
    });
  });

  it("tells duplicates while all places are taken by paused and slow ones", async () => {
    const { cloud, uploader } = setting({ partSize: PART });
    await uploader.upload(fileOf(10, 99)).done;
    let release = () => {};
    cloud.hold = new Promise((resolve) => {
      release = resolve;
    });
    const slow = Array.from({ length: 16 }, (_, seed) => uploader.upload(fileOf(2 * PART, seed)));
    await Promise.all(slow.map((upload) => reached(uploader, upload, "uploading")));

    const result = await uploader.upload(fileOf(10, 99)).done;

    expect(result.duplicate).toBe(true);
    expect(cloud.requests.slice(-2)).toEqual(["POST /files/check", "POST /files"]);
    expect(cloud.files.size).toBe(1);
    cloud.hold = null;
    release();
    await Promise.all(slow.map((upload) => upload.done));
  });

  it("sends the same content once", async () => {
    const { cloud, uploader } = setting({ partSize: PART });

    const results = await Promise.all(
      ["a", "b", "c"].map((name) => uploader.upload(fileOf(5 * PART, 1, name)).done),
    );

    expect([...cloud.files.values()].map(({ name }) => name)).toEqual(["a", "b", "c"]);
    expect(cloud.puts).toHaveLength(5);
    expect(results.map((result) => result.duplicate)).toEqual([false, true, true]);
  });

  it("sums up", async () => {
    const { uploader } = setting();

    await Promise.all([uploader.upload(fileOf(10, 1)).done, uploader.upload(fileOf(20, 2)).done]);

    expect(uploader.progress).toMatchObject({
      files: 2,
      doneFiles: 2,
      totalBytes: 30,
      hashedBytes: 30,
      sentBytes: 30,
      secondsLeft: 0,
    });
    for (const upload of uploader.uploads) uploader.forget(upload);
    expect(uploader.uploads).toEqual([]);
    expect(uploader.progress.files).toBe(0);
  });

  it("sums up what is under way, without what ended before", async () => {
    const { cloud, uploader } = setting();
    await uploader.upload(fileOf(1000, 1)).done;
    expect(uploader.active).toBe(false);
    let release = () => {};
    cloud.hold = new Promise((resolve) => {
      release = resolve;
    });

    const next = uploader.upload(fileOf(20, 2));
    await reached(uploader, next, "uploading");

    expect(uploader.active).toBe(true);
    expect(uploader.progress).toMatchObject({ files: 1, doneFiles: 0, totalBytes: 20 });
    const last = uploader.upload(fileOf(30, 3));
    release();
    await Promise.all([next.done, last.done]);
    expect(uploader.progress).toMatchObject({ files: 2, doneFiles: 2, totalBytes: 50 });
  });

  it("counts what failed, without its bytes, until it is tried again", async () => {
    const { cloud, uploader } = setting();
    cloud.putFault = () => s3Error(400, "EntityTooLarge");
    const failing = uploader.upload(fileOf(20, 1));
    await reached(uploader, failing, "failed");
    expect(uploader.active).toBe(false);
    expect(uploader.progress).toMatchObject({ files: 1, failedFiles: 1, totalBytes: 0 });
    cloud.putFault = () => undefined;

    failing.retry();

    expect(uploader.active).toBe(true);
    await failing.done;
    expect(uploader.progress).toMatchObject({ files: 1, doneFiles: 1, failedFiles: 0 });
  });

  it("leaves out what was cancelled", async () => {
    const { uploader } = setting();
    const cancelled = uploader.upload(fileOf(20, 1));
    const other = uploader.upload(fileOf(30, 2));

    await cancelled.cancel();
    await other.done;

    expect(uploader.active).toBe(false);
    expect(uploader.progress).toMatchObject({ files: 1, doneFiles: 1, totalBytes: 30 });
  });
});

describe("pause, resume, cancel", () => {
  async function half(options: Parameters<typeof setting>[0] = {}) {
    const world = setting({ partSize: PART, parallel: 2, ...options });
    let release = () => {};
    let held = false;
    world.cloud.putFault = (number) => {
      if (number !== 5 || held) return undefined;
      held = true;
      world.cloud.hold = new Promise((resolve) => {
        release = resolve;
      });
      return undefined;
    };
    const upload = world.uploader.upload(fileOf(10 * PART));
    await happens(world.uploader, upload, () => world.cloud.hold !== null);
    return { ...world, upload, release: () => release() };
  }

  it("stops sending at once, and goes on with what S3 holds", async () => {
    const { cloud, uploader, upload } = await half();

    upload.pause();
    expect(upload.paused).toBe(true);
    for (let turn = 0; turn < 10; turn += 1) await tick();
    const sent = cloud.puts.length;
    cloud.hold = null;
    for (let turn = 0; turn < 20; turn += 1) await tick();
    expect(cloud.puts.length).toBe(sent);
    upload.resume();
    const result = await upload.done;

    expect(result).toMatchObject({ duplicate: false, sentBytes: 10 * PART, resumedBytes: 0 });
    expect(cloud.puts).toHaveLength(10);
    expect(uploader.progress.doneFiles).toBe(1);
  });

  it("lets others go on while one is paused, be it hashed or sent", async () => {
    const { cloud, uploader, upload } = await half();
    upload.pause();
    cloud.hold = null;

    const paused = uploader.upload(fileOf(PART, 7));
    paused.pause();
    await uploader.upload(fileOf(3 * PART, 2)).done;

    expect(paused.state).toBe("queued");
    uploader.resumeAll();
    await Promise.all([upload.done, paused.done]);
  });

  it("tells the API when cancelled", async () => {
    const { cloud, uploader, upload } = await half();
    const cancelled = vi.fn();
    uploader.on("cancelled", cancelled);

    await upload.cancel();

    await expect(upload.done).rejects.toBeInstanceOf(CancelledError);
    expect(cancelled).toHaveBeenCalledOnce();
    expect(upload.state).toBe("cancelled");
    expect(cloud.sessions.get("U1")?.state).toBe("aborted");
  });

  it("keeps what S3 holds when asked to", async () => {
    const { cloud, upload } = await half();

    await upload.cancel({ keep: true });

    expect(cloud.sessions.get("U1")?.state).toBe("open");
    expect(cloud.requests.filter((request) => request.startsWith("DELETE"))).toEqual([]);
  });

  it("aborts an upload whose creation was under way", async () => {
    const { cloud, uploader } = setting();
    const upload = uploader.upload(fileOf(10));
    while (cloud.requests.length === 0) await tick();
    expect(upload.uploadId).toBeNull();

    await upload.cancel();

    expect([...cloud.sessions.values()].map((session) => session.state)).toEqual(["aborted"]);
  });

  it("aborts an upload that is hashed again because the API cuts it otherwise", async () => {
    const { cloud, uploader } = setting({ partSize: PART, partSizeOf: () => null });
    const upload = uploader.upload(fileOf(3 * PART));
    await reached(uploader, upload, "preparing");
    await reached(uploader, upload, "hashing");

    await upload.cancel();

    expect(cloud.sessions.get("U1")?.state).toBe("aborted");
  });

  it("cancels a failed one and a paused one", async () => {
    const { cloud, uploader } = setting({ partSize: PART });
    cloud.putFault = () => s3Error(400, "InvalidArgument");
    const failed = uploader.upload(fileOf(3 * PART));
    await failed.done.catch(() => {});
    const paused = uploader.upload(fileOf(3 * PART, 2));
    paused.pause();

    await uploader.cancelAll();

    expect([failed.state, paused.state]).toEqual(["cancelled", "cancelled"]);
    expect(cloud.sessions.get("U1")?.state).toBe("aborted");
  });

  it("leaves an upload alone that another file of the page goes on with", async () => {
    const { cloud, uploader } = setting({ partSize: PART });
    const first = uploader.upload(fileOf(5 * PART, 1, "a"));
    await reached(uploader, first, "uploading");
    first.pause();
    const second = uploader.upload(fileOf(5 * PART, 1, "b"));
    await reached(uploader, second, "uploading");

    await first.cancel();
    const { file } = await second.done;

    // The API has both names of the upload; one can't be taken back.
    expect([...cloud.files.values()].map(({ name }) => name)).toEqual(["a", "b"]);
    expect(file.name).toBe("b");
    expect(cloud.requests.filter((request) => request.startsWith("DELETE"))).toEqual([]);
  });

  it("follows a signal", async () => {
    const { uploader } = setting();
    const controller = new AbortController();
    const upload = uploader.upload(fileOf(10), { signal: controller.signal });

    controller.abort();

    await expect(upload.done).rejects.toBeInstanceOf(CancelledError);
  });

  it("keeps everything when closed", async () => {
    const { cloud, uploader, upload } = await half();

    uploader.close();
    await upload.done.catch(() => {});

    expect(cloud.sessions.get("U1")?.state).toBe("open");
  });

  it("refuses an id that is under way", () => {
    const { uploader } = setting();
    uploader.upload(fileOf(10), { id: "x" });

    expect(() => uploader.upload(fileOf(10), { id: "x" })).toThrow("under way already");
  });
});

it("calls the other listeners when one of them throws", async () => {
  const { uploader } = setting();
  const errors: unknown[] = [];
  const catcher = (error: unknown) => errors.push(error);
  process.once("uncaughtException", catcher);
  const done = vi.fn();
  uploader.on("done", () => {
    throw new Error("mine");
  });
  uploader.on("done", done);

  await uploader.upload(fileOf(1)).done;
  await tick();

  expect(done).toHaveBeenCalledOnce();
  process.removeListener("uncaughtException", catcher);
});

it("has a fake that refuses what S3 refuses", async () => {
  const cloud = new FakeCloud();
  const created = await cloud.fetch("https://api.test/files", {
    method: "POST",
    headers: { authorization: "Bearer token" },
    body: JSON.stringify({ files: [{ name: "a", size: 3, sha256: sha256Hex(bytes(3)) }] }),
  });
  const { files } = (await created.json()) as {
    files: { action: { href: string; headers: Record<string, string> } }[];
  };
  const action = files[0]?.action ?? { href: "", headers: {} };
  const put = (changes: object) =>
    cloud
      .transport({
        method: "PUT",
        url: action.href,
        headers: action.headers,
        body: new Blob([bytes(3)]),
        signal: new AbortController().signal,
        onProgress: () => {},
        ...changes,
      })
      .then((response) => response.status);

  expect(await put({ url: "https://s3.test/other" })).toBe(403);
  expect(await put({ headers: { ...action.headers, "If-None-Match": "" } })).toBe(403);
  expect(await put({ headers: { ...action.headers, "x-amz-acl": "public-read" } })).toBe(403);
  expect(await put({ body: new Blob([bytes(4)]) })).toBe(403);
  expect(await put({ body: new Blob([bytes(3, 2)]) })).toBe(400);
  expect(await put({})).toBe(200);
  expect(await put({})).toBe(412);
});
