import { render } from "preact";
import { act } from "preact/test-utils";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { UploadBar } from "../src/upload-panel.js";
import type { Uploading, UploadingView } from "../src/uploading.js";

let root: HTMLElement;
let view: UploadingView;
let cleared: number;

const ENDED: UploadingView = { state: "ended", text: "2 of 2 files stored", files: 0 };

beforeEach(async () => {
  vi.useFakeTimers();
  root = document.createElement("div");
  document.body.append(root);
  view = { state: "sending", text: "", files: 2 };
  cleared = 0;
  const uploading = { view: () => view, clear: () => (cleared += 1) } as unknown as Uploading;
  await act(async () => render(<UploadBar uploading={uploading} />, root));
  await press("Cancel all");
});

afterEach(() => {
  render(null, root);
  root.remove();
  vi.useRealTimers();
});

/** The last button of that label: a dialog's stand behind the others. */
async function press(label: string): Promise<void> {
  const buttons = [...root.querySelectorAll("button")];
  const button = buttons.filter(({ textContent }) => textContent === label).at(-1);
  if (!button) throw new Error(`No button "${label}" in ${root.textContent}`);
  await act(async () => button.click());
}

async function redraw(): Promise<void> {
  await act(async () => {
    await vi.advanceTimersByTimeAsync(500);
  });
}

const title = () => root.querySelector("dialog h2")?.textContent;

test("cancelling all asks, and clears the list", async () => {
  expect(title()).toBe("Cancel 2 uploads?");

  await press("Cancel all");

  expect(cleared).toBe(1);
  expect(title()).toBeUndefined();
});

test("the question goes when the last upload ends, and doesn't come back with the next", async () => {
  view = ENDED;
  await redraw();

  expect(title()).toBeUndefined();

  view = { state: "sending", text: "", files: 1 };
  await redraw();

  expect(title()).toBeUndefined();
  expect(cleared).toBe(0);
});

test("an answer that comes after the last upload has ended clears nothing", async () => {
  view = ENDED;

  await press("Cancel all");

  expect(cleared).toBe(0);
  expect(title()).toBeUndefined();
});
