import { expect, test } from "vitest";
import { Listing, PAGE_SIZE } from "../src/listing.js";
import { apiError, FakeApi, file } from "./fakes.js";

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
  const files = many(4 * PAGE_SIZE);
  const fake = new FakeApi([...files, file(999, { name: "Film.mov" })]);
  const listing = new Listing(fake.api);

  await listing.load("film");

  expect(names(listing)).toEqual(["Film.mov"]);
  expect(fake.asked.map(({ q }) => q)).toEqual(Array(5).fill("film"));
});

test("a search in a huge list gives the person a say after 20 requests", async () => {
  const fake = new FakeApi(many(30 * PAGE_SIZE));
  const listing = new Listing(fake.api);

  await listing.load("nothing like it");

  expect(fake.asked).toHaveLength(20);
  expect(listing.state).toBe("ready");
  expect(listing.more).toBe(true);
});

test("what was asked last wins over a slower answer to what was asked before", async () => {
  const fake = new FakeApi([file(1, { name: "old" }), file(2, { name: "new" })]);
  const listing = new Listing(fake.api);
  fake.delay = 20;
  const slower = listing.load("old");
  fake.delay = 0;

  await Promise.all([slower, listing.load("new")]);

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
  const fake = new FakeApi(many(2));
  const listing = new Listing(fake.api);
  await listing.load();
  fake.failure = apiError(503, "unavailable");

  await listing.load("x");

  expect(listing.items).toEqual([]);
  expect(listing.state).toBe("failed");
});

test("a stored file comes first, once, if the search finds it", async () => {
  const fake = new FakeApi(many(2));
  const listing = new Listing(fake.api);
  await listing.load();

  listing.add(file(2));
  expect(names(listing)).toEqual(["file 2.txt", "file 1.txt"]);

  await listing.load("file 1");
  listing.add(file(3));
  expect(names(listing)).toEqual(["file 1.txt"]);
});

test("a file that is stored while the list is being read stays, though the answer lacks it", async () => {
  const fake = new FakeApi([file(1), file(2, { name: "gone by then" })]);
  const listing = new Listing(fake.api);
  await listing.load();
  fake.delay = 20;
  const reading = listing.load("file");

  listing.add(file(3));
  listing.add(file(4));
  listing.remove(file(4).fileId);
  await reading;

  expect(names(listing)).toEqual(["file 3.txt", "file 1.txt"]);
});
