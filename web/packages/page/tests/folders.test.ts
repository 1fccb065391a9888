/** Folders: the cache of what was opened, their tree, paths, and the hash that names one. */

import { beforeEach, expect, test, vi } from "vitest";
import { Folders } from "../src/folders.js";
import { isWithin, lastOf, parentOf, steps } from "../src/paths.js";
import { folderOf, hashOf, keepHash, Place, takeHash } from "../src/place.js";
import { idOf, nodeFor, SHOWN, treeNodes } from "../src/tree-nodes.js";
import { Cloud } from "./cloud.js";

let cloud: Cloud;
let folders: Folders;

beforeEach(() => {
  cloud = new Cloud();
  folders = new Folders(cloud.client);
});

const items = (path: string) => folders.branch(path)?.items.map(({ name }) => name);

test("paths have parents, names and steps", () => {
  expect(steps("a/b/c")).toEqual(["a", "a/b", "a/b/c"]);
  expect(steps("")).toEqual([]);
  expect([parentOf("a/b/c"), parentOf("a")]).toEqual(["a/b", ""]);
  expect(lastOf("a/b")).toBe("b");
  expect(isWithin("a/b", "a")).toBe(true);
  expect(isWithin("ab", "a")).toBe(false);
  expect(isWithin("a", "")).toBe(true);
});

test.each(["", "a", "a/b", "50% off/a#b?c", "صور/夏 休み", "a&b=c"])(
  "the hash of the folder %j names it",
  (folder) => {
    expect(folderOf(new URL(hashOf(folder), "https://page.test/").hash)).toBe(folder);
  },
);

test.each(["", "#my-files", "#/%E0%A4"])("the hash %j names no folder", (hash) => {
  expect(folderOf(hash)).toBeNull();
});

test("a place follows the address, and a link within the page leaves it where it is", async () => {
  const { location } = window;
  location.hash = "#/a/b";
  const place = new Place(window);
  const told = vi.fn();
  place.subscribe(told);
  expect(place.folder).toBe("a/b");

  place.open("c");
  expect([place.folder, location.hash]).toEqual(["c", "#/c"]);
  location.hash = "#my-files";
  await vi.waitFor(() => expect(location.hash).toBe("#/c"), { timeout: 60_000 });
  expect(place.folder).toBe("c");
  location.hash = "#/d";
  await vi.waitFor(() => expect(place.folder).toBe("d"), { timeout: 60_000 });
  location.hash = "";
  await vi.waitFor(() => expect(place.folder).toBe(""), { timeout: 60_000 });
  expect(told).toHaveBeenCalledTimes(3);
  place.close();
});

test("the hash is kept for the return from the sign-in page, once", () => {
  keepHash(sessionStorage, "#/a");

  expect([takeHash(sessionStorage), takeHash(sessionStorage)]).toEqual(["#/a", ""]);
});

test("all folders of a folder are read, page after page", async () => {
  for (let number = 100; number < 250; number += 1) cloud.store("x", { folder: `a/${number}` });

  await Promise.all([folders.load("a"), folders.load("a")]);

  expect(items("a")).toHaveLength(150);
  expect(cloud.requests).toHaveLength(2);
});

test("a folder that isn't there says so", async () => {
  await folders.load("gone");

  expect(folders.branch("gone")).toMatchObject({
    state: "failed",
    error: { code: "unknown_folder" },
  });
});

test("a folder that was missing is there once a file is stored in it", async () => {
  await folders.load("a/b");
  cloud.store("x", { folder: "a/b/c" });

  folders.add("a/b");

  await vi.waitFor(() => expect(items("a/b")).toEqual(["c"]), { timeout: 60_000 });
  expect(folders.branch("a/b")).toMatchObject({ state: "ready", error: null });
});

test("a new folder is shown by its name, with those above it", async () => {
  cloud.store("x", { folder: "a" });
  cloud.store("x", { folder: "c" });
  await folders.load("");

  await folders.make("B/new");
  folders.add("c/d");
  folders.add("");

  expect(items("")).toEqual(["a", "B", "c"]);
  expect(items("B")).toBeUndefined();
  await folders.load("B");
  expect(items("B")).toEqual(["new"]);
});

test("a change of a folder while its parent is read is not undone by the answer", async () => {
  cloud.store("x", { folder: "deleted" });
  await folders.load("");
  const before = await cloud.client.folders({ folder: "" });
  const loadDuring = async (change: () => Promise<void>) => {
    vi.spyOn(cloud.client, "folders").mockImplementationOnce(async () => {
      await change();
      return before;
    });
    await folders.load("");
  };

  await loadDuring(() => folders.make("made"));
  expect(items("")).toEqual(["deleted", "made"]);
  await loadDuring(() => folders.delete("deleted"));

  expect(items("")).toEqual(["made"]);
});

test("a moved folder is at its new place, and what was known of its old one is forgotten", async () => {
  cloud.store("x", { folder: "a/b/c" });
  cloud.store("x", { folder: "d" });
  for (const path of ["", "a", "a/b", "d"]) await folders.load(path);

  await folders.move("a/b", "d/e");

  expect([items("a"), items("d"), items("a/b")]).toEqual([[], ["e"], undefined]);
  await folders.load("d/e");
  expect(items("d/e")).toEqual(["c"]);
});

test("a folder that was deleted elsewhere is gone", async () => {
  cloud.store("x", { folder: "a" });
  await folders.load("");
  await cloud.client.deleteFolder("a");

  await folders.delete("a");

  expect(items("")).toEqual([]);
});

const tree = (expanded: string[], shown = new Map<string, number>()) =>
  treeNodes(folders, new Set(expanded), shown, "Top");

test("a tree has a node for each folder that is in sight", async () => {
  for (const folder of ["a/b", "c"]) cloud.store("x", { folder });
  for (const path of ["", "a", "a/b"]) await folders.load(path);

  const nodes = tree(["", "a", "a/b", "c"]);

  expect(nodes.map(({ level, name, expanded }) => [level, name, expanded])).toEqual([
    [1, "Top", true],
    [2, "a", true],
    // Known to be empty.
    [3, "b", null],
    [2, "c", true],
  ]);
  expect(tree([]).map(({ name }) => name)).toEqual(["Top"]);
});

test("a tree shows a hundred folders of a folder, then a line that shows more", async () => {
  for (let number = 100; number < 250; number += 1) cloud.store("x", { folder: String(number) });
  await folders.load("");

  expect(tree([""])).toHaveLength(1 + SHOWN + 1);
  expect(tree([""]).at(-1)).toMatchObject({ kind: "more", path: "" });
  expect(tree([""], new Map([["", 2 * SHOWN]]))).toHaveLength(151);
});

test.each([
  ["ArrowDown", 1, "folder a/b"],
  ["ArrowUp", 1, "folder "],
  ["Home", 3, "folder "],
  ["End", 0, "folder c"],
  ["ArrowRight", 1, "folder a/b"],
  ["ArrowRight", 2, undefined],
  ["ArrowLeft", 2, "folder a"],
  ["ArrowLeft", 0, undefined],
  ["C", 0, "folder c"],
  ["a", 3, "folder a"],
  ["PageDown", 0, undefined],
])("the key %s moves the focus from node %d to %j", async (key, index, id) => {
  for (const folder of ["a/b", "c"]) cloud.store("x", { folder });
  for (const path of ["", "a"]) await folders.load(path);
  const nodes = tree(["", "a"]);

  const next = nodeFor(key, nodes, index);

  expect(next && idOf(next)).toBe(id);
});
