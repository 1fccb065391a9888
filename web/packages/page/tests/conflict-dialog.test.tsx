/** The question about names that are taken, for uploads. */

import { render } from "preact";
import { act } from "preact/test-utils";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { Conflict, Conflicts, Resolution } from "../src/conflicts.js";
import { Subject } from "../src/subject.js";
import { UploadConflicts } from "../src/upload-conflicts.js";
import { Cloud } from "./cloud.js";

/** Conflicts without uploads. */
class Waiting extends Subject {
  all: readonly Conflict[] = [];
  readonly resolved: string[] = [];

  set(all: readonly Conflict[]): void {
    this.all = all;
    this.tell();
  }

  resolve(fileId: string, resolution: Resolution): void {
    this.resolved.push(`${fileId} ${resolution}`);
    this.set(this.all.filter((conflict) => conflict.fileId !== fileId));
  }

  resolveAll(resolution: Resolution): void {
    this.resolved.push(`all ${resolution}`);
    this.set([]);
  }
}

let root: HTMLElement;
let waiting: Waiting;
let conflicts: readonly Conflict[];

beforeEach(async () => {
  root = document.createElement("div");
  document.body.append(root);
  waiting = new Waiting();
  const cloud = new Cloud();
  const { file_id } = cloud.store("a.txt", {
    folder: "2026/صور",
    size: 2048,
    created_at: "2026-03-12T14:05:00.000Z",
  });
  const existing = await cloud.client.get(file_id);
  conflicts = ["a.txt", "b.txt", "c.txt"].map((name) => ({
    fileId: name,
    name,
    size: 1000,
    existing: name === "c.txt" ? null : existing,
  }));
  await act(async () =>
    render(<UploadConflicts conflicts={waiting as unknown as Conflicts} />, root),
  );
});

afterEach(() => {
  render(null, root);
  root.remove();
});

const text = () => (root.textContent ?? "").replace(/\s+/g, " ");
const buttons = () => [...root.querySelectorAll("dialog button")].map((each) => each.textContent);

async function press(label: string): Promise<void> {
  const found = [...root.querySelectorAll("button")].find((each) => each.textContent === label);
  await act(async () => found?.click());
}

const find = (count: number) => act(async () => waiting.set(conflicts.slice(0, count)));

test("asks about one file after the other, with what is there and what comes", async () => {
  await find(2);
  expect(text()).toContain("2026/صور has a file named a.txt already.");
  expect(text()).toMatch(/There now2 kB, 12 Mar 2026, \d\d:\d\dThe new one1,000 bytes/);
  expect([...root.querySelectorAll("dialog bdi")].map((each) => each.textContent)).toEqual([
    "2026/صور",
    "a.txt",
  ]);

  await press("Replace");
  expect(text()).toContain("a file named b.txt already");
  await press("Skip");

  expect(waiting.resolved).toEqual(["a.txt replace", "b.txt skip"]);
  expect(root.querySelector("dialog")).toBeNull();
});

test("one answer may be for all", async () => {
  await find(3);
  expect(text()).toContain("Do this for the other 2 files, too");

  await act(async () => root.querySelector<HTMLInputElement>("dialog input")?.click());
  await press("Keep both");

  expect(waiting.resolved).toEqual(["all keep_both"]);
});

test("a single file has no question about others, and a folder can't be replaced", async () => {
  await act(async () => waiting.set(conflicts.slice(2)));

  expect(root.querySelector("dialog input")).toBeNull();
  expect(buttons()).toEqual(["Skip", "Keep both"]);
});

test("a question that was closed without an answer can be asked again", async () => {
  await find(2);

  await act(async () => root.querySelector("dialog")?.close());
  expect(root.querySelector("dialog")).toBeNull();
  expect(text()).toContain("2 files wait: their names are taken.");
  expect(waiting.resolved).toEqual([]);
  await press("Decide");

  expect(text()).toContain("a file named a.txt already");
});

test("a name that is found taken later is asked about, though others were put off", async () => {
  await find(1);
  await act(async () => root.querySelector("dialog")?.close());

  await find(2);

  expect(text()).toContain("a file named b.txt already");
});
