import type { FileInfo } from "@wideload/uploader";
import { render } from "preact";
import { act } from "preact/test-utils";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Listing, PAGE_SIZE } from "../src/listing.js";
import { MyFiles } from "../src/my-files.js";
import { NoticeList } from "../src/notice-list.js";
import { Notices } from "../src/notices.js";
import { apiError, FakeApi, file } from "./fakes.js";

let root: HTMLElement;
let fake: FakeApi;
let listing: Listing;
let started: string[];
let refuse: () => void;

beforeEach(() => {
  root = document.createElement("div");
  document.body.append(root);
  started = [];
});

afterEach(() => {
  render(null, root);
  root.remove();
  vi.restoreAllMocks();
});

async function show(files: FileInfo[], failure: unknown = null): Promise<void> {
  fake = new FakeApi(files);
  fake.failure = failure;
  listing = new Listing(fake.api);
  const notices = new Notices();
  await act(async () => {
    render(
      <>
        <MyFiles
          api={fake.api}
          listing={listing}
          notices={notices}
          startDownload={(url, onRefused) => {
            started.push(url);
            refuse = onRefused;
          }}
        />
        <NoticeList notices={notices} />
      </>,
      root,
    );
  });
}

/** Names of buttons are what a screen reader says: the visible label and the file's name. */
function button(name: string): HTMLButtonElement {
  const all = [...root.querySelectorAll("button")];
  const found = all.find((element) => spoken(element) === name);
  if (!found) throw new Error(`No button "${name}" among ${all.map(spoken).join(" | ")}`);
  return found;
}

function spoken(element: Element): string {
  return (element.textContent ?? "").replace(/\s+/g, " ").trim();
}

async function press(name: string): Promise<void> {
  await act(async () => button(name).click());
}

async function submit(): Promise<void> {
  const form = root.querySelector<HTMLFormElement>("dialog form");
  await act(async () => form?.requestSubmit());
}

function find<E extends HTMLElement>(selector: string): E {
  const found = root.querySelector<E>(selector);
  if (!found) throw new Error(`Nothing matches ${selector}`);
  return found;
}

function rows(): string[] {
  return [...root.querySelectorAll(".file-name")].map(spoken);
}

const notice = (role: "status" | "alert") => spoken(find(`.notices [role=${role}]`));

test("lists name, size, date and mark", async () => {
  await show([
    file(1, { name: "film.mov", size: 1_234_567_890, verified: false }),
    file(2, { corrupt: true }),
  ]);

  const [film, damaged] = [...root.querySelectorAll("li")].map(spoken);

  expect(film).toMatch(/film\.mov *1\.15 GB *12 Mar 2026, \d\d:\d\d *Parts verified/);
  expect(damaged).toContain("Damaged: delete it and upload it again");
  expect(damaged).not.toContain("Download");
});

test("shows a name that is markup as it is", async () => {
  const name = '<img src=x onerror="alert(1)"><script>alert(2)<x';
  await show([file(1, { name })]);

  expect(rows()).toEqual([name]);
  expect(root.querySelector("img, script")).toBeNull();
  await press(`Delete ${name}`);
  expect(spoken(find("dialog"))).toContain(name);
  expect(root.querySelector("img, script")).toBeNull();
});

test("says that there is nothing yet, and how to change that", async () => {
  await show([]);

  expect(spoken(root)).toContain("No files yet. Drop some above");
});

test("says what failed and tries again", async () => {
  await show([file(1)], apiError(503, "unavailable"));
  expect(spoken(root)).toContain("The server has a problem. Try again in a minute.");
  expect(spoken(root)).toContain("request-1");

  await press("Try again");

  expect(rows()).toEqual(["file 1.txt"]);
});

test("loads more when asked, and tells how many there are", async () => {
  await show(Array.from({ length: PAGE_SIZE + 1 }, (_, index) => file(index)));
  const status = find(".files [role=status]");
  expect(spoken(status)).toBe("25 files, and there are more.");

  await press("More files");

  expect(rows()).toHaveLength(PAGE_SIZE + 1);
  expect(spoken(status)).toBe("26 files.");
});

test("a search that has not met a match yet offers to go on", async () => {
  await show([
    ...Array.from({ length: 1500 }, (_, index) => file(index)),
    file(2000, { name: "film" }),
  ]);

  await act(() => listing.find("film"));
  const unmatched = spoken(root);
  await press("Search older files");

  expect(unmatched).toContain("No newer file's name contains “film”. There are older ones.");
  await vi.waitFor(() => expect(rows()).toEqual(["film"]));
});

