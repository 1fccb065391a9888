import type { FileInfo } from "@wideload/uploader";
import { beforeEach, expect, test, vi } from "vitest";
import { Listing, PAGE_SIZE, type View } from "../src/listing.js";
import { Cloud, SCANNED } from "./cloud.js";

let cloud: Cloud;
let listing: Listing;

beforeEach(() => {
  cloud = new Cloud();
  listing = new Listing(cloud.client);
});

const TOP: View = { folder: "", sort: "-created_at", search: "" };
const names = () => listing.items.map(({ name }) => name);
const find = (search: string) => listing.show({ ...TOP, folder: null, search });
const queries = () => cloud.requests.map((request) => request.split("?")[1]);

/** Files of which the last is the newest. */
function store(count: number, folder = ""): void {
  for (let number = 1; number <= count; number += 1) {
    cloud.store(`file ${String(number).padStart(4, "0")}.txt`, { folder });
  }
}

/** A file as the API answers it. */
async function stored(
  name: string,
  members: Parameters<Cloud["store"]>[1] = {},
): Promise<FileInfo> {
  return cloud.client.get(cloud.store(name, members).file_id);
}

test("reads the first page of a folder, and says that there is more", async () => {
  store(PAGE_SIZE + 3);
  cloud.store("elsewhere.txt", { folder: "a" });

  await listing.show(TOP);

  expect(listing.items).toHaveLength(PAGE_SIZE);
  expect(names()[0]).toBe("file 0103.txt");
  expect(listing.more).toBe(true);
  expect(listing.state).toBe("ready");
  expect(queries()).toEqual(["folder=&sort=-created_at&limit=100"]);
});

test("goes on where the page before ended, until the last", async () => {
  store(PAGE_SIZE + 3);
  await listing.show(TOP);

  await listing.loadMore();

  expect(new Set(names()).size).toBe(PAGE_SIZE + 3);
  expect(listing.more).toBe(false);
});

test("all files can be loaded", async () => {
  store(7 * PAGE_SIZE);
  await listing.show(TOP);

  await listing.loadAll();

  expect(listing.items).toHaveLength(7 * PAGE_SIZE);
  expect(cloud.requests).toHaveLength(7);
});

test("sorts at the server", async () => {
  cloud.store("b", { size: 1 });
  cloud.store("a", { size: 3 });
  cloud.store("c", { size: 2 });

  const seen: string[] = [];
  for (const sort of ["name", "-name", "size", "-size", "created_at", "-created_at"] as const) {
    await listing.show({ ...TOP, sort });
    seen.push(`${sort}: ${names().join("")}`);
  }

  expect(seen).toEqual([
    "name: abc",
    "-name: cba",
    "size: bca",
    "-size: acb",
    "created_at: bac",
    "-created_at: cab",
  ]);
});

test("a search lists names that begin with the text first, then others that contain it, once", async () => {
  for (const name of ["my film.mov", "film 2.mov", "other.txt", "Film 1.mov"]) cloud.store(name);
  cloud.store("film 3.mov", { folder: "a" });

  await find("film");

  expect(names()).toEqual(["Film 1.mov", "film 2.mov", "film 3.mov", "my film.mov"]);
  expect(listing.more).toBe(false);
  expect(queries()).toEqual(["prefix=film&limit=100", "q=film&limit=100"]);
});

test("a search may be within the folder", async () => {
  cloud.store("film 1.mov");
  cloud.store("film 2.mov", { folder: "a" });

  await listing.show({ ...TOP, folder: "a", search: "film" });

  expect(names()).toEqual(["film 2.mov"]);
});

test("many names that begin with the text take one request", async () => {
  store(1000);

  await find("file");

  expect(listing.items).toHaveLength(PAGE_SIZE);
  expect(cloud.requests).toHaveLength(1);
});

test("a search in a long list gives the person a say after 4 requests", async () => {
  store(5 * SCANNED);

  await find("nothing like it");

  expect(cloud.requests).toHaveLength(4);
  expect(listing.paused).toBe(true);
  await listing.loadMore();
  expect(listing.paused).toBe(false);
  expect(listing.more).toBe(false);
});

test("a typed space finds the narrow no-break space of macOS's screenshots", async () => {
  const name = "Screenshot 2026-03-12 at 10.32.05\u202fPM.png";
  cloud.store(name);
  cloud.store("Screenshot of PM.png");

  await find("10.32.05 pm");

  expect(names()).toEqual([name]);
});

test("the answer to an earlier request is dropped", async () => {
  cloud.store("old");
  cloud.store("new");

  await Promise.all([find("old"), find("new")]);

  expect(names()).toEqual(["new"]);
});

