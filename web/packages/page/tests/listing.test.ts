import { expect, test } from "vitest";
import { Listing, PAGE_SIZE } from "../src/listing.js";
import { apiError, FakeApi, file, SCANNED } from "./fakes.js";

function many(count: number) {
  return Array.from({ length: count }, (_, index) => file(index + 1));
}

function names(listing: Listing): string[] {
  return listing.items.map(({ name }) => name);
}

test("reads the first page and says that there is more", async () => {
  const listing = new Listing(new FakeApi(many(PAGE_SIZE + 3)).api);

  await listing.load();

  expect(listing.items).toHaveLength(PAGE_SIZE);
  expect(listing.more).toBe(true);
  expect(listing.state).toBe("ready");
});

test("goes on where the page before ended, until the last", async () => {
  const listing = new Listing(new FakeApi(many(PAGE_SIZE + 3)).api);
  await listing.load();

  await listing.loadMore();

  expect(listing.items).toHaveLength(PAGE_SIZE + 3);
  expect(listing.more).toBe(false);
});

test("a search reads on through pages without a match", async () => {
  const fake = new FakeApi([...many(2 * SCANNED), file(999, { name: "Film.mov" })]);
  const listing = new Listing(fake.api);

  await listing.find("film");

  expect(names(listing)).toEqual(["Film.mov"]);
  expect(listing.more).toBe(false);
  expect(fake.asked.map(({ q }) => q)).toEqual(["film", "film", "film"]);
});

test("a search in a long list gives the person a say after 4 requests", async () => {
  const fake = new FakeApi(many(2750));
  const listing = new Listing(fake.api);
  await listing.load();
  fake.asked.length = 0;

  await listing.find("nothing like it");

  expect(fake.asked).toHaveLength(4);
  expect(listing.state).toBe("ready");
  expect(listing.more).toBe(true);
});

test("what is typed further is searched in what was read, which is not asked for again", async () => {
  const fake = new FakeApi([...many(600), file(1000, { name: "film.mov" })]);
  const listing = new Listing(fake.api);
  await listing.load();
  fake.asked.length = 0;

  for (const text of ["f", "fi", "fil", "film"]) await listing.find(text);

  expect(names(listing)).toEqual(["film.mov"]);
  // "f", "fi" and "fil" fill the first page with what was loaded; for "film" the rest is read.
  expect(fake.asked.map(({ q, cursor }) => [q, cursor])).toEqual([
    ["film", "25"],
    ["film", "275"],
    ["film", "525"],
  ]);
});

test("a search that was read to its end asks no more when it gets longer", async () => {
  const fake = new FakeApi([file(1, { name: "a.txt" }), file(2, { name: "ab.txt" })]);
  const listing = new Listing(fake.api);
  await listing.find("a");
  fake.asked.length = 0;

  await listing.find("ab");

  expect(names(listing)).toEqual(["ab.txt"]);
  expect(fake.asked).toEqual([]);
});

test("a shorter search starts again", async () => {
  const fake = new FakeApi([file(1, { name: "a.txt" }), file(2, { name: "ab.txt" })]);
  const listing = new Listing(fake.api);
  await listing.find("ab");

  await listing.find("a");

  expect(names(listing)).toEqual(["a.txt", "ab.txt"]);
  expect(listing.more).toBe(false);
});

test("a typed space, sent to the API with the rest, finds the narrow no-break space of macOS's screenshots", async () => {
  const name = "Screenshot 2026-03-12 at 10.32.05\u202fPM.png";
  const fake = new FakeApi([file(1, { name }), file(2, { name: "Screenshot of PM.png" })]);
  const listing = new Listing(fake.api);

  await listing.find("10.32.05 pm");

  expect(names(listing)).toEqual([name]);
  expect(fake.asked[0]?.q).toBe("10.32.05 pm");
});

test("shows no more than there is room for, whatever is stored meanwhile", async () => {
  const fake = new FakeApi(many(3));
  const listing = new Listing(fake.api);
  await listing.load();

  for (let number = 100; number < 200; number += 1) listing.add(file(number));

  expect(listing.items).toHaveLength(PAGE_SIZE);
  expect(listing.items[0]?.fileId).toBe("id-199");
  expect(listing.more).toBe(true);
  fake.asked.length = 0;
  for (let page = 1; page <= 4; page += 1) await listing.loadMore();
  expect(listing.items).toHaveLength(103);
  expect(listing.more).toBe(false);
  expect(fake.asked).toEqual([]);
});

test("what was asked last wins over a slower answer to what was asked before", async () => {
  const fake = new FakeApi([file(1, { name: "old" }), file(2, { name: "new" })]);
  const listing = new Listing(fake.api);
  fake.delay = 20;
  const slower = listing.find("old");
  fake.delay = 0;

  await Promise.all([slower, listing.find("new")]);

  expect(names(listing)).toEqual(["new"]);
});

test("a failure keeps what is there, and loading more goes on from it", async () => {
  const fake = new FakeApi(many(PAGE_SIZE + 1));
  const listing = new Listing(fake.api);
  await listing.load();
  fake.failure = apiError(503, "unavailable");
  await listing.loadMore();
  expect(listing.state).toBe("failed");
  expect(listing.items).toHaveLength(PAGE_SIZE);

  await listing.loadMore();

  expect(listing.state).toBe("ready");
  expect(listing.items).toHaveLength(PAGE_SIZE + 1);
});

test("a failed search shows nothing that doesn't match it", async () => {
  const fake = new FakeApi(many(PAGE_SIZE + 1));
  const listing = new Listing(fake.api);
  await listing.load();
  fake.failure = apiError(503, "unavailable");

  await listing.find("film");

  expect(listing.items).toEqual([]);
  expect(listing.state).toBe("failed");
});

test("a stored file comes first, once, if the search finds it", async () => {
  const fake = new FakeApi(many(2));
  const listing = new Listing(fake.api);
  await listing.load();

  listing.add(file(2));
  expect(names(listing)).toEqual(["file 2.txt", "file 1.txt"]);

  await listing.find("file 1");
  listing.add(file(3));
  expect(names(listing)).toEqual(["file 1.txt"]);
});

test("a file that is stored while the list is being read stays, though the answer lacks it", async () => {
  const fake = new FakeApi([file(1), file(2, { name: "gone by then" })]);
  const listing = new Listing(fake.api);
  await listing.load();
  fake.delay = 20;
  const reading = listing.find("file");

  listing.add(file(3));
  listing.add(file(4));
  listing.remove(file(4).fileId);
  await reading;

  expect(names(listing)).toEqual(["file 3.txt", "file 1.txt"]);
});

test("a file that is renamed stays in sight, though the search finds it no more", async () => {
  const listing = new Listing(new FakeApi([file(1, { name: "old" }), file(2)]).api);
  await listing.find("old");

  listing.replace(file(1, { name: "new" }));
  expect(names(listing)).toEqual(["new"]);

  await listing.find("old n");
  expect(names(listing)).toEqual([]);
});
