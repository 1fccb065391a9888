/** Downloads of many files as one ZIP, over the fake cloud. */

import { beforeEach, expect, test } from "vitest";
import { Notices } from "../src/notices.js";
import type { Row } from "../src/rows.js";
import { planZip } from "../src/zip-plan.js";
import { zipOf } from "../src/zip-stream.js";
import { MOST_IN_MEMORY, Zipping } from "../src/zipping.js";
import { Cloud } from "./cloud.js";

let cloud: Cloud;
let running: AbortController;
let bytes: number;

beforeEach(() => {
  cloud = new Cloud();
  running = new AbortController();
  bytes = 0;
});

/** Files and folders of a folder. */
async function rowsOf(folder: string): Promise<readonly Row[]> {
  const { items: folders } = await cloud.client.folders({ folder });
  const { items: files } = await cloud.client.list({ folder, sort: "name" });
  return [...folders, ...files];
}

const plan = async (folder = "") =>
  planZip(cloud.client, await rowsOf(folder), folder, running.signal);

async function zip(folder = "") {
  const planned = await plan(folder);
  const { stream, refused } = zipOf(planned, {
    api: cloud.client,
    fetch: cloud.download,
    signal: running.signal,
    onBytes: (count) => {
      bytes += count;
    },
    pauseMs: 0,
  });
  const content = await bytesOf(stream);
  return { content, entries: unzip(content), refused, planned };
}

async function bytesOf(stream: ReadableStream<Uint8Array>): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  await stream.pipeTo(new WritableStream({ write: (piece) => void pieces.push(piece) }));
  return Buffer.concat(pieces);
}

/** A file of this content, which is larger than what is read ahead. */
function storeLarge(name: string): string {
  const content = Buffer.alloc(1_500_000, `${name} `).toString("latin1");
  const file = cloud.store(name, { size: content.length });
  cloud.contents.set(file.file_id, Buffer.from(content, "latin1"));
  return content;
}

interface Unzipped {
  readonly name: string;
  readonly text: string;
  readonly date: Date;
  readonly utf8: boolean;
  readonly stored: boolean;
}

/** Reads the central directory, and the content that it points to. */
function unzip(bytes: Uint8Array): Unzipped[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const end = bytes.length - 22;
  expect(view.getUint32(end, true)).toBe(0x06054b50);
  const entries: Unzipped[] = [];
  let at = view.getUint32(end + 16, true);
  for (let left = view.getUint16(end + 10, true); left > 0; left -= 1) {
    expect(view.getUint32(at, true)).toBe(0x02014b50);
    const nameLength = view.getUint16(at + 28, true);
    const [time, day] = [view.getUint16(at + 12, true), view.getUint16(at + 14, true)];
    const size = view.getUint32(at + 24, true);
    const start = view.getUint32(at + 42, true) + 30 + nameLength;
    const content = bytes.subarray(start, start + size);
    if (size > 0) expect(view.getUint32(at + 16, true)).toBe(crc32(content));
    entries.push({
      name: text(bytes.subarray(at + 46, at + 46 + nameLength)),
      text: text(content),
      date: new Date(
        1980 + (day >> 9),
        ((day >> 5) & 15) - 1,
        day & 31,
        time >> 11,
        (time >> 5) & 63,
        (time & 31) * 2,
      ),
      utf8: (view.getUint16(at + 8, true) & 0x800) !== 0,
      stored: view.getUint16(at + 10, true) === 0,
    });
    at += 46 + nameLength + view.getUint16(at + 30, true) + view.getUint16(at + 32, true);
  }
  return entries;
}

function text(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString();
}

function crc32(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit += 1) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return ~crc >>> 0;
}

const named = (entries: readonly Unzipped[]) => entries.map(({ name }) => name);

test("a ZIP has the files of folders with their paths, and empty folders", async () => {
  cloud.store("offer.txt", { folder: "base" });
  cloud.store("offer.txt", { folder: "base/a" });
  cloud.store("deep.txt", { folder: "base/a/b" });
  await cloud.client.createFolder("base/empty/within");

  const { entries, content, planned } = await zip("base");

  expect(entries.map(({ name, text }) => [name, text])).toEqual([
    ["a/offer.txt", "offer.txt"],
    ["a/b/deep.txt", "deep.txt"],
    ["offer.txt", "offer.txt"],
    ["empty/within/", ""],
  ]);
  expect(content).toHaveLength(planned.size);
});

