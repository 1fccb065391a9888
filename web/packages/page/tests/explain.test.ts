import { TransportError, WideloadError } from "@wideload/uploader";
import { expect, test } from "vitest";
import { explain } from "../src/explain.js";
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
