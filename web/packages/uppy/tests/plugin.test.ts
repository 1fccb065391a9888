import { type Meta, Uppy } from "@uppy/core";
import {
  CancelledError,
  type HashRequest,
  Uploader,
  type UploaderOptions,
} from "@wideload/uploader";
import { inlineHasher } from "@wideload/uploader/hash";
import { afterEach, describe, expect, it, vi } from "vitest";
import { FakeCloud, s3Error, tick } from "../../uploader/tests/fake-cloud.js";
import { fileOf, type Setting, setting } from "../../uploader/tests/setting.js";
import WideloadUppy, { type WideloadBody, type WideloadUppyOptions } from "../src/index.js";

const PART = 1000;

type Events = [name: string, ...details: unknown[]][];

interface World extends Setting {
  readonly uppy: Uppy<Meta, WideloadBody>;
  readonly plugin: WideloadUppy<Meta, WideloadBody>;
  readonly events: Events;
}

const open: Uppy<Meta, WideloadBody>[] = [];

function world(
  options: Partial<UploaderOptions> & { partSize?: number; cloud?: FakeCloud } = {},
  plugged: Partial<WideloadUppyOptions> = {},
): World {
  const { partSize = PART, ...rest } = options;
  const made = setting({ partSize, ...rest });
  const quiet = { debug: () => {}, warn: () => {}, error: () => {} };
  const uppy = new Uppy<Meta, WideloadBody>({ logger: quiet });
  uppy.use(WideloadUppy, { uploader: made.uploader, ...plugged } as WideloadUppyOptions);
  open.push(uppy);
  const plugin = uppy.getPlugin("Wideload") as unknown as WideloadUppy<Meta, WideloadBody>;
  const events: Events = [];
  uppy.on("preprocess-progress", (_file, progress) => events.push(["hashing", progress.value]));
  uppy.on("preprocess-complete", () => events.push(["hashed"]));
  uppy.on("upload-start", (files) => events.push(["start", files.length]));
  uppy.on("upload-progress", (_file, { bytesUploaded }) =>
    events.push(["progress", bytesUploaded]),
  );
  uppy.on("upload-success", (file) => events.push(["success", file?.name]));
  uppy.on("upload-error", (_file, error) => events.push(["error", error.message]));
  uppy.on("complete", ({ successful, failed }) =>
    events.push(["complete", successful?.length, failed?.length]),
  );
  return { ...made, uppy, plugin, events };
}

function add(uppy: Uppy<Meta, WideloadBody>, file: File): string {
  return uppy.addFile({ name: file.name, type: file.type, data: file });
}

/** Names of the events, without repeats. */
function kindsOf(events: Events): string[] {
  return events.map(([kind]) => kind).filter((kind, index, all) => kind !== all[index - 1]);
}

/** Holds the PUTs back; the answer lets them go. */
function hold({ cloud }: Setting): () => void {
  let release = () => {};
  cloud.hold = new Promise((resolve) => {
    release = () => {
      cloud.hold = null;
      resolve();
    };
  });
  return () => release();
}

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await tick();
}

afterEach(() => {
  for (const uppy of open.splice(0)) uppy.destroy();
  vi.useRealTimers();
});

