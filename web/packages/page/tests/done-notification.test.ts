import { beforeEach, expect, test } from "vitest";
import { DoneNotification } from "../src/done-notification.js";

let shown: { title: string; body: string | undefined }[];
let visible: boolean;
let now: number;

beforeEach(() => {
  shown = [];
  visible = false;
  now = 0;
});

/** A notification where the browser's answer is this; `throws`: as Chrome on Android. */
function make(permission: NotificationPermission, throws = false): DoneNotification {
  class FakeNotification {
    static permission = permission;
    static requestPermission = async () => permission;
    constructor(title: string, { body }: NotificationOptions) {
      if (throws) throw new TypeError("Illegal constructor.");
      shown.push({ title, body });
    }
  }
  return new DoneNotification({
    notifications: FakeNotification as never,
    visible: () => visible,
    now: () => now,
  });
}

test("it is offered when uploads take long and the browser was not asked yet", () => {
  const notification = make("default");
  expect(notification.offered).toBe(false);
  notification.begin();
  now = 5_000;
  notification.begin();
  expect(notification.offered).toBe(false);
  now = 5_001;
  expect(notification.offered).toBe(true);
  notification.end("1 of 1 file stored");
  expect(notification.offered).toBe(false);
});

test.each(["granted", "denied"] as const)("it is not offered when it was %s", (permission) => {
  const notification = make(permission);
  notification.begin();
  now = 60_000;

  expect(notification.offered).toBe(false);
});

test("it is shown once at the end, if the page isn't seen", () => {
  const notification = make("granted");
  notification.begin();
  notification.end("2 of 3 files stored · 1 failed");
  notification.end("2 of 3 files stored · 1 failed");
  visible = true;
  notification.begin();
  notification.end("1 of 1 file stored");

  expect(shown).toEqual([{ title: "Uploads have ended", body: "2 of 3 files stored · 1 failed" }]);
});

test("it is not shown without permission, nor when all was cancelled", () => {
  for (const permission of ["default", "denied"] as const) {
    const notification = make(permission);
    notification.begin();
    notification.end("1 of 1 file stored");
  }
  const cancelled = make("granted");
  cancelled.begin();
  cancelled.end("");

  expect(shown).toEqual([]);
});

test("browsers without notifications, or that refuse them, do nothing", async () => {
  const none = new DoneNotification({
    notifications: undefined,
    visible: () => false,
    now: () => now,
  });
  none.begin();
  now = 60_000;
  expect(none.offered).toBe(false);
  expect(await none.ask()).toBe("denied");
  none.end("1 of 1 file stored");

  const android = make("granted", true);
  android.begin();
  android.end("1 of 1 file stored");

  expect(shown).toEqual([]);
});
