import { createHash } from "node:crypto";
import { MessageChannel } from "node:worker_threads";
import { afterEach, describe, expect, it, vi } from "vitest";
import { Switch } from "../src/gate.js";
import { hashBlob } from "../src/hash.js";
import type { FromWorker, Port, ToWorker } from "../src/hash-protocol.js";
import { serve } from "../src/hash-server.js";
import { FileReadError, type HashRequest, type WorkerLike, workerHasher } from "../src/index.js";
import { tick } from "./fake-cloud.js";
import { bytes } from "./setting.js";

const MIB = 1024 * 1024;

function sha256(content: Uint8Array): string {
  return createHash("sha256").update(content).digest("hex");
}

function request(
  blob: Blob,
  partSize: number | null,
  changes: Partial<HashRequest> = {},
): HashRequest {
  return {
    blob,
    partSize,
    gate: new Switch(),
    signal: new AbortController().signal,
    onProgress: () => {},
    ...changes,
  };
}

/** A worker in this thread, behind a real channel that clones what it carries. */
function channelHasher(most?: number) {
  const sides: MessageChannel[] = [];
  const create = vi.fn((): WorkerLike => {
    const channel = new MessageChannel();
    sides.push(channel);
    serve(channel.port2 as unknown as Port<ToWorker, FromWorker>);
    const port = channel.port1 as unknown as WorkerLike;
    port.terminate = () => channel.port1.close();
    return port;
  });
  return { hasher: workerHasher(create, most), create, sides };
}

afterEach(() => vi.restoreAllMocks());

describe("hashBlob", () => {
  it.each([
    ["an empty file", 0, null],
    ["a small file as a whole", 5, null],
    ["a file of exactly 64 MiB", 64 * MIB, null],
    ["parts of 8 MiB", 65 * MIB, 8 * MIB],
    ["parts that end with the file", 24 * MIB, 8 * MIB],
    ["tiny parts", 1001, 100],
    ["parts of 16 MiB", 40 * MIB, 16 * MIB],
    ["parts too large for one digest", 60 * MIB, 20 * MIB],
    ["parts too large for one slice, odd sizes", 60 * MIB + 7, 17 * MIB + 3],
    ["one part larger than the file", 9 * MIB, 30 * MIB],
    ["a large file without parts", 65 * MIB, null],
  ])("hashes %s", async (_name, size, partSize) => {
    const content = bytes(size);
    let progress = 0;

    const hashes = await hashBlob(
      request(new Blob([content]), partSize, {
        onProgress: (hashed) => {
          expect(hashed).toBeGreaterThanOrEqual(progress);
          progress = hashed;
        },
      }),
    );

    expect(hashes.sha256).toBe(sha256(content));
    const parts = [];
    for (let start = 0; partSize && start < size; start += partSize)
      parts.push(sha256(content.subarray(start, start + partSize)));
    expect(hashes.parts).toEqual(parts);
    expect(progress).toBe(size);
  });

  it("reads a slice ahead, and never more", async () => {
    const blob = new Blob([bytes(64 * MIB)]);
    let hashed = 0;
    let furthest = 0;
    vi.spyOn(blob, "slice").mockImplementation((start = 0, end = 0) => {
      furthest = Math.max(furthest, end - hashed);
      return Blob.prototype.slice.call(blob, start, end);
    });

    await hashBlob(request(blob, 8 * MIB, { onProgress: (bytes_) => (hashed = bytes_) }));

    expect(furthest).toBe(16 * MIB);
  });

  it("stops when aborted", async () => {
    const controller = new AbortController();
    const seen: number[] = [];
    const hashing = hashBlob(
      request(new Blob([bytes(40 * MIB)]), 8 * MIB, {
        signal: controller.signal,
        onProgress: (hashed) => {
          seen.push(hashed);
          controller.abort("enough");
        },
      }),
    );

    await expect(hashing).rejects.toBe("enough");
    expect(seen).toEqual([8 * MIB]);
  });

  it("says so when the file can't be read", async () => {
    for (const [size, partSize] of [
      [10, null],
      [40 * MIB, 8 * MIB],
    ] as const) {
      const blob = new Blob([bytes(size)]);
      vi.spyOn(Blob.prototype, "arrayBuffer").mockRejectedValueOnce(
        new DOMException("x", "NotReadableError"),
      );
      await expect(hashBlob(request(blob, partSize))).rejects.toBeInstanceOf(FileReadError);
    }
  });

  it("says so when the file has shrunk", async () => {
    const blob = new Blob([bytes(10)]);
    vi.spyOn(Blob.prototype, "arrayBuffer").mockResolvedValueOnce(new ArrayBuffer(9));

    await expect(hashBlob(request(blob, null))).rejects.toBeInstanceOf(FileReadError);
  });
});