describe("a file", () => {
  it("goes through Uppy's events in order, and ends with the file's record", async () => {
    let hashed = () => {};
    const hashing = new Promise<void>((resolve) => {
      hashed = resolve;
    });
    const hash = async (request: HashRequest) => {
      request.onProgress(PART);
      await hashing;
      return inlineHasher().hash(request);
    };
    const made = world({ hasher: { hash, close: () => {} } });
    const { uppy, events, cloud } = made;
    const release = hold(made);
    const id = add(uppy, fileOf(5 * PART));
    const uploading = uppy.upload();
    await until(() => kindsOf(events).includes("hashing"));
    hashed();
    await until(() => kindsOf(events).includes("progress"));
    release();

    const result = await uploading;

    expect(kindsOf(events)).toEqual([
      "hashing",
      "hashed",
      "start",
      "progress",
      "success",
      "complete",
    ]);
    const file = uppy.getFile(id);
    expect(file.progress).toMatchObject({
      uploadComplete: true,
      percentage: 100,
      bytesUploaded: 5 * PART,
    });
    expect(file.progress.preprocess).toBeUndefined();
    expect(file.response?.body).toMatchObject({
      duplicate: false,
      file: { fileId: "U1", size: 5 * PART },
    });
    expect(result?.successful).toHaveLength(1);
    expect(cloud.files.get("U1")).toMatchObject({ content_type: "video/mp4" });
  });

  it("has no event of progress if it is hashed and sent at once", async () => {
    const { uppy, events } = world();
    add(uppy, fileOf(10));

    await uppy.upload();

    expect(kindsOf(events)).toEqual(["start", "success", "complete"]);
  });

  it("goes into the folder that it was dropped with", async () => {
    const { cloud, uppy } = world();
    const add = (name: string, relativePath: string | null) =>
      uppy.addFile({ name, data: fileOf(50, name.length, name), meta: { relativePath } });
    add("a.txt", null);
    add("bb.txt", "docs/2026/bb.txt");
    add("ccc.txt", "/docs/ccc.txt");

    await uppy.upload();

    const paths = [...cloud.files.values()].map(({ folder, name }) => `${folder}/${name}`);
    expect(paths.sort()).toEqual(["/a.txt", "docs/2026/bb.txt", "docs/ccc.txt"]);
  });

  it("whose name is taken is refused, kept, replaced or skipped, as it is told", async () => {
    const { cloud, uppy } = world({}, { ifExists: "fail" });
    cloud.seed("ann", "a.txt", { size: 1 });
    const id = uppy.addFile({ name: "a.txt", data: fileOf(50, 1, "a.txt") });
    await uppy.upload();
    expect(uppy.getFile(id).error).toContain("name_exists");
    const names = () => [...cloud.files.values()].map(({ name, size }) => `${name} ${size}`);

    uppy.setFileMeta(id, { ifExists: "replace" });
    await uppy.retryUpload(id);

    expect(names()).toEqual(["a.txt 50"]);
    const other = uppy.addFile({ name: "a.txt", data: fileOf(60, 2), meta: { ifExists: "skip" } });
    await uppy.upload();
    expect(uppy.getFile(other).response?.body).toMatchObject({
      skipped: true,
      duplicate: false,
      file: { name: "a.txt", size: 50 },
    });
    expect(names()).toEqual(["a.txt 50"]);
  });

  it("keeps the name that was edited", async () => {
    const { uppy, cloud } = world();
    const id = add(uppy, fileOf(10));
    uppy.setFileMeta(id, { name: "renamed.mp4" });

    await uppy.upload();

    expect([...cloud.files.values()].map((file) => file.name)).toEqual(["renamed.mp4"]);
  });

  it("never shows 100 % before it is done", async () => {
    let complete = () => {};
    const completing = new Promise<void>((resolve) => {
      complete = resolve;
    });
    const cloud = new FakeCloud(PART, () => 0);
    const { uppy, events } = world({
      cloud,
      fetch: async (input, init) => {
        if (String(input).endsWith("/complete")) await completing;
        return cloud.fetch(input, init);
      },
    });
    const id = add(uppy, fileOf(5 * PART));
    const uploading = uppy.upload();

    await vi.waitFor(() => expect(events).toContainEqual(["progress", 4.97 * PART]), {
      timeout: 60_000,
    });

    expect(uppy.getFile(id).progress.percentage).toBe(99);
    complete();
    await uploading;
    expect(uppy.getFile(id).progress.percentage).toBe(100);
  });

  it("is shown as already there", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    const world_ = world({ pacing: undefined });
    const { uppy, uploader } = world_;
    const advance = setInterval(() => vi.advanceTimersByTime(1), 1);
    await uploader.upload(fileOf(10, 1, "first.bin")).done;
    const id = add(uppy, fileOf(10, 1, "second.bin"));
    const infos: string[] = [];
    uppy.on("info-visible", () => infos.push(uppy.getState().info.at(-1)?.message ?? ""));

    await uppy.upload();
    clearInterval(advance);
    vi.advanceTimersByTime(1000);

    expect(uppy.getFile(id).response?.body).toMatchObject({
      duplicate: true,
      file: { name: "second.bin" },
    });
    expect(uppy.getFile(id).progress).toMatchObject({ uploadComplete: true, percentage: 100 });
    expect(infos).toEqual(["second.bin is already stored; nothing had to be sent."]);
  });

  it("is uploaded again when it was added again after its end", async () => {
    const { uppy } = world();
    const id = add(uppy, fileOf(10));
    await uppy.upload();
    uppy.removeFile(id);
    add(uppy, fileOf(10));

    const result = await uppy.upload();

    expect(result?.successful?.[0]?.response?.body).toMatchObject({ duplicate: true });
  });

  it("from another service is refused with what to do", async () => {
    const { uppy, events } = world();
    uppy.addFile({
      name: "remote.bin",
      data: { size: 1 },
      isRemote: true,
      remote: { companionUrl: "", url: "" },
    } as never);

    const result = await uppy.upload();

    expect(result?.failed).toHaveLength(1);
    expect(events.find(([kind]) => kind === "error")?.[1]).toContain("Download it first");
  });
});

