/** The search field: when it searches, and for what. */

import { render } from "preact";
import { act } from "preact/test-utils";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Search } from "../src/search.js";

let root: HTMLElement;
let searches: [string, boolean][];

/** Draws the field as the page does: with the text and the place of the last search. */
function draw(text: string, everywhere: boolean): void {
  const search = (typed: string, where: boolean) => {
    searches.push([typed, where]);
    draw(typed, where);
  };
  render(<Search text={text} everywhere={everywhere} onSearch={search} />, root);
}

beforeEach(async () => {
  vi.useFakeTimers();
  root = document.createElement("div");
  document.body.append(root);
  searches = [];
  await act(async () => draw("", true));
});

afterEach(() => {
  render(null, root);
  root.remove();
  vi.useRealTimers();
});

async function type(text: string): Promise<void> {
  const input = root.querySelector("input") as HTMLInputElement;
  input.value = text;
  await act(async () => void input.dispatchEvent(new Event("input", { bubbles: true })));
}

const pass = (ms: number) => act(async () => void (await vi.advanceTimersByTimeAsync(ms)));

test("searches once typing pauses for 0.3 s, without spaces at the ends", async () => {
  await type(" f");
  await pass(200);
  await type(" film ");
  await pass(200);
  expect(searches).toEqual([]);

  await pass(100);

  expect(searches).toEqual([["film", true]]);
});

test("Enter searches at once, and the pause after it doesn't search again", async () => {
  await type("film");

  await act(async () => root.querySelector("form")?.requestSubmit());
  await pass(1000);

  expect(searches).toEqual([["film", true]]);
});

test("another place to search in stays when a pause in typing ends", async () => {
  const where = root.querySelector("select") as HTMLSelectElement;
  await type("");
  where.value = "folder";
  await act(async () => void where.dispatchEvent(new Event("change", { bubbles: true })));

  await pass(1000);

  expect(searches).toEqual([["", false]]);
});

test("a search that is ended elsewhere empties the field, and what was typed is forgotten", async () => {
  await act(async () => draw("film", true));
  await type("films");

  await act(async () => draw("", true));
  await pass(1000);

  expect(searches).toEqual([]);
  expect(root.querySelector("input")?.value).toBe("");
});
