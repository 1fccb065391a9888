/** Folders, names and conflicts of names, against the fake cloud. */

import { beforeEach, describe, expect, it, vi } from "vitest";
import {
  ConflictError,
  FilesApi,
  NameExistsError,
  NotFoundError,
  RefusedError,
  type UploadOptions,
} from "../src/index.js";
import { API_URL, FakeCloud, problem } from "./fake-cloud.js";
import { bytes, fileOf, happens, reached, setting } from "./setting.js";

const PART = 1000;

let cloud: FakeCloud;
let api: FilesApi;

beforeEach(() => {
  cloud = new FakeCloud();
  api = new FilesApi({ apiUrl: API_URL, token: () => "token", fetch: cloud.fetch });
});

const seed = (name: string, folder = "", size = 10) =>
  cloud.seed("ann", name, { folder, size, sha256: `${name} ${folder}` }).file_id;
const paths = () => [...cloud.files.values()].map(({ folder, name }) => `${folder}/${name}`).sort();

describe("the API", () => {
  it("makes, lists, moves and deletes folders", async () => {
    const made = await api.createFolder("2026/March");
    seed("a.txt", "2026/March/raw");

    const moved = await api.moveFolder("2026", "archive/2026");
    const top = await api.folders();
    const below = await api.folders({ folder: "archive/2026", limit: 1 });

    expect(made).toMatchObject({ folder: "2026/March", name: "March" });
    expect(moved).toMatchObject({ folder: "archive/2026", name: "2026" });
    expect(top).toMatchObject({ items: [{ folder: "archive" }], cursor: null });
    expect(below.items).toMatchObject([{ folder: "archive/2026/March", name: "March" }]);
    expect(paths()).toEqual(["archive/2026/March/raw/a.txt"]);

    await api.deleteFolder("archive/2026");
    expect(paths()).toEqual([]);
    await expect(api.deleteFolder("archive/2026")).rejects.toBeInstanceOf(NotFoundError);
    await expect(api.folders({ folder: "2026" })).rejects.toMatchObject({ code: "unknown_folder" });
  });

  it("says why a folder can't be made or moved", async () => {
    await api.createFolder("a/b");
    await api.createFolder("c");

    const refused = [
      api.moveFolder("a", "c"),
      api.moveFolder("a", "a/b/d"),
      api.createFolder("a/../b"),
      api.moveFolder("none", "d"),
    ];

    await expect(refused[0]).rejects.toBeInstanceOf(NameExistsError);
    await expect(refused[1]).rejects.toMatchObject({ code: "invalid_request" });
    await expect(refused[2]).rejects.toMatchObject({ code: "invalid_name" });
    await expect(refused[3]).rejects.toMatchObject({ code: "unknown_folder" });
  });

  it("takes a deletion of a folder for done if its first answer was lost", async () => {
    await api.createFolder("a");
    let requests = 0;
    cloud.apiFault = (method) =>
      method === "DELETE" && ++requests === 1 ? "lost after" : undefined;

    await api.deleteFolder("a");

    expect((await api.folders()).items).toEqual([]);
    expect(requests).toBe(2);
  });

  it("lists a folder, sorted, and by the beginning of names", async () => {
    for (const [name, size] of [
      ["b.txt", 3],
      ["A.txt", 2],
      ["c.mov", 1],
    ] as const)
      seed(name, "x", size);
    seed("a at the top");
    const names = async (query: Parameters<FilesApi["list"]>[0]) =>
      (await api.list(query)).items.map(({ name }) => name);

    expect(await names({ folder: "x", sort: "name" })).toEqual(["A.txt", "b.txt", "c.mov"]);
    expect(await names({ folder: "x", sort: "-size" })).toEqual(["b.txt", "A.txt", "c.mov"]);
    expect(await names({ prefix: "a" })).toEqual(["a at the top", "A.txt"]);
    expect(await names({ folder: "" })).toEqual(["a at the top"]);
    expect(await names({ folder: "x", sort: "name", limit: 1 })).toEqual(["A.txt"]);
    await expect(api.list({ sort: "size" })).rejects.toBeInstanceOf(RefusedError);
  });

  it("renames and moves a file, and many", async () => {
    const [one, two] = [seed("a.txt"), seed("b.txt")];
    seed("a.txt", "x");

    const renamed = await api.update(one, { name: "c.txt", folder: "x/y" });
    const taken = api.update(two, { name: "a.txt", folder: "x", ifExists: "fail" });
    await expect(taken).rejects.toMatchObject({ file: { name: "a.txt", folder: "x" } });
    await api.rename(two, "a.txt");
    const moved = await api.moveFiles([two, one, "none"], "x");

    expect(renamed).toMatchObject({ fileId: one, name: "c.txt", folder: "x/y" });
    expect(moved).toMatchObject([
      { kind: "moved", file: { name: "a (2).txt" } },
      { kind: "moved", file: { name: "c.txt" } },
      { kind: "refused", error: { code: "unknown_file" } },
    ]);
    expect(await api.moveFiles([two], "", "skip")).toMatchObject([{ kind: "moved" }]);
    expect(await api.deleteFiles([two, "none"])).toMatchObject([
      { kind: "deleted" },
      { kind: "refused", error: { code: "unknown_file" } },
    ]);
    expect(paths()).toEqual(["x/a.txt", "x/c.txt"]);
  });

  it("skips a file whose name is taken where it is moved to", async () => {
    const [one, other] = [seed("a.txt"), seed("a.txt", "x")];

    const moved = await api.moveFiles([one], "x", "skip");

    expect(moved).toMatchObject([{ kind: "skipped", file: { fileId: other } }]);
    expect(paths()).toEqual(["/a.txt", "x/a.txt"]);
  });

  it("says why a file is quarantined, and gives no URL for it", async () => {
    const { file_id } = cloud.seed("ann", "a.exe", {
      quarantined: { reason: "malware", detail: "EICAR was found." },
    });

    expect((await api.get(file_id)).quarantined).toEqual({
      reason: "malware",
      detail: "EICAR was found.",
    });
    await expect(api.download(file_id)).rejects.toMatchObject({ code: "quarantined", status: 409 });
  });

  it("reports a refusal of the team's function as such, not as a sign-in that has ended", async () => {
    cloud.apiFault = () => problem(403, "not_allowed", { detail: "Only PDF files, please." });

    const refusal = api.get("F1");

    await expect(refusal).rejects.toBeInstanceOf(RefusedError);
    await expect(refusal).rejects.toThrow("Only PDF files, please.");
  });
});