describe("failures", () => {
  it("include what the page itself cancelled, so that nothing looks stored", async () => {
    const made = world();
    const { uppy, cloud, uploader } = made;
    const release = hold(made);
    const id = add(uppy, fileOf(5 * PART));
    const uploading = uppy.upload();
    await until(() => cloud.mostPutsAtOnce > 0);

    await uploader.cancelAll();
    release();
    const result = await uploading;

    expect(result?.failed).toHaveLength(1);
    expect(uppy.getFile(id).error).toBe("The upload was cancelled.");
    const again = await uppy.retryAll();
    expect(again?.successful).toHaveLength(1);
  });

  it("show nothing more once the plugin is removed", async () => {
    const made = world();
    const { uppy, cloud, plugin, events } = made;
    const release = hold(made);
    add(uppy, fileOf(5 * PART));
    const uploading = uppy.upload();
    await until(() => cloud.mostPutsAtOnce > 0);

    uppy.removePlugin(plugin as never);
    release();
    await uploading;

    expect(events.map(([kind]) => kind)).not.toContain("error");
    expect(cloud.sessions.get("U1")?.state).toBe("open");
  });

  it("are shown with what to do, and retried with what is stored", async () => {
    const made = world({ parallel: 1 });
    const { uppy, cloud, events } = made;
    cloud.putFault = (number) => (number === 3 ? s3Error(400, "InvalidArgument") : undefined);
    const id = add(uppy, fileOf(5 * PART));

    const result = await uppy.upload();

    expect(result?.failed).toHaveLength(1);
    expect(uppy.getFile(id).error).toContain(
      "The storage refused the upload (400 InvalidArgument)",
    );
    expect(uppy.getFile(id).response).toMatchObject({ status: 400 });
    cloud.putFault = () => undefined;
    events.length = 0;

    await uppy.retryUpload(id);

    expect(uppy.getFile(id).error).toBeNull();
    expect(uppy.getFile(id).progress.uploadComplete).toBe(true);
    expect(events.map(([kind]) => kind)).not.toContain("hashing");
    expect(cloud.puts.filter((put) => put.status === 200).map((put) => put.number)).toEqual([
      1, 2, 3, 4, 5,
    ]);
  });

  it("of some leave the others alone; retryAll takes those", async () => {
    const { uppy, cloud } = world();
    cloud.apiFault = (_method, path) =>
      path === "/files/uploads/U1/complete" ? new Response("{}", { status: 400 }) : undefined;
    for (const seed of [1, 2, 3]) add(uppy, fileOf(10, seed));

    const result = await uppy.upload();
    expect([result?.successful?.length, result?.failed?.length]).toEqual([2, 1]);
    cloud.apiFault = () => undefined;

    const again = await uppy.retryAll();

    expect(again?.successful).toHaveLength(1);
    expect(cloud.files.size).toBe(3);
  });
});