test("files are stored as they are, with names in UTF-8 and the time of their last change", async () => {
  cloud.store("夏 صور.txt", { modified_at: "2024-05-06T07:08:10.000Z" });
  cloud.store("old.txt", { modified_at: "1971-01-01T00:00:00.000Z" });

  const { entries } = await zip();

  expect(entries).toMatchObject([
    { name: "old.txt", date: new Date(1980, 0, 1) },
    {
      name: "夏 صور.txt",
      date: new Date("2024-05-06T07:08:10.000Z"),
      utf8: true,
      stored: true,
    },
  ]);
});

test("names that differ by case only, or that a folder has, get a number", async () => {
  cloud.store("Offer.txt");
  cloud.store("offer.txt");
  cloud.store("a");
  cloud.store("x", { folder: "a" });

  expect((await plan()).entries.map(({ path }) => path).sort()).toEqual([
    "Offer.txt",
    "a (2)",
    "a/x",
    "offer (2).txt",
  ]);
});

test("each file's URL is signed for its turn, small files some turns ahead", async () => {
  for (let number = 100; number < 120; number += 1) cloud.store(`${number}.txt`);

  const { entries } = await zip();

  expect(entries).toHaveLength(20);
  expect(cloud.downloads).toEqual(named(entries));
  expect(bytes).toBe(20 * "100.txt".length);
});

test("files that can't be downloaded are named, in the ZIP too, and the others are there", async () => {
  cloud.store("a.txt");
  cloud.store("bad.exe", { quarantined: { reason: "malware", detail: "EICAR was found." } });
  cloud.store("broken.txt", { corrupt: true });
  cloud.store("gone.txt");
  cloud.statuses.set("gone.txt", [404]);
  cloud.store("z.txt");

  const { entries, refused } = await zip();

  expect(refused).toEqual([
    { name: "bad.exe", reason: "EICAR was found." },
    {
      name: "broken.txt",
      reason: "The stored copy is damaged. Delete it and upload the file again.",
    },
    {
      name: "gone.txt",
      reason: "The storage refused the download (status 404). Try again in a minute.",
    },
  ]);
  expect(named(entries)).toEqual(["a.txt", "z.txt", "Not in this ZIP.txt"]);
  expect(entries.at(-1)?.text).toContain("bad.exe: EICAR was found.\nbroken.txt: The stored");
});

test("a file that is quarantined after it was listed is left out, with the reason", async () => {
  const file = cloud.store("a.txt");
  cloud.store("b.txt");
  const planned = await plan();
  Object.assign(file, { quarantined: { reason: "malware", detail: "EICAR was found." } });

  const { stream, refused } = zipOf(planned, {
    api: cloud.client,
    fetch: cloud.download,
    signal: running.signal,
    onBytes: () => {},
  });
  const entries = unzip(await bytesOf(stream));

  expect(named(entries)).toEqual(["b.txt", "Not in this ZIP.txt"]);
  expect(refused).toEqual([{ name: "a.txt", reason: expect.stringContaining("malware") }]);
});

test("files come from S3 itself, as a copy in the browser's cache lacks the CORS headers", async () => {
  cloud.store("a.txt");

  await zip();

  expect(cloud.caches).toEqual(["no-store"]);
});

test("a download that breaks off goes on where it stopped, by a new URL", async () => {
  const content = storeLarge("film.mov");
  cloud.breaks.set("film.mov", [600_000, 100_000]);

  const { entries, refused } = await zip();

  expect(refused).toEqual([]);
  expect(entries[0]?.text === content).toBe(true);
  expect(cloud.downloads).toEqual(["film.mov", "film.mov bytes=600000-", "film.mov bytes=700000-"]);
  expect(bytes).toBe(content.length);
});

test("a refusal that may pass is tried again, before the first byte as well", async () => {
  storeLarge("film.mov");
  cloud.store("a.txt");
  cloud.statuses.set("film.mov", [503, 403]);
  cloud.statuses.set("a.txt", [500]);

  const { refused, entries } = await zip();

  expect(refused).toEqual([]);
  expect(entries).toHaveLength(2);
});

test("a small file that arrives short is tried again", async () => {
  cloud.store("short.txt");
  const { file_id } = cloud.store("cut.txt");
  cloud.breaks.set("short.txt", [3]);
  cloud.contents.set(file_id, Buffer.from("cut"));

  const { entries, refused } = await zip();

  expect(named(entries)).toEqual(["short.txt", "Not in this ZIP.txt"]);
  expect(refused).toMatchObject([{ name: "cut.txt" }]);
});

test("a file that breaks off for good ends the ZIP, as its begin can't be taken back", async () => {
  storeLarge("film.mov");
  cloud.breaks.set("film.mov", [600_000]);
  cloud.statuses.set("film.mov", [200, 404]);

  await expect(zip()).rejects.toThrow(
    /^The download of film\.mov broke off, so the ZIP is not complete\. The storage refused/,
  );
});

