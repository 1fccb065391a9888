import Uppy, { type Meta } from "@uppy/core";
import { RefusedError, TransportError } from "@wideload/uploader";
import type { WideloadBody } from "@wideload/uppy";
import { render } from "preact";
import { act } from "preact/test-utils";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { FailureList } from "../src/failure-list.js";
import { Failures } from "../src/failures.js";
import { Notices } from "../src/notices.js";

let root: HTMLElement;
let uppy: Uppy<Meta, WideloadBody>;
let failures: Failures;

beforeEach(async () => {
  root = document.createElement("div");
  document.body.append(root);
  uppy = new Uppy({ logger: { debug() {}, warn() {}, error() {} } });
  failures = new Failures(uppy);
  await act(async () => {
    render(<FailureList failures={failures} notices={new Notices()} />, root);
  });
});

afterEach(() => {
  render(null, root);
  root.remove();
  uppy.destroy();
  vi.restoreAllMocks();
});

const REFUSED = new RefusedError("refused", {
  status: 400,
  code: "invalid_name",
  detail: "The name holds the character U+202E.",
  requestId: null,
  retryAfter: null,
  members: {},
});

async function fail(name: string, error: Error): Promise<string> {
  const fileId = uppy.addFile({ name, data: new Blob([name]) });
  await act(async () => uppy.emit("upload-error", uppy.getFile(fileId), error));
  return fileId;
}

async function press(label: string): Promise<void> {
  const button = [...root.querySelectorAll("button")].find(
    ({ textContent }) => textContent === label,
  );
  if (!button) throw new Error(`No button "${label}" in ${root.textContent}`);
  await act(async () => button.click());
}

const lines = () => [...root.querySelectorAll("li")].map(({ textContent }) => textContent);

test("lists what failed, and why, in one place", async () => {
  for (let number = 1; number <= 11; number += 1) await fail(`file ${number}.bin`, REFUSED);

  expect(root.querySelector("[role=alert]")?.textContent).toBe("11 files not uploaded");
  expect(lines()).toHaveLength(11);
  expect(lines()[10]).toBe("file 11.bin: The name holds the character U+202E.");
  expect(root.textContent).not.toContain("Try again");
});

test("copies all of it, however many are shown", async () => {
  const writeText = vi.spyOn(navigator.clipboard, "writeText").mockResolvedValue();
  for (let number = 1; number <= 103; number += 1) await fail(`${number}.bin`, REFUSED);
  expect(lines()).toHaveLength(101);
  expect(lines()[100]).toBe("And 3 more files.");

  await press("Copy the list");

  const copied = String(writeText.mock.lastCall?.[0]).trimEnd().split("\n");
  expect(copied).toHaveLength(103);
  expect(copied[102]).toBe("103.bin: The name holds the character U+202E.");
});

test("tries again what may succeed, and that alone", async () => {
  await fail("refused.bin", REFUSED);
  const cut = await fail("cut.bin", new TransportError("No answer.", { code: "no_answer" }));
  const retry = vi.spyOn(uppy, "retryUpload");

  await press("Try again");

  expect(retry.mock.calls).toEqual([[cut]]);
  expect(lines()).toEqual(["refused.bin: The name holds the character U+202E."]);
});

test("forgets what is added again or removed", async () => {
  const one = await fail("one.bin", REFUSED);
  await fail("two.bin", REFUSED);

  await act(async () => uppy.removeFile(one));
  expect(lines()).toEqual(["two.bin: The name holds the character U+202E."]);
  await press("Dismiss");

  expect(lines()).toEqual([]);
  expect(uppy.getFiles()).toEqual([]);
});
