import { TransportError, WideloadError } from "@wideload/uploader";
import { expect, test } from "vitest";
import { bytes, count, timeLeft } from "../src/format.js";
import { explain } from "../src/words.js";
import { apiError } from "./fakes.js";

test.each([
  [apiError(409, "corrupt"), "Delete it and upload the file again."],
  [apiError(413, "quota_exceeded", "100 files are there."), "100 files are there."],
  [apiError(400, "invalid_name", "A name is too long."), "A name is too long."],
  [
    apiError(502, "bad_gateway"),
    "Try again in a minute. If it lasts, report this number: request-1",
  ],
  [new TransportError("fetch failed"), "Check your connection"],
  [new TransportError("The browser keeps it from this page.", { code: "cors" }), "keeps it from"],
  [new WideloadError("The file changed. Drop it again."), "The file changed. Drop it again."],
  [new TypeError("x is not a function"), "Reload it and try again."],
])("%s: says what to do", (error, words) => {
  expect(explain(error)).toContain(words);
});

test.each([
  [0, "0 B"],
  [1536, "1.5 KB"],
  [2 * 1024 ** 3, "2 GB"],
  [1234.5, "1.2 KB"],
])("%d bytes are %s", (size, text) => {
  expect(bytes(size)).toBe(text);
});

test.each([
  [0.2, "1 s"],
  [59, "59 s"],
  [61, "2 min"],
  [3600, "1 h"],
  [9_000, "2 h 30 min"],
])("%d seconds are %s", (seconds, text) => {
  expect(timeLeft(seconds)).toBe(text);
});

test("counts one and many", () => {
  expect([count(0, "file"), count(1, "file"), count(1200, "file")]).toEqual([
    "0 files",
    "1 file",
    "1,200 files",
  ]);
});