test("a ZIP that is cancelled asks for no more files", async () => {
  storeLarge("a.mov");
  storeLarge("b.mov");
  const { entries } = await plan();
  const { stream } = zipOf(
    { entries, refused: [], size: 0 },
    {
      api: cloud.client,
      fetch: cloud.download,
      signal: running.signal,
      onBytes: () => running.abort(),
    },
  );

  await expect(bytesOf(stream)).rejects.toThrow();

  expect(cloud.downloads).toEqual(["a.mov"]);
});

// How it is saved

/** A file of the person's disk, with what was written when it was closed. */
class FakeHandle {
  content: Uint8Array | null = null;
  removed = false;
  onPiece = () => {};

  async createWritable() {
    const pieces: Uint8Array[] = [];
    return new WritableStream<Uint8Array>({
      write: (piece) => {
        pieces.push(piece.slice());
        this.onPiece();
      },
      close: () => {
        this.content = Buffer.concat(pieces);
      },
    });
  }

  async remove() {
    this.removed = true;
  }
}

function zipping(pick?: () => Promise<FakeHandle>) {
  const notices = new Notices();
  const saved: { zip: Blob; name: string }[] = [];
  const zipping = new Zipping({
    api: cloud.client,
    notices,
    pick: pick as never,
    save: (zip, name) => saved.push({ zip, name }),
    fetch: cloud.download,
  });
  const told = () => notices.current.map(({ kind, text }) => `${kind}: ${text}`);
  return { zipping, saved, told };
}

test("the ZIP is written to the file that the person picks", async () => {
  cloud.store("a.txt");
  const handle = new FakeHandle();
  const { zipping: writer, told } = zipping(async () => handle);

  await writer.download(await rowsOf(""), "", "My files.zip");

  expect(named(unzip(handle.content as Uint8Array))).toEqual(["a.txt"]);
  expect(told()).toEqual(["done: My files.zip is saved."]);
  expect(writer.active).toBe(false);
  expect(handle.removed).toBe(false);
});

test("where the browser can't write to a file, the ZIP is saved from memory", async () => {
  cloud.store("a.txt");
  const { zipping: writer, saved } = zipping();

  await writer.download(await rowsOf(""), "", "My files.zip");

  const [{ zip, name } = { zip: new Blob(), name: "" }] = saved;
  expect([name, zip.type]).toEqual(["My files.zip", "application/zip"]);
  expect(named(unzip(new Uint8Array(await zip.arrayBuffer())))).toEqual(["a.txt"]);
});

test("what would not fit into memory is refused before a byte is read", async () => {
  cloud.store("film.mov", { size: MOST_IN_MEMORY });
  const { zipping: writer, saved, told } = zipping();

  await writer.download(await rowsOf(""), "", "My files.zip");

  expect(saved).toEqual([]);
  expect(cloud.downloads).toEqual([]);
  expect(told()[0]).toMatch(/^problem: My files\.zip is not saved\. .*at most 1 GB.*Select fewer/);
});

test("missing files are told with the reason", async () => {
  cloud.store("a.txt");
  cloud.store("bad.exe", { quarantined: { reason: "scanning" } });
  const { zipping: writer, told } = zipping();

  await writer.download(await rowsOf(""), "", "My files.zip");

  expect(told()).toEqual([
    "problem: My files.zip is saved without 1 file. bad.exe: It can be downloaded once it is found free of malware.",
  ]);
});

test("nothing is saved if nothing can be downloaded", async () => {
  cloud.store("bad.exe", { quarantined: { reason: "scanning" } });
  const handle = new FakeHandle();
  const { zipping: writer, told } = zipping(async () => handle);

  await writer.download(await rowsOf(""), "", "My files.zip");

  expect(handle.removed).toBe(true);
  expect(told()[0]).toMatch(/^problem: .*None of the files can be downloaded\. bad\.exe: /);
});

test("a ZIP that is cancelled leaves no file", async () => {
  storeLarge("film.mov");
  const handle = new FakeHandle();
  const { zipping: writer, told } = zipping(async () => handle);
  const rows = await rowsOf("");
  handle.onPiece = () => writer.cancel();

  await writer.download(rows, "", "My files.zip");

  expect([handle.content, handle.removed]).toEqual([null, true]);
  expect(told()).toEqual(["done: The ZIP is cancelled."]);
});

test("a dialog of the browser that is closed without a choice ends it without a word", async () => {
  cloud.store("a.txt");
  const { zipping: writer, told } = zipping(async () => {
    throw new DOMException("The user aborted a request.", "AbortError");
  });

  await writer.download(await rowsOf(""), "", "My files.zip");

  expect(told()).toEqual([]);
  expect(writer.active).toBe(false);
});
