import { beforeEach, expect, test } from "vitest";
import { Selection } from "../src/selection.js";
import { rangeOf } from "../src/visible-rows.js";

const ROWS = ["a", "b", "c", "d", "e"];
let selection: Selection;

beforeEach(() => {
  selection = new Selection();
});

const selected = () => [...selection.keys].sort().join("");

test("a row is selected, then not", () => {
  selection.toggle("a");
  selection.toggle("b");
  expect(selected()).toBe("ab");
  selection.toggle("a");
  expect(selected()).toBe("b");
});

test("a range begins at the row that was toggled last, in either direction", () => {
  selection.toggle("c");
  selection.extend(ROWS, "e");
  expect(selected()).toBe("cde");
  selection.extend(ROWS, "a");
  expect(selected()).toBe("abcde");
});

test("a range without a begin is one row, from which the next goes on", () => {
  selection.extend(ROWS, "b");
  selection.extend(ROWS, "d");
  expect(selected()).toBe("bcd");
});

test("a range whose begin is gone is one row", () => {
  selection.toggle("a");
  selection.extend(ROWS.slice(1), "d");
  expect(selected()).toBe("ad");
});

test("rows that are gone are not selected, and a change is told once", () => {
  let told = 0;
  selection.set(ROWS);
  selection.subscribe(() => (told += 1));

  selection.remove(["a", "x"]);
  selection.remove(["a"]);

  expect(selected()).toBe("bcde");
  expect(told).toBe(1);
  selection.clear();
  selection.clear();
  expect(told).toBe(2);
});

test.each([
  // Below the window's top; 10 rows fit into it.
  [100, { first: 0, end: 15 }],
  [-5000, { first: 45, end: 70 }],
  [-99_950, { first: 990, end: 1000 }],
])("rows in sight at %d px are drawn, and some around them", (top, range) => {
  expect(rangeOf(top, 100_000, 1000, 1000)).toEqual(range);
});

test("few rows are drawn of many, and the first where there is no layout", () => {
  const { first, end } = rangeOf(-3_000_000, 7_200_000, 100_000, 900);
  expect(first * 72).toBeLessThanOrEqual(3_000_000);
  expect(end * 72).toBeGreaterThanOrEqual(3_000_900);
  expect(end - first).toBeLessThan(40);
  expect(rangeOf(0, 0, 250, 900)).toEqual({ first: 0, end: 100 });
});
