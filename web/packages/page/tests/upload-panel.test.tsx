import { render } from "preact";
import { act } from "preact/test-utils";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { DoneNotification } from "../src/done-notification.js";
import { Notices } from "../src/notices.js";
import type { UploadingView } from "../src/progress.js";
import { UploadBar } from "../src/upload-panel.js";
import type { Uploading } from "../src/uploading.js";

let root: HTMLElement;
let view: UploadingView;
let cleared: number;
let uploading: Uploading;
let notices: Notices;
let answer: NotificationPermission;

const ENDED: UploadingView = { state: "ended", text: "2 of 2 files stored", files: 0, share: null };

beforeEach(async () => {
  vi.useFakeTimers();
  root = document.createElement("div");
  document.body.append(root);
  view = { state: "sending", text: "", files: 2, share: 0.4299 };
  cleared = 0;
  answer = "granted";
  notices = new Notices();
  const notifications = { permission: "default", requestPermission: async () => answer };
  const notification = new DoneNotification({
    notifications: notifications as never,
    visible: () => true,
    now: () => Date.now(),
  });
  notification.begin();
  uploading = {
    view: () => ({ ...view }),
    clear: () => (cleared += 1),
    notification,
    limitRate: null,
  } as unknown as Uploading;
  await act(async () => render(<UploadBar uploading={uploading} notices={notices} />, root));
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
  await press("Cancel all");
  expect(title()).toBe("Cancel 2 uploads?");

  await press("Cancel all");

  expect(cleared).toBe(1);
  expect(title()).toBeUndefined();
});

test("the question goes when the last upload ends, and doesn't come back with the next", async () => {
  await press("Cancel all");
  view = ENDED;
  await redraw();

  expect(title()).toBeUndefined();

  view = { state: "sending", text: "", files: 1, share: null };
  await redraw();

  expect(title()).toBeUndefined();
  expect(cleared).toBe(0);
});

test("an answer that comes after the last upload has ended clears nothing", async () => {
  await press("Cancel all");
  view = ENDED;

  await press("Cancel all");

  expect(cleared).toBe(0);
  expect(title()).toBeUndefined();
});

test("the tab's title shows how much is sent, as long as anything is", async () => {
  expect(document.title).toBe("42% – Wideload");

  view = ENDED;
  await redraw();

  expect(document.title).toBe("Wideload");
});

test("a notification is offered once uploads take long, by a button", async () => {
  const offered = () => root.textContent?.includes("Notify me at the end");
  expect(offered()).toBe(false);
  await act(async () => {
    await vi.advanceTimersByTimeAsync(6_000);
  });
  expect(offered()).toBe(true);

  await press("Notify me at the end");

  expect(notices.current.map(({ text }) => text)).toEqual([
    "The browser notifies you when all uploads have ended.",
  ]);
});

test("a refusal to notify says what can be done", async () => {
  answer = "denied";
  await act(async () => {
    await vi.advanceTimersByTimeAsync(6_000);
  });

  await press("Notify me at the end");

  expect(notices.current[0]?.text).toContain("Allow them in its settings");
});

test("the limit is chosen from a list, and taken off", async () => {
  const select = root.querySelector("select") as HTMLSelectElement;
  const choose = (value: string) =>
    act(async () => {
      select.value = value;
      select.dispatchEvent(new Event("change", { bubbles: true }));
    });
  expect(select.labels[0]?.textContent).toBe("Limit");

  await choose("1048576");
  expect(uploading.limitRate).toBe(1048576);
  await choose("");
  expect(uploading.limitRate).toBeNull();
});