test("an answer or a failure that comes after that of a later request is dropped", async () => {
  const old = cloud.store("old");
  const page = await cloud.client.list({});
  cloud.shelves.remove(old.file_id);
  cloud.store("new");
  const list = vi.spyOn(cloud.client, "list");
  list.mockImplementationOnce(async () => {
    await listing.show(TOP);
    return page;
  });
  await listing.show(TOP);
  expect(names()).toEqual(["new"]);
  list.mockImplementationOnce(async () => {
    await listing.show(TOP);
    throw new Error("late");
  });

  await listing.show(TOP);

  expect(listing.state).toBe("ready");
});

test("files of another folder go at once; those of the same folder stay until the answer", async () => {
  cloud.store("a.txt", { folder: "a" });
  cloud.store("top.txt");
  await listing.show(TOP);

  const sorting = listing.show({ ...TOP, sort: "name" });
  expect(names()).toEqual(["top.txt"]);
  await sorting;
  const opening = listing.show({ ...TOP, folder: "a" });
  expect(names()).toEqual([]);
  await opening;

  expect(names()).toEqual(["a.txt"]);
});

test("a failure keeps what is there, and loading more goes on from it", async () => {
  store(PAGE_SIZE + 1);
  await listing.show(TOP);
  cloud.failNext(400, "invalid_request");
  await listing.loadMore();
  expect(listing.state).toBe("failed");
  expect(listing.items).toHaveLength(PAGE_SIZE);

  await listing.loadMore();

  expect(listing.state).toBe("ready");
  expect(listing.items).toHaveLength(PAGE_SIZE + 1);
});

test("a failed search shows nothing that doesn't match it", async () => {
  store(3);
  await listing.show({ ...TOP, folder: null });
  cloud.failNext(400, "invalid_request");

  await find("film");

  expect(names()).toEqual([]);
  expect(listing.state).toBe("failed");
});

test.each([
  ["-created_at", "dcba", "2026-11-22T12:00:00.000Z"],
  ["created_at", "abcd", "2026-11-22T12:00:00.000Z"],
  ["name", "abcd", undefined],
  ["-name", "dcba", undefined],
  ["size", "abcd", undefined],
] as const)("a stored file takes its place in the order %s", async (sort, order, created_at) => {
  for (const [index, name] of ["a", "b", "c"].entries()) cloud.store(name, { size: index });
  await listing.show({ ...TOP, sort });

  listing.add(await stored("d", { size: 9, ...(created_at ? { created_at } : {}) }));

  expect(names().join("")).toBe(order);
});

test("a stored file whose place is not loaded comes with its page, once", async () => {
  store(PAGE_SIZE + 1);
  await listing.show({ ...TOP, sort: "name" });

  listing.add(await stored("z.txt"));
  expect(names()).not.toContain("z.txt");
  await listing.loadMore();

  expect(names().filter((name) => name === "z.txt")).toHaveLength(1);
});

test("a stored file of another folder, or that the search would not find, is not listed", async () => {
  await listing.show(TOP);
  listing.add(await stored("a.txt", { folder: "a" }));
  expect(names()).toEqual([]);

  await find("film");
  listing.add(await stored("b.txt"));
  listing.add(await stored("film.mov", { folder: "a" }));

  expect(names()).toEqual(["film.mov"]);
});

test("a file that replaces another takes its row", async () => {
  cloud.store("a.txt");
  await listing.show(TOP);
  const [before] = listing.items;

  listing.add(await stored("a.txt", { sha256: "0".repeat(64) }));

  expect(names()).toEqual(["a.txt"]);
  expect(listing.items[0]?.fileId).not.toBe(before?.fileId);
});

test("a file that is stored while the list is read stays, though the answer lacks it", async () => {
  cloud.store("a.txt");
  const added = await stored("b.txt");
  const removed = await stored("c.txt");
  cloud.shelves.remove(added.fileId);
  cloud.shelves.remove(removed.fileId);
  const reading = listing.show(TOP);

  listing.add(added);
  listing.add(removed);
  listing.remove([removed.fileId]);
  await reading;

  expect(names().sort()).toEqual(["a.txt", "b.txt"]);
});

test("a page that was answered before a deletion doesn't list the file again", async () => {
  store(PAGE_SIZE + 1);
  await listing.show(TOP);
  const [gone] = listing.items;
  const page = await cloud.client.list({ limit: 1 });
  listing.remove([gone?.fileId ?? ""]);
  vi.spyOn(cloud.client, "list").mockResolvedValue(page);

  await listing.loadMore();

  expect(listing.items).toHaveLength(PAGE_SIZE - 1);
});

test("a renamed file keeps its row, and a moved one goes with its folder", async () => {
  const file = await stored("old", { folder: "a" });
  await find("old");
  listing.replace([{ ...file, name: "new", folder: "b" }]);
  expect(names()).toEqual(["new"]);

  await listing.show({ ...TOP, folder: "a" });
  listing.replace([{ ...file, folder: "b" }]);

  expect(names()).toEqual([]);
});
