/** Files that are sent while they are hashed. */

import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { sha256Hex } from "../../../fake-cloud/files.ts";
import { type FileHashes, FileReadError, type Hasher, type HashRequest } from "../src/index.js";
import { type FakeCloud, problem, s3Error, tick } from "./fake-cloud.js";
import { bytes, fileOf, happens, reached, setting } from "./setting.js";

const PART = 1000;

/** Bytes of two files of the same size and first part. */
const TWINS = [1, 2].map((seed) => Buffer.concat([bytes(PART, 9), bytes(3 * PART, seed)]));

function twin(index: 0 | 1): File {
  return new File([TWINS[index] ?? ""], `twin-${index}.bin`);
}

/** Hashes a part for each `step`, while the request's gate is open. */
class SteppedHasher implements Hasher {
  readonly requests: HashRequest[] = [];
  readonly hashed: string[] = [];
  #steps = 0;
  #wake = () => {};

  step(count = 1): void {
    this.#steps += count;
    this.#wake();
  }

  async hash(request: HashRequest): Promise<FileHashes> {
    this.requests.push(request);
    const { blob, signal, gate, onProgress, onPart } = request;
    const whole = createHash("sha256");
    const parts: string[] = [];
    for (let start = 0; start < blob.size; start += PART) {
      while (this.#steps === 0) {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
      this.#steps -= 1;
      await gate.wait(signal);
      const slice = new Uint8Array(await blob.slice(start, start + PART).arrayBuffer());
      whole.update(slice);
      parts.push(sha256Hex(slice));
      this.hashed.push(sha256Hex(slice));
      onPart?.(sha256Hex(slice));
      onProgress(Math.min(blob.size, start + PART));
    }
    return { sha256: whole.digest("hex"), parts };
  }

  close(): void {}
}

/** Bodies of the requests to a path that ends so. */
function bodiesOf(cloud: FakeCloud, end: string): Record<string, unknown>[] {
  const bodies: Record<string, unknown>[] = [];
  cloud.apiFault = (_method, path, body) => {
    if (path.endsWith(end)) bodies.push(body);
    return undefined;
  };
  return bodies;
}

function partsOf(content: Uint8Array): string[] {
  return Array.from({ length: Math.ceil(content.length / PART) }, (_, index) =>
    sha256Hex(content.subarray(index * PART, (index + 1) * PART)),
  );
}

async function turns(count = 30): Promise<void> {
  for (let turn = 0; turn < count; turn += 1) await tick();
}

describe("a large file", () => {
  it("sends each part as soon as it is hashed, and completes with all hashes", async () => {
    const hasher = new SteppedHasher();
    const { cloud, uploader } = setting({ partSize: PART, hasher });
    const created = bodiesOf(cloud, "/files");
    const upload = uploader.upload(fileOf(3 * PART + 1));

    hasher.step(2);
    await happens(uploader, upload, () => upload.progress.sentBytes === 2 * PART);

    expect(cloud.puts.map(({ number }) => number)).toEqual([1, 2]);
    expect(upload).toMatchObject({ state: "uploading", sha256: null });
    const content = bytes(3 * PART + 1);
    const [first] = partsOf(content);
    expect(created).toMatchObject([{ files: [{ first_sha256: first }] }]);
    expect(created[0]?.["files"]).not.toMatchObject([{ sha256: expect.anything() }]);

    const completed = bodiesOf(cloud, "/complete");
    hasher.step(2);
    const result = await upload.done;

    const parts_sha256 = sha256Hex(Buffer.from(partsOf(content).join(""), "hex"));
    expect(completed).toEqual([{ sha256: sha256Hex(content), parts_sha256 }]);
    expect(cloud.contents.get(result.file.fileId)).toEqual(Buffer.from(content));
    expect(upload.sha256).toBe(sha256Hex(content));
  });

  it("is never in the state of hashing again, so that its progress is that of sending", async () => {
    const { uploader } = setting({ partSize: PART });
    const states: string[] = [];
    uploader.on("change", (changed) => states.push(changed.state));

    await uploader.upload(fileOf(5 * PART)).done;

    expect(states).toEqual(["hashing", "preparing", "uploading", "completing", "done"]);
  });

  it("is hashed to the end before anything is sent if it may be a duplicate", async () => {
    const { cloud, uploader } = setting({ partSize: PART });
    await uploader.upload(fileOf(5 * PART, 1, "first.bin")).done;
    cloud.requests.length = 0;
    const states: string[] = [];
    uploader.on("change", (changed) => states.push(changed.state));

    const result = await uploader.upload(fileOf(5 * PART, 1, "second.bin")).done;

    expect(result).toMatchObject({ duplicate: true, sentBytes: 0, file: { name: "second.bin" } });
    expect(cloud.requests).toEqual(["POST /files", "POST /files"]);
    expect(cloud.puts).toHaveLength(5);
    expect(states.at(-1)).toBe("done");
  });

  it("counts as sent what S3 holds, part by part, as it is found to be the same", async () => {
    const first = setting({ partSize: PART });
    const { cloud } = first;
    cloud.putFault = (number) => (number > 3 ? s3Error(400, "InvalidArgument") : undefined);
    await first.uploader.upload(fileOf(5 * PART)).done.catch(() => {});
    cloud.putFault = () => undefined;
    const before = cloud.puts.length;
    const held = cloud.sessions.get("U1")?.parts.size ?? 0;
    const hasher = new SteppedHasher();
    const { uploader } = setting({ cloud, partSize: PART, hasher });

    const upload = uploader.upload(fileOf(5 * PART));
    hasher.step(2);
    await happens(uploader, upload, () => upload.progress.sentBytes === 2 * PART);
    expect(upload.progress.resumedBytes).toBe(2 * PART);
    hasher.step(3);

    expect(held).toBe(3);
    expect(await upload.done).toMatchObject({ resumedBytes: 3 * PART, sentBytes: 2 * PART });
    expect(cloud.puts.slice(before).map(({ number }) => number)).toEqual([4, 5]);
  });

  it("is sent once when it is added twice, though both are hashed before a part is stored", async () => {
    const { cloud, uploader } = setting({ partSize: PART });
    const uploads = [1, 2].map(() => uploader.upload(fileOf(5 * PART)));
    const hashed = uploads.map((upload) =>
      happens(uploader, upload, () => upload.progress.hashedBytes === 5 * PART),
    );
    cloud.hold = Promise.all(hashed).then(() => turns());

    const results = await Promise.all(uploads.map((upload) => upload.done));

    expect(results.map(({ duplicate }) => duplicate)).toEqual([false, true]);
    expect(cloud.puts).toHaveLength(5);
  });

  it("is hashed to the end first where the deployment knows no other way", async () => {
    const { cloud, uploader } = setting({ partSize: PART });
    cloud.old = true;

    const results = await Promise.all([
      uploader.upload(fileOf(5 * PART)).done,
      uploader.upload(fileOf(10, 2)).done,
    ]);

    expect(results.map(({ duplicate }) => duplicate)).toEqual([false, false]);
    expect(cloud.contents.get(results[0].file.fileId)).toEqual(Buffer.from(bytes(5 * PART)));
    expect([...cloud.sessions.values()].map(({ firstSha256 }) => firstSha256)).toEqual([
      null,
      null,
    ]);
  });

  it("is hashed with a hasher that tells the parts only in the end", async () => {
    const stepped = new SteppedHasher();
    stepped.step(5);
    const hash = ({ onPart: _, ...request }: HashRequest) => stepped.hash(request);
    const { cloud, uploader } = setting({ partSize: PART, hasher: { hash, close: () => {} } });

    await uploader.upload(fileOf(5 * PART)).done;

    expect(cloud.puts).toHaveLength(5);
  });
});

describe("hashing beside sending", () => {
  it("stops while paused", async () => {
    const hasher = new SteppedHasher();
    const { cloud, uploader } = setting({ partSize: PART, hasher });
    const upload = uploader.upload(fileOf(4 * PART));
    hasher.step(2);
    await happens(uploader, upload, () => upload.progress.sentBytes === 2 * PART);

    upload.pause();
    hasher.step(2);
    await turns();

    expect(hasher.hashed).toHaveLength(2);
    upload.resume();
    await upload.done;
    expect(cloud.puts).toHaveLength(4);
    expect(hasher.requests).toHaveLength(1);
  });

  it("stops when sending fails, and goes on by retry()", async () => {
    const hasher = new SteppedHasher();
    const { cloud, uploader } = setting({ partSize: PART, hasher });
    cloud.putFault = (number) => (number === 2 ? s3Error(400, "InvalidArgument") : undefined);
    const upload = uploader.upload(fileOf(4 * PART));
    hasher.step(2);
    await expect(upload.done).rejects.toThrow();

    hasher.step(2);
    await turns();
    expect(hasher.hashed).toHaveLength(2);
    cloud.putFault = () => undefined;
    upload.retry();

    expect(await upload.done).toMatchObject({ sentBytes: 4 * PART, resumedBytes: 0 });
    expect(hasher.requests).toHaveLength(1);
    expect(cloud.files.size).toBe(1);
  });

  it.each([
    ["cancelled", (_: ReturnType<typeof setting>["uploader"], cancel: () => void) => cancel()],
    ["closed", (uploader: ReturnType<typeof setting>["uploader"]) => uploader.close()],
  ])("ends when the upload is %s", async (_name, end) => {
    const hasher = new SteppedHasher();
    const { uploader } = setting({ partSize: PART, hasher });
    const upload = uploader.upload(fileOf(4 * PART));
    hasher.step(2);
    await happens(uploader, upload, () => upload.progress.sentBytes === 2 * PART);

    end(uploader, () => void upload.cancel());
    await upload.done.catch(() => {});

    expect(hasher.requests[0]?.signal.aborted).toBe(true);
  });

  it("ends when a failed upload is forgotten", async () => {
    const hasher = new SteppedHasher();
    const { cloud, uploader } = setting({ partSize: PART, hasher });
    cloud.putFault = () => s3Error(400, "InvalidArgument");
    const upload = uploader.upload(fileOf(4 * PART));
    hasher.step(1);
    await upload.done.catch(() => {});
    expect(hasher.requests[0]?.signal.aborted).toBe(false);

    uploader.forget(upload);

    expect(hasher.requests[0]?.signal.aborted).toBe(true);
  });

  it("fails the upload when the file can't be read any more, and begins anew by retry()", async () => {
    const stepped = new SteppedHasher();
    stepped.step(8);
    let unreadable = true;
    const hasher: Hasher = {
      hash: (request) =>
        stepped.hash({
          ...request,
          onProgress: (hashedBytes) => {
            if (unreadable && hashedBytes === 2 * PART) throw new FileReadError();
            request.onProgress(hashedBytes);
          },
        }),
      close: () => {},
    };
    const { cloud, uploader } = setting({ partSize: PART, hasher });
    const upload = uploader.upload(fileOf(4 * PART));
    await expect(upload.done).rejects.toBeInstanceOf(FileReadError);
    unreadable = false;

    upload.retry();
    await upload.done;

    expect(stepped.requests).toHaveLength(2);
    expect(cloud.files.size).toBe(1);
  });
});

describe("files of the same size and first part", () => {
  it("are both stored when one page sends them at once", async () => {
    const { cloud, uploader } = setting({ partSize: PART });

    const results = await Promise.all([twin(0), twin(1)].map((file) => uploader.upload(file).done));

    expect(results.map(({ file }) => cloud.contents.get(file.fileId))).toEqual(TWINS);
    expect(cloud.puts).toHaveLength(8);
  });

  it("are both stored when two pages send them at once, to one upload", async () => {
    const { cloud, uploader } = setting({ partSize: PART });
    const other = setting({ cloud, partSize: PART });

    const results = await Promise.all([
      uploader.upload(twin(0)).done,
      other.uploader.upload(twin(1)).done,
    ]);

    expect(results.map(({ file }) => cloud.contents.get(file.fileId))).toEqual(TWINS);
  });

  it("are two uploads when the other one was completed first", async () => {
    const { cloud, uploader } = setting({ partSize: PART });
    let completed = false;
    cloud.apiFault = (method, path, body) => {
      if (!path.endsWith("/complete") || completed) return undefined;
      completed = true;
      const session = cloud.sessions.get("U1");
      partsOf(TWINS[1] ?? Buffer.of()).forEach((sha256, index) => {
        const part = TWINS[1]?.subarray(index * PART, (index + 1) * PART) ?? Buffer.of();
        session?.parts.set(index + 1, { sha256, bytes: part });
      });
      const parts_sha256 = sha256Hex(Buffer.from(partsOf(TWINS[1] ?? Buffer.of()).join(""), "hex"));
      const theirs = { ...body, sha256: sha256Hex(TWINS[1] ?? Buffer.of()), parts_sha256 };
      cloud.api(method, new URL(path, "https://api.test"), theirs, "ann");
      return undefined;
    };

    const { file, duplicate } = await uploader.upload(twin(0)).done;

    expect(duplicate).toBe(false);
    expect(file.fileId).not.toBe("U1");
    expect(cloud.contents.get(file.fileId)).toEqual(TWINS[0]);
    expect(cloud.contents.get("U1")).toEqual(TWINS[1]);
  });
});

describe("parts that differ from what was sent", () => {
  /** Overwrites part 2 before so many completions. */
  function overwrite(cloud: FakeCloud, times: number): void {
    let left = times;
    cloud.apiFault = (_method, path) => {
      if (!path.endsWith("/U1/complete") || left === 0) return undefined;
      left -= 1;
      const other = bytes(PART, 7);
      cloud.sessions.get("U1")?.parts.set(2, { sha256: sha256Hex(other), bytes: other });
      return undefined;
    };
  }

  it("are sent again, and no others", async () => {
    const { cloud, uploader } = setting({ partSize: PART });
    overwrite(cloud, 1);

    const result = await uploader.upload(fileOf(4 * PART)).done;

    expect(result).toMatchObject({ file: { fileId: "U1" }, sentBytes: 4 * PART, resumedBytes: 0 });
    expect(cloud.puts.map(({ number }) => number)).toEqual([1, 2, 3, 4, 2]);
    expect(cloud.contents.get("U1")).toEqual(Buffer.from(bytes(4 * PART)));
  });

  it("lead to an upload of its own when it happens again", async () => {
    const { cloud, uploader } = setting({ partSize: PART });
    overwrite(cloud, 2);

    const { file } = await uploader.upload(fileOf(4 * PART)).done;

    expect(cloud.sessions.get(file.fileId)).toMatchObject({ firstSha256: null });
    expect(cloud.contents.get(file.fileId)).toEqual(Buffer.from(bytes(4 * PART)));
    expect(cloud.puts).toHaveLength(9);
  });
});

it("is a duplicate when the owner got the content meanwhile", async () => {
  const { cloud, uploader } = setting({ partSize: PART });
  const upload = uploader.upload(fileOf(4 * PART));
  await reached(uploader, upload, "uploading");
  const content = bytes(4 * PART);
  cloud.seed("ann", "theirs.bin", { size: 4 * PART, sha256: sha256Hex(content) });

  const result = await upload.done;

  expect(result).toMatchObject({ duplicate: true, file: { name: "file-1.bin" } });
  expect([...cloud.files.values()].map(({ name }) => name)).toEqual(["theirs.bin", "file-1.bin"]);
});

it("fails with the service's refusal when completing is refused for good", async () => {
  const { cloud, uploader } = setting({ partSize: PART });
  cloud.apiFault = (_method, path) =>
    path.endsWith("/complete") ? problem(413, "quota_exceeded") : undefined;

  await expect(uploader.upload(fileOf(3 * PART)).done).rejects.toMatchObject({
    code: "quota_exceeded",
  });
});
