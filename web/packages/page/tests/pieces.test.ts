import { expect, test } from "vitest";
import { holdsFile } from "../src/dropped.js";
import { formatsOf } from "../src/format.js";
import { folded } from "../src/names.js";
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
function folder(...entries: FileSystemEntry[]): FileSystemEntry {
  const left = [...entries];
  const readEntries = (done: (some: FileSystemEntry[]) => void) => done(left.splice(0, 1));
  const reader = { readEntries };
  return { name: "folder", isDirectory: true, createReader: () => reader } as never;
}

function fileEntry(name: string): FileSystemEntry {
  return { name, isDirectory: false } as never;
}

test("finds a file in what was dropped, however deep", async () => {
  expect(await holdsFile([folder(folder(), folder(folder(fileEntry("a.txt"))))])).toBe(true);
  expect(await holdsFile([fileEntry("a.txt")])).toBe(true);
});

test("finds none in empty folders", async () => {
  expect(await holdsFile([])).toBe(false);
  expect(await holdsFile([folder(folder(), folder())])).toBe(false);
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