describe("pause, resume, cancel", () => {
  it("pauses and resumes a single file", async () => {
    const made = world();
    const { uppy, cloud, uploader } = made;
    const release = hold(made);
    const id = add(uppy, fileOf(5 * PART));
    const uploading = uppy.upload();
    await until(() => cloud.mostPutsAtOnce > 0);

    expect(uppy.pauseResume(id)).toBe(true);
    expect(uploader.uploads[0]?.paused).toBe(true);
    release();
    for (let turn = 0; turn < 10; turn += 1) await tick();
    expect(cloud.puts).toEqual([]);
    uppy.pauseResume(id);
    await uploading;

    expect(uppy.getFile(id).progress.uploadComplete).toBe(true);
  });

  it("pauses and resumes all, and leaves failures failed", async () => {
    const made = world();
    const { uppy, cloud, uploader } = made;
    cloud.putFault = (_number, request) =>
      request.body.size === 10 ? s3Error(400, "InvalidArgument") : undefined;
    const release = hold(made);
    const failing = add(uppy, fileOf(10));
    const id = add(uppy, fileOf(5 * PART, 2));
    const uploading = uppy.upload();
    await until(() => uploader.uploads[0]?.state === "failed");
    await until(() => cloud.mostPutsAtOnce > 1);

    uppy.pauseAll();
    expect(uploader.uploads.filter((upload) => upload.paused)).toHaveLength(1);
    uppy.resumeAll();
    release();
    await uploading;

    expect(uppy.getFile(failing).error).toContain("InvalidArgument");
    expect(uppy.getFile(id).progress.uploadComplete).toBe(true);
  });

  it("aborts what is removed, and lets the others finish", async () => {
    const made = world();
    const { uppy, cloud, uploader } = made;
    const release = hold(made);
    const [first = ""] = [1, 2].map((seed) => add(uppy, fileOf(5 * PART, seed)));
    const uploading = uppy.upload();
    await until(() => cloud.mostPutsAtOnce === 4);
    const upload = uploader.uploads[0];

    uppy.removeFile(first);
    release();
    const result = await uploading;

    await expect(upload?.done).rejects.toBeInstanceOf(CancelledError);
    await until(() => cloud.sessions.get("U1")?.state === "aborted");
    expect(result?.successful).toHaveLength(1);
    expect(uploader.uploads).toHaveLength(1);
  });

  it("cancels all, and takes new files afterwards", async () => {
    const made = world();
    const { uppy, cloud } = made;
    const release = hold(made);
    for (const seed of [1, 2]) add(uppy, fileOf(5 * PART, seed));
    const uploading = uppy.upload();
    await until(() => cloud.mostPutsAtOnce === 4);

    uppy.cancelAll();
    release();
    await uploading;
    await until(() => [...cloud.sessions.values()].every((session) => session.state === "aborted"));
    add(uppy, fileOf(10, 3));
    const result = await uppy.upload();

    expect(result?.successful).toHaveLength(1);
    expect(cloud.files.size).toBe(1);
  });

  it("keeps what is cancelled when asked to", async () => {
    const made = world({}, { keepCancelled: true });
    const { uppy, cloud } = made;
    const release = hold(made);
    add(uppy, fileOf(5 * PART));
    const uploading = uppy.upload();
    await until(() => cloud.mostPutsAtOnce > 0);

    uppy.cancelAll();
    release();
    await uploading;
    for (let turn = 0; turn < 20; turn += 1) await tick();

    expect(cloud.sessions.get("U1")?.state).toBe("open");
  });
});

it("gives up its uploader, not yours, when removed", () => {
  const { uppy, plugin, uploader } = world();
  const closed = vi.spyOn(uploader, "close");
  uppy.removePlugin(plugin as never);
  expect(closed).not.toHaveBeenCalled();
  expect(uppy.getState().capabilities.resumableUploads).toBe(false);

  uppy.use(WideloadUppy, { apiUrl: "https://api.test", token: () => "token" });
  const own = uppy.getPlugin("Wideload") as unknown as WideloadUppy<Meta, WideloadBody>;
  expect(own.uploader).toBeInstanceOf(Uploader);
  const ownClosed = vi.spyOn(own.uploader, "close");
  uppy.removePlugin(own as never);
  expect(ownClosed).toHaveBeenCalled();
});
