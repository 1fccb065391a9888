import { expect, test } from "vitest";
import { formatsOf, isolated } from "../src/format.js";
import { en } from "../src/words/en.js";
import { wordsFor } from "../src/words.js";

const { bytes, duration, percent, plural } = formatsOf("en-GB");

test.each([
  [0, "0 bytes"],
  [1, "1 byte"],
  [1023, "1,023 bytes"],
  [1234.5, "1.2 kB"],
  [1536, "1.5 kB"],
  [300_000, "293 kB"],
  [70_000_000, "67 MB"],
  [1_234_567_890, "1.15 GB"],
  [2 * 1024 ** 3, "2 GB"],
  [3 * 1024 ** 6, "3,072 PB"],
])("%d bytes are %s", (size, text) => {
  expect(bytes(size)).toBe(text);
});

test.each([
  [0.2, "1 sec"],
  [59, "59 secs"],
  [61, "2 mins"],
  [3600, "1 hr"],
  [9_000, "2 hrs 30 mins"],
])("%d seconds are %s", (seconds, text) => {
  expect(duration(seconds)).toBe(text);
});

test("a language's own forms are used for numbers, sizes and plurals", () => {
  const polish = { one: "# plik", few: "# pliki", many: "# plików", other: "# pliku" };
  const formats = formatsOf("pl");

  const texts = [1, 3, 5, 12_345].map((value) => formats.plural(value, polish));

  expect(texts).toEqual(["1 plik", "3 pliki", "5 plików", "12\u00a0345 plików"]);
  expect(formatsOf("de").bytes(1.5 * 1024 ** 3)).toBe("1,5\u00a0GB");
  expect(plural(1200, { one: "# file", other: "# files" })).toBe("1,200 files");
  expect(percent(0.42)).toBe("42%");
});

test("only names that are written from right to left are isolated", () => {
  expect(isolated("film.mov")).toBe("film.mov");
  expect(isolated("سيرة.pdf")).toBe("\u2068سيرة.pdf\u2069");
  expect(en.uploads.stored("חוזה.pdf")).toBe("\u2068חוזה.pdf\u2069 is stored.");
});

test("the first language that is there is taken, else English", () => {
  expect(wordsFor(["xx", "en-US"]).language).toBe("en");
  expect(wordsFor([])).toBe(en);
});
