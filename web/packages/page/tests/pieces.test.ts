import { expect, test } from "vitest";
import { survey } from "../src/dropped.js";
import { formatsOf } from "../src/format.js";
import { folded } from "../src/names.js";
import { Preferences } from "../src/preferences.js";
import { anyTabUploads, UploadingSign } from "../src/tabs.js";
import { FakeLocks } from "./fakes.js";

test.each([
  ["a typed space", "10.32\u202fPM", "10.32 PM"],
  ["an ideographic space", "夏\u3000休み", "夏 休み"],
  ["accents of macOS", "Ma\u0308rz", "M\u00e4rz"],
  ["case", "STRASSE", "straße"],
  ["a final sigma", "ΟΔΟΣ", "οδος"],
])("names are compared without regard to %s", (_, name, typed) => {
  expect(folded(name)).toBe(folded(typed));
});

test("names that differ stay different", () => {
  expect(folded("a b")).not.toBe(folded("ab"));
  expect(folded("a  b")).not.toBe(folded("a b"));
  expect(folded("resume")).not.toBe(folded("résumé"));
});

test("a time is in the form of the list", () => {
  expect(formatsOf("en-GB").moment("2026-03-12T14:05:00.000Z")).toMatch(
    /^1[123] Mar 2026, \d\d:\d\d$/,
  );
});

/** A folder as browsers give it: a few entries at a time, then none. */
function folder(name: string, ...entries: FileSystemEntry[]): FileSystemEntry {
  const left = [...entries];
  const readEntries = (done: (some: FileSystemEntry[]) => void) => done(left.splice(0, 1));
  const reader = { readEntries };
  return { name, isDirectory: true, createReader: () => reader } as never;
}

function fileEntry(name: string): FileSystemEntry {
  return { name, isDirectory: false } as never;
}

test("a drop is looked through for files and empty folders, however deep", async () => {
  const drop = folder(
    "a",
    folder("empty"),
    folder("b", folder("only system files", fileEntry(".DS_Store")), fileEntry("a.txt")),
    folder("c", folder("d")),
  );

  expect(await survey([drop])).toEqual({
    files: true,
    emptyFolders: ["a/empty", "a/b/only system files", "a/c/d"],
  });
  expect(await survey([folder("a")])).toEqual({ files: false, emptyFolders: ["a"] });
  expect(await survey([fileEntry("Thumbs.db")])).toEqual({ files: false, emptyFolders: [] });
});

test("the limit is remembered, and storage that the browser blocks is no problem", () => {
  const storage = window.localStorage;
  const preferences = new Preferences(() => storage);
  expect(preferences.limitRate).toBeNull();
  preferences.limitRate = 1000;
  expect(new Preferences(() => storage).limitRate).toBe(1000);
  storage.setItem("wideload.limit-rate", "much");
  expect(preferences.limitRate).toBeNull();
  preferences.limitRate = null;
  expect(storage.length).toBe(0);

  const blocked = new Preferences(() => {
    throw new DOMException("blocked", "SecurityError");
  });
  blocked.limitRate = 1000;
  expect(blocked.limitRate).toBeNull();
});

test("a tab that uploads is known to the others, as long as it does", async () => {
  const { locks } = new FakeLocks();
  const [one, other] = [new UploadingSign(locks), new UploadingSign(locks)];
  expect(await anyTabUploads(locks)).toBe(false);

  one.show(true);
  one.show(true);
  other.show(true);
  expect(await anyTabUploads(locks)).toBe(true);
  one.show(false);
  expect(await anyTabUploads(locks)).toBe(true);
  other.show(false);
  await Promise.resolve();
  await Promise.resolve();

  expect(await anyTabUploads(locks)).toBe(false);
});
