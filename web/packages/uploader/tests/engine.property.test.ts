import fc from "fast-check";
import { expect, it } from "vitest";
import type { Upload } from "../src/index.js";
import {
  type ApiFault,
  type PutFault,
  problem,
  s3Error,
  tick,
  unauthorized,
} from "./fake-cloud.js";
import { bytes, setting } from "./setting.js";

const PART = 50;

const apiFaults: Record<string, () => ApiFault> = {
  "lost before": () => "lost before",
  "lost after": () => "lost after",
  500: () => problem(500, "internal"),
  503: () => problem(503, "unavailable", {}, 2),
  completing: () => problem(409, "completing", {}, 2),
  conflict: () => problem(409, "conflict", {}, 1),
  401: () => unauthorized(),
};
const putFaults: Record<string, () => PutFault> = {
  "lost before": () => "lost before",
  "lost after": () => "lost after",
  403: () => s3Error(403, "AccessDenied"),
  ExpiredToken: () => s3Error(400, "ExpiredToken"),
  SlowDown: () => s3Error(503, "SlowDown"),
  RequestTimeout: () => s3Error(400, "RequestTimeout"),
};
const deeds = [
  "nothing",
  "pause",
  "resume",
  "offline",
  "online",
  "abort at the API",
  "lose a part",
] as const;

/** The fault of each request in turn, and events in between. */
const story = fc.record({
  files: fc.array(
    fc.record({ size: fc.nat(400), seed: fc.nat(3), twin: fc.boolean(), tab: fc.nat(1) }),
    { minLength: 1, maxLength: 5 },
  ),
  old: fc.boolean(),
  parallel: fc.integer({ min: 1, max: 5 }),
  api: fc.array(fc.option(fc.constantFrom(...Object.keys(apiFaults))), { maxLength: 15 }),
  put: fc.array(fc.option(fc.constantFrom(...Object.keys(putFaults))), { maxLength: 25 }),
  deeds: fc.array(
    fc.record({ deed: fc.constantFrom(...deeds), file: fc.nat(4), turns: fc.nat(8) }),
    {
      maxLength: 12,
    },
  ),
});

/** `twin`: its first part is that of all twins. */
function content(size: number, seed: number, twin: boolean): Buffer<ArrayBuffer> {
  if (!twin) return Buffer.from(bytes(size, seed));
  return Buffer.concat([bytes(PART, 9), bytes(size, seed)]).subarray(0, size);
}

it("stores every file whole and once, whatever happens on the way", {
  timeout: 120_000,
}, async () => {
  await fc.assert(
    fc.asyncProperty(story, async ({ files, old, parallel, api, put, deeds: todo }) => {
      const { cloud, uploader, network } = setting({ partSize: PART, parallel });
      const other = setting({ cloud, network, partSize: PART, parallel });
      const tabs = [uploader, other.uploader];
      cloud.old = old;
      cloud.apiFault = () => apiFaults[api.shift() ?? ""]?.();
      cloud.putFault = () => putFaults[put.shift() ?? ""]?.();
      const contents = files.map(({ size, seed, twin }) => content(size, seed, twin));
      const uploads = files.map(({ seed, tab }, index) => {
        const file = new File(contents.slice(index, index + 1), `file-${seed}.bin`);
        return (tabs[tab] ?? uploader).upload(file);
      });
      for (const tab of tabs)
        tab.on("progress", ({ progress }) => {
          expect(progress.sentBytes).toBeGreaterThanOrEqual(0);
          expect(progress.sentBytes).toBeLessThanOrEqual(progress.totalBytes);
        });

      for (const { deed, file, turns } of todo) {
        for (let turn = 0; turn < turns; turn += 1) await tick();
        const upload = uploads[file % uploads.length] as Upload;
        const session = cloud.sessions.get(upload.uploadId ?? "");
        if (deed === "pause") upload.pause();
        else if (deed === "resume") upload.resume();
        else if (deed === "offline") network.online = false;
        else if (deed === "online") network.online = true;
        else if (deed === "lose a part" && session?.state === "open") session.parts.delete(1);
        else if (deed === "abort at the API" && session?.state === "open") {
          session.state = "aborted";
          session.parts.clear();
        }
      }
      network.online = true;
      for (const tab of tabs) tab.resumeAll();
      // A failure is passing here: each fault happens once.
      for (let tries = 0; tries < 60; tries += 1) {
        await Promise.allSettled(uploads.map((upload) => upload.done));
        if (uploads.every((upload) => upload.state === "done")) break;
        for (const tab of tabs) tab.retryAll();
      }

      expect(uploads.map((upload) => upload.error)).toEqual(uploads.map(() => null));
      const named = uploads.map(({ name }, index) => `${name} ${contents[index]?.toString("hex")}`);
      expect(cloud.files.size).toBe(new Set(named).size);
      uploads.forEach((upload, index) => {
        const { size = 0 } = files[index] ?? {};
        const stored = cloud.contents.get(upload.result?.file.fileId ?? "");
        expect(Buffer.from(stored ?? [])).toEqual(contents[index]);
        expect(upload.progress).toMatchObject({
          sentBytes: size,
          hashedBytes: size,
          secondsLeft: 0,
        });
      });
      const used = new Set(files.map(({ tab }) => tab)).size;
      expect(cloud.mostPutsAtOnce).toBeLessThanOrEqual(parallel * used);
      const open = [...cloud.sessions.values()].filter((session) => session.state === "open");
      // One that two tabs have shared, and both have left, expires.
      if (used === 1) expect(open).toEqual([]);
    }),
    { numRuns: 100 },
  );
});
