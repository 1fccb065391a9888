/** Names that are taken: the list, over Uppy, the plugin and the fake cloud. */

import { type Meta, Uppy } from "@uppy/core";
import { Uploader } from "@wideload/uploader";
import { inlineHasher } from "@wideload/uploader/hash";
import WideloadUppy, { type WideloadBody } from "@wideload/uppy";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { API_URL, FakeCloud } from "../../uploader/tests/fake-cloud.js";
import { Conflicts } from "../src/conflicts.js";
import { Failures } from "../src/failures.js";

let cloud: FakeCloud;
let uploader: Uploader;
let uppy: Uppy<Meta, WideloadBody>;
let conflicts: Conflicts;
let failures: Failures;
let ids: string[];

beforeEach(async () => {
  cloud = new FakeCloud();
  cloud.seed("ann", "a.txt", { folder: "x", size: 1 });
  cloud.seed("ann", "b.txt", { folder: "x", size: 1 });
  uploader = new Uploader({
    apiUrl: API_URL,
    token: () => "token",
    fetch: cloud.fetch,
    transport: cloud.transport,
    hasher: inlineHasher(),
  });
  const logger = { debug() {}, warn() {}, error() {} };
  uppy = new Uppy<Meta, WideloadBody>({ autoProceed: true, logger });
  uppy.use(WideloadUppy, { uploader, ifExists: "fail" });
  conflicts = new Conflicts(uppy);
  failures = new Failures(uppy);
  ids = ["a.txt", "b.txt", "c.txt"].map((name) =>
    uppy.addFile({ name, data: new Blob([name]), meta: { relativePath: `x/${name}` } }),
  );
  await vi.waitFor(() => expect(conflicts.all).toHaveLength(2), { timeout: 60_000 });
});

afterEach(() => {
  uppy.destroy();
  uploader.close();
});

const stored = () => [...cloud.files.values()].map(({ name, size }) => `${name} ${size}`).sort();

test("names that are taken are conflicts with the file that is there, and no failures", () => {
  const byName = [...conflicts.all].sort((one, other) => (one.name < other.name ? -1 : 1));
  expect(byName).toMatchObject([
    { fileId: ids[0], name: "a.txt", size: 5, existing: { name: "a.txt", folder: "x", size: 1 } },
    { fileId: ids[1], name: "b.txt" },
  ]);
  expect(failures.all).toEqual([]);
});

test("each is resolved as the person says, and goes off the list", async () => {
  let changes = 0;
  conflicts.subscribe(() => (changes += 1));

  conflicts.resolve(ids[0] ?? "", "replace");
  conflicts.resolve(ids[1] ?? "", "skip");

  await vi.waitFor(() => expect(stored()).toEqual(["a.txt 5", "b.txt 1", "c.txt 5"]), {
    timeout: 60_000,
  });
  expect(conflicts.all).toEqual([]);
  expect(changes).toBe(2);
  expect(uppy.getFiles().map(({ name }) => name)).toEqual(["a.txt", "c.txt"]);
});

test("both are kept under a free name", async () => {
  conflicts.resolve(ids[0] ?? "", "keep_both");

  await vi.waitFor(
    () => expect(stored()).toEqual(["a (2).txt 5", "a.txt 1", "b.txt 1", "c.txt 5"]),
    { timeout: 60_000 },
  );
});

test("an answer for all holds for names that are found taken later, until all uploads have ended", async () => {
  cloud.seed("ann", "d.txt", { folder: "x", size: 1 });
  conflicts.resolveAll("replace");
  const late = () => ({ data: new Blob(["later"]), meta: { relativePath: "x/d.txt" } });
  uppy.addFile({ name: "d.txt", ...late() });

  await vi.waitFor(() => expect(stored()).toEqual(["a.txt 5", "b.txt 5", "c.txt 5", "d.txt 5"]), {
    timeout: 60_000,
  });
  expect(conflicts.all).toEqual([]);
  conflicts.settle();
  cloud.seed("ann", "e.txt", { folder: "x", size: 1 });
  uppy.addFile({ name: "e.txt", data: new Blob(["e"]), meta: { relativePath: "x/e.txt" } });

  await vi.waitFor(() => expect(conflicts.all).toHaveLength(1), { timeout: 60_000 });
});
