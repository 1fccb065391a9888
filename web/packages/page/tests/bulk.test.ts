/** Deletes and moves of many, as a person sees them: the list, the selection, the notices. */

import { beforeEach, expect, test } from "vitest";
import { FileActions } from "../src/file-actions.js";
import { Folders } from "../src/folders.js";
import { Listing } from "../src/listing.js";
import { Notices } from "../src/notices.js";
import { isFile, keyOf, type Row } from "../src/rows.js";
import { Selection } from "../src/selection.js";
import { count } from "../src/walk.js";
import { Cloud } from "./cloud.js";

let cloud: Cloud;
let folders: Folders;
let listing: Listing;
let selection: Selection;
let notices: Notices;
let actions: FileActions;

beforeEach(() => {
  cloud = new Cloud();
  folders = new Folders(cloud.client);
  listing = new Listing(cloud.client);
  selection = new Selection();
  notices = new Notices();
  const startDownload = () => {};
  actions = new FileActions({
    api: cloud.client,
    folders,
    listing,
    selection,
    notices,
    startDownload,
  });
});

/** Opens the top, with all that is loaded selected. */
async function open(): Promise<readonly Row[]> {
  await folders.load("");
  await listing.show({ folder: "", sort: "name", search: "" });
  await listing.loadAll();
  const rows = [...(folders.branch("")?.items ?? []), ...listing.items];
  selection.set(rows.map(keyOf));
  cloud.requests.length = 0;
  return rows;
}

const paths = () => [...cloud.files.values()].map(({ folder, name }) => `${folder}/${name}`).sort();
const told = () => notices.current.map(({ kind, text }) => `${kind}: ${text}`);
const CONTENT = { sha256: "1".repeat(64), size: 1 };

test("files and folders are deleted, a hundred files a request", async () => {
  for (let number = 0; number < 250; number += 1) cloud.store(`${number}.txt`);
  cloud.store("x", { folder: "a/b" });
  const rows = await open();

  await actions.delete(rows);

  expect(paths()).toEqual([]);
  expect(listing.items).toEqual([]);
  expect(folders.branch("")?.items).toEqual([]);
  expect(selection.size).toBe(0);
  expect(cloud.requests).toEqual([
    "POST /files/delete",
    "POST /files/delete",
    "POST /files/delete",
    "DELETE /files/folders?folder=a",
  ]);
  expect(told()).toEqual(["done: 251 items are deleted."]);
});

test("a file that was deleted elsewhere counts as deleted", async () => {
  cloud.store("a.txt");
  const rows = await open();
  await cloud.client.delete(listing.items[0]?.fileId ?? "");

  await actions.delete(rows);

  expect(listing.items).toEqual([]);
  expect(told()).toEqual(["done: a.txt is deleted."]);
});

test("what can't be deleted stays selected, with the reason", async () => {
  cloud.store("x", { folder: "a" });
  cloud.store("b.txt");
  const rows = await open();
  cloud.apiFault = (method) => {
    if (method !== "DELETE") return undefined;
    return new Response(JSON.stringify({ status: 409, code: "conflict" }), { status: 409 });
  };

  await actions.delete(rows);

  expect([...selection.keys]).toEqual(["/a"]);
  expect(told()).toEqual([
    "problem: 1 item is deleted, others are not. a: It was changed at the same moment. Try again.",
  ]);
});

test("files that were deleted before a failure leave the list", async () => {
  for (let number = 0; number < 150; number += 1) cloud.store(`${number}.txt`);
  const rows = await open();
  let requests = 0;
  cloud.apiFault = () => {
    requests += 1;
    return requests === 2 ? new Response("{}", { status: 400 }) : undefined;
  };

  await expect(actions.delete(rows)).rejects.toThrow();

  expect(listing.items).toHaveLength(50);
  expect(selection.size).toBe(50);
});

test("files and folders are moved with what is in them", async () => {
  cloud.store("x", { folder: "a/b" });
  cloud.store("c.txt");
  const rows = await open();

  const conflicts = await actions.move(rows, "to/there");

  expect(conflicts).toEqual([]);
  expect(paths()).toEqual(["to/there/a/b/x", "to/there/c.txt"]);
  expect(listing.items).toEqual([]);
  expect(folders.branch("")?.items.map(({ name }) => name)).toEqual(["to"]);
  expect(selection.size).toBe(0);
  expect(told()).toEqual(["done: 2 items are moved to to/there."]);
});

test("files whose name is taken wait for an answer", async () => {
  for (const name of ["a.txt", "b.txt", "c.txt"]) {
    cloud.store(name, CONTENT);
    if (name !== "c.txt") cloud.store(name, { folder: "to" });
  }
  const rows = (await open()).filter((row) => row.name !== "to");

  const conflicts = await actions.move(rows, "to");
  expect(conflicts).toMatchObject([
    { name: "a.txt", size: 1, existing: { folder: "to", size: 5 } },
    { name: "b.txt" },
  ]);
  expect(paths()).toEqual(["/a.txt", "/b.txt", "to/a.txt", "to/b.txt", "to/c.txt"]);
  const [first, second] = rows.filter(isFile);
  if (!first || !second) throw new Error("Two files are listed.");
  await actions.resolveMove([first], "to", "replace");
  await actions.resolveMove([second], "to", "keep_both");

  expect(paths()).toEqual(["to/a.txt", "to/b (2).txt", "to/b.txt", "to/c.txt"]);
  expect(listing.items).toEqual([]);
});

test("a file that a moved one replaces leaves the results of a search", async () => {
  const { file_id } = cloud.store("a.txt", CONTENT);
  cloud.store("a.txt", { folder: "to" });
  await listing.show({ folder: null, sort: "name", search: "a.txt" });
  const file = await cloud.client.get(file_id);

  await actions.resolveMove([file], "to", "replace");

  expect(listing.items.map(({ fileId, folder }) => [fileId, folder])).toEqual([[file_id, "to"]]);
});

test("rows that are in the folder already take no request", async () => {
  cloud.store("x", { folder: "a" });
  cloud.store("b.txt");
  const rows = await open();

  await actions.move(rows, "");

  expect(cloud.requests).toEqual([]);
  expect(told()).toEqual(["done: 2 items are moved to the top."]);
});

test("what can't be moved is named with the reason", async () => {
  cloud.store("x", { folder: "a" });
  cloud.store("x", { folder: "to/a" });
  const rows = (await open()).filter((row) => row.name === "a");

  await actions.move(rows, "to");

  expect(told()).toEqual([
    "problem: 0 items are moved to to. a: The name is taken. Choose another name.",
  ]);
});

test("a name that is taken is refused when a file is renamed", async () => {
  cloud.store("a.txt");
  cloud.store("b.txt");
  const [row] = await open();

  await expect(actions.rename(row as Row, "b.txt")).rejects.toMatchObject({ code: "name_exists" });
});

test("what is in folders is counted, up to a number", async () => {
  for (const folder of ["a", "a/b", "a/b", "a/c"]) {
    cloud.store(`${cloud.files.size}.txt`, { folder });
  }
  const rows = await open();

  expect(await count(cloud.client, rows, 1000)).toEqual({ files: 4, folders: 3, more: false });
  expect(await count(cloud.client, rows, 3)).toMatchObject({ more: true });
});
