import { NameExistsError, type Upload, type Uploader, WideloadError } from "@wideload/uploader";
import { expect, test } from "vitest";
import { outcomeOf, viewOf } from "../src/progress.js";

const CONFLICT = {
  status: 409,
  code: "name_exists",
  detail: null,
  requestId: null,
  retryAfter: null,
  members: {},
};

/** An uploader with these uploads. */
function uploaderOf(...uploads: Partial<Upload>[]): Uploader {
  const count = (state: Upload["state"]) =>
    uploads.filter((upload) => upload.state === state).length;
  const progress = {
    files: uploads.length,
    doneFiles: count("done"),
    failedFiles: count("failed"),
    hashedBytes: 50,
    sentBytes: 25,
    totalBytes: 100,
    rate: 0,
    secondsLeft: null,
  };
  return { uploads, progress } as unknown as Uploader;
}

test("files whose name is taken wait: they have not failed", () => {
  const taken = { state: "failed", error: new NameExistsError("taken", CONFLICT, null) } as const;
  const failed = { state: "failed", error: new WideloadError("refused") } as const;

  expect(outcomeOf(uploaderOf({ state: "done" }, taken))).toBe("1 of 2 files stored");
  expect(outcomeOf(uploaderOf({ state: "done" }, taken, failed))).toBe(
    "1 of 3 files stored · 1 failed",
  );
});

test.each([
  [[{ state: "done" }], "ended", "1 file stored", null],
  [
    [{ state: "uploading" }, { state: "done" }],
    "sending",
    "25 bytes of 100 bytes sent · 1 of 2",
    0.25,
  ],
  [[{ state: "hashing" }], "sending", "50 bytes of 100 bytes", 0.25],
  [[{ state: "uploading", paused: true }], "paused", "Paused", 0.25],
  [[{ state: "uploading", waiting: "offline" }], "sending", "No network", 0.25],
] as const)("uploads %j are %s: %s", (uploads, state, text, share) => {
  const view = viewOf(uploaderOf(...uploads), true);

  expect(view).toMatchObject({ state, share });
  expect(view.text).toContain(text);
});