describe("workerHasher", () => {
  it("hashes several files in as many workers as are allowed, and uses them again", async () => {
    const { hasher, create } = channelHasher(2);
    const files = [1, 2, 3].map((seed) => bytes(1000, seed));

    const all = files.map((file) => hasher.hash(request(new Blob([file]), null)));
    expect(create).toHaveBeenCalledTimes(2);
    const hashes = await Promise.all(all);
    await hasher.hash(request(new Blob([bytes(3)]), null));
    hasher.close();

    expect(hashes.map((each) => each.sha256)).toEqual(files.map(sha256));
    expect(create).toHaveBeenCalledTimes(2);
  });

  it("fails only the files of a worker that fails", async () => {
    const { hasher: working, create } = channelHasher();
    const broken: WorkerLike = { onmessage: null, onerror: null, postMessage: () => {} };
    const started = [broken, create()];
    const hasher = workerHasher(() => started.shift() ?? create(), 2);
    const [failing, good] = [1, 2].map((seed) =>
      hasher.hash(request(new Blob([bytes(3, seed)]), null)),
    );

    broken.onerror?.({ message: "" } as ErrorEvent);

    await expect(failing).rejects.toMatchObject({ code: "hash_worker" });
    expect((await good)?.sha256).toBe(sha256(bytes(3, 2)));
    hasher.close();
    working.close();
  });

  it("hashes two files in one worker where no other is allowed", async () => {
    const { hasher, create } = channelHasher(1);
    const content = bytes(20 * MIB);
    const seen: number[] = [];

    const [large, small] = await Promise.all([
      hasher.hash(
        request(new Blob([content]), 8 * MIB, { onProgress: (hashed) => seen.push(hashed) }),
      ),
      hasher.hash(request(new Blob([bytes(3)]), null)),
    ]);
    hasher.close();

    expect(large.sha256).toBe(sha256(content));
    expect(large.parts).toHaveLength(3);
    expect(small.sha256).toBe(sha256(bytes(3)));
    expect(seen).toEqual([8 * MIB, 16 * MIB, 20 * MIB]);
    expect(create).toHaveBeenCalledOnce();
  });

  it("reads nothing while its gate is closed", async () => {
    const { hasher } = channelHasher();
    const gate = new Switch();
    gate.set(false);
    const onProgress = vi.fn();
    const hashing = hasher.hash(request(new Blob([bytes(3)]), null, { gate, onProgress }));
    for (let turn = 0; turn < 20; turn += 1) await tick();
    expect(onProgress).not.toHaveBeenCalled();

    gate.set(true);

    await hashing;
    hasher.close();
  });

  it("stops its worker's job when aborted", async () => {
    const { hasher } = channelHasher();
    const controller = new AbortController();
    const hashing = hasher.hash(
      request(new Blob([bytes(40 * MIB)]), 8 * MIB, {
        signal: controller.signal,
        onProgress: () => controller.abort("enough"),
      }),
    );

    await expect(hashing).rejects.toBe("enough");
    expect((await hasher.hash(request(new Blob([bytes(3)]), null))).sha256).toBe(sha256(bytes(3)));
    hasher.close();
  });

  it("passes on that a file can't be read, and anything else as a defect", async () => {
    const { hasher } = channelHasher();
    vi.spyOn(Blob.prototype, "arrayBuffer").mockRejectedValueOnce(
      new DOMException("x", "NotReadableError"),
    );
    await expect(hasher.hash(request(new Blob([bytes(3)]), null))).rejects.toBeInstanceOf(
      FileReadError,
    );

    vi.spyOn(crypto.subtle, "digest").mockRejectedValueOnce(new Error("broken"));
    await expect(hasher.hash(request(new Blob([bytes(3)]), null))).rejects.toThrow(
      "Hashing failed: broken.",
    );
    hasher.close();
  });

  it("says what to check when its worker doesn't start, and tries again with the next file", async () => {
    const { hasher: working } = channelHasher();
    let failing = true;
    const broken: WorkerLike = { onmessage: null, onerror: null, postMessage: () => {} };
    const { create } = channelHasher();
    const hasher = workerHasher(() => (failing ? broken : create()));
    const hashing = hasher.hash(request(new Blob([bytes(3)]), null));

    broken.onerror?.({ message: "" } as ErrorEvent);

    await expect(hashing).rejects.toMatchObject({
      code: "hash_worker",
      message: expect.stringContaining("wasm-unsafe-eval"),
    });
    failing = false;
    expect((await hasher.hash(request(new Blob([bytes(3)]), null))).sha256).toBe(sha256(bytes(3)));
    hasher.close();
    working.close();
  });

  it("fails what is under way when closed", async () => {
    const { hasher } = channelHasher();
    const hashing = hasher.hash(request(new Blob([bytes(40 * MIB)]), 8 * MIB));

    hasher.close();

    await expect(hashing).rejects.toMatchObject({ code: "closed" });
  });
});