test("searches after a pause in typing, and once only", async () => {
  vi.useFakeTimers();
  await show([file(1, { name: "film.mov" }), ...Array.from({ length: 30 }, (_, i) => file(i + 2))]);
  const input = find<HTMLInputElement>("input[type=search]");
  for (const text of ["f", "fi", "film"]) {
    input.value = text;
    input.dispatchEvent(new Event("input", { bubbles: true }));
    await act(async () => void (await vi.advanceTimersByTimeAsync(100)));
  }

  await act(async () => void (await vi.advanceTimersByTimeAsync(500)));

  vi.useRealTimers();
  await act(async () => find<HTMLFormElement>("search form").requestSubmit());
  expect(rows()).toEqual(["film.mov"]);
  expect(fake.asked.map(({ q }) => q)).toEqual([undefined, "film"]);
});

test("a search without a match says so", async () => {
  await show([file(1)]);

  await act(() => listing.find("xyz"));

  expect(spoken(root)).toContain("No file's name contains “xyz”.");
});

test("downloads from the presigned URL", async () => {
  await show([file(1)]);

  await press("Download file 1.txt");

  expect(started).toEqual(["https://s3.test/id-1"]);
  expect(notice("status")).toContain("Downloading file 1.txt.");
});

test("a download that S3 refuses says so", async () => {
  await show([file(1)]);
  await press("Download file 1.txt");

  await act(async () => refuse());

  expect(notice("alert")).toContain("file 1.txt could not be downloaded. Try again in a minute.");
});

test("a download that is refused says what to do", async () => {
  await show([file(1)]);
  fake.failure = apiError(409, "corrupt");

  await press("Download file 1.txt");

  expect(started).toEqual([]);
  expect(notice("alert")).toContain("Delete it and upload the file again.");
});

test("renames in a dialog that holds the old name", async () => {
  await show([file(1)]);

  await press("Rename file 1.txt");
  const input = find<HTMLInputElement>("dialog input[name=name]");
  expect(input.value).toBe("file 1.txt");
  input.value = " new name.txt ";
  await submit();

  expect(rows()).toEqual(["new name.txt"]);
  expect(fake.files[0]?.name).toBe("new name.txt");
  expect(root.querySelector("dialog")).toBeNull();
});

test("a name that the API refuses leaves the dialog open, with the reason", async () => {
  await show([file(1)]);
  await press("Rename file 1.txt");
  find<HTMLInputElement>("dialog input[name=name]").value = "a/b";
  fake.failure = apiError(400, "invalid_name", 'A name must not contain "/".');

  await submit();

  expect(spoken(find("dialog"))).toContain('A name must not contain "/".');
  expect(rows()).toEqual(["file 1.txt"]);
});

test("deletes after asking, and puts the focus on the next row", async () => {
  await show([file(1), file(2)]);

  await press("Delete file 1.txt");
  expect(rows()).toHaveLength(2);
  expect(spoken(find("dialog"))).toContain("file 1.txt will be deleted permanently.");
  await submit();
  await new Promise((resolve) => requestAnimationFrame(resolve));

  expect(fake.files.map(({ fileId }) => fileId)).toEqual(["id-2"]);
  expect(rows()).toEqual(["file 2.txt"]);
  expect(document.activeElement).toBe(button("Download file 2.txt"));
});

test("doesn't delete when the dialog is cancelled", async () => {
  await show([file(1)]);

  await press("Delete file 1.txt");
  await press("Cancel");

  expect(fake.files).toHaveLength(1);
  expect(root.querySelector("dialog")).toBeNull();
});

test("a dialog that tells late that it is closed leaves the next one open", async () => {
  await show([file(1)]);
  await press("Rename file 1.txt");
  const first = find("dialog");

  await press("Delete file 1.txt");
  await act(async () => void first.dispatchEvent(new Event("close")));

  expect(spoken(find("dialog"))).toContain("Delete this file?");
});

test("a file that was deleted elsewhere leaves the list all the same", async () => {
  await show([file(1)]);
  fake.files = [];

  await press("Delete file 1.txt");
  await submit();

  expect(rows()).toEqual([]);
});

test("copies the SHA-256", async () => {
  const writeText = vi.spyOn(navigator.clipboard, "writeText").mockResolvedValue();
  await show([file(1)]);

  await press("Copy SHA-256 of file 1.txt");

  expect(writeText).toHaveBeenCalledWith(file(1).sha256);
});

test("shows the SHA-256 where it may not be copied", async () => {
  vi.spyOn(navigator.clipboard, "writeText").mockRejectedValue(new DOMException("no"));
  await show([file(1)]);

  await press("Copy SHA-256 of file 1.txt");

  expect(notice("alert")).toContain(file(1).sha256);
});