describe("an upload", () => {
  const send = (name: string, seed: number, options: UploadOptions = {}) =>
    setting({ cloud }).uploader.upload(fileOf(50, seed, name), { folder: "x", ...options });

  it("goes into its folder, with the time of the file", async () => {
    const source = new File([bytes(50)], "a.bin", { lastModified: Date.UTC(2020, 1, 2) });
    const { uploader } = setting({ cloud });

    const [own, given] = await Promise.all([
      uploader.upload(source, { folder: "2020/raw" }).done,
      uploader.upload(fileOf(50, 2), { modifiedAt: new Date(0) }).done,
    ]);

    expect(own.file).toMatchObject({
      folder: "2020/raw",
      modifiedAt: "2020-02-02T00:00:00.000Z",
      verifiedBy: "s3",
    });
    expect(given.file).toMatchObject({ folder: "", modifiedAt: "1970-01-01T00:00:00.000Z" });
    expect((await api.folders()).items).toMatchObject([{ folder: "2020" }]);
  });

  it("of other content under a name that is taken does as it is told", async () => {
    await send("a.txt", 1).done;

    const kept = await send("a.txt", 2).done;
    const skipped = await send("a.txt", 3, { ifExists: "skip" }).done;
    const replaced = await send("a.txt", 4, { ifExists: "replace" }).done;

    expect(kept).toMatchObject({ skipped: false, file: { name: "a (2).txt" } });
    expect(skipped).toMatchObject({ skipped: true, duplicate: false, sentBytes: 0 });
    expect(skipped.file.name).toBe("a.txt");
    expect(replaced.file.name).toBe("a.txt");
    expect(paths()).toEqual(["x/a (2).txt", "x/a.txt"]);
    expect(cloud.contents.get(replaced.file.fileId)).toEqual(Buffer.from(bytes(50, 4)));
  });

  it("that fails as the name is taken tells of the file, and goes on as it is told then", async () => {
    const { file } = await send("a.txt", 1).done;
    const upload = send("a.txt", 2, { ifExists: "fail" });
    await expect(upload.done).rejects.toBeInstanceOf(NameExistsError);
    expect(upload.error).toBeInstanceOf(ConflictError);
    expect((upload.error as NameExistsError).file).toEqual(file);
    expect(cloud.puts).toHaveLength(1);

    upload.retry({ ifExists: "replace" });
    const result = await upload.done;

    expect(result.file).toMatchObject({ name: "a.txt", folder: "x" });
    expect(paths()).toEqual(["x/a.txt"]);
  });

  it("of the same folder, name and content adds nothing", async () => {
    const first = await send("a.txt", 1).done;

    const again = await send("a.txt", 1, { ifExists: "fail" }).done;

    expect(again).toMatchObject({ duplicate: true, file: { fileId: first.file.fileId } });
    expect(paths()).toEqual(["x/a.txt"]);
  });

  it("answers the file of its own name if another client sends the content under another", async () => {
    const { uploader } = setting({ cloud, partSize: PART });
    let release = () => {};
    cloud.hold = new Promise((resolve) => {
      release = resolve;
    });
    const one = uploader.upload(fileOf(50, 1, "one.txt"));
    await reached(uploader, one, "uploading");
    const theirs = setting({ cloud, partSize: PART });
    const two = theirs.uploader.upload(fileOf(50, 1, "two.txt"), { folder: "x" });
    await happens(theirs.uploader, two, () => two.state === "uploading");
    cloud.hold = null;
    release();

    const results = await Promise.all([one.done, two.done]);

    expect(results.map(({ file }) => `${file.folder}/${file.name}`)).toEqual([
      "/one.txt",
      "x/two.txt",
    ]);
    expect(paths()).toEqual(["/one.txt", "x/two.txt"]);
  });

  it("of known content waits for a place if the content is deleted meanwhile", async () => {
    const { cloud, uploader } = setting({ partSize: PART });
    const { file } = await uploader.upload(fileOf(10, 99)).done;
    let release = () => {};
    cloud.hold = new Promise((resolve) => {
      release = resolve;
    });
    const slow = Array.from({ length: 16 }, (_, seed) => uploader.upload(fileOf(20, seed)));
    await Promise.all(slow.map((upload) => reached(uploader, upload, "uploading")));
    cloud.apiFault = (method, path) => {
      if (method === "POST" && path === "/files")
        cloud.api("DELETE", new URL(`${API_URL}/files/${file.fileId}`), {}, "ann");
      return undefined;
    };

    const upload = uploader.upload(fileOf(10, 99));
    const checks = () => cloud.requests.filter((request) => request === "POST /files/check");
    await vi.waitFor(() => expect(checks()).toHaveLength(2), { timeout: 60_000 });
    expect(upload.state).toBe("preparing");
    cloud.hold = null;
    release();

    expect((await upload.done).duplicate).toBe(false);
    await Promise.all(slow.map(({ done }) => done));
  });
});
