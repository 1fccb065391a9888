/** My files, as a person sees and uses it, over the fake cloud. */

import { render } from "preact";
import { act } from "preact/test-utils";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Folders } from "../src/folders.js";
import { Listing } from "../src/listing.js";
import { MyFiles } from "../src/my-files.js";
import { NoticeList } from "../src/notice-list.js";
import { Notices } from "../src/notices.js";
import { hashOf, Place } from "../src/place.js";
import { Zipping } from "../src/zipping.js";
import { Cloud, SCANNED } from "./cloud.js";

let root: HTMLElement;
let cloud: Cloud;
let listing: Listing;
let folders: Folders;
let place: Place;
let zips: { zip: Blob; name: string }[];
let started: string[];
let refuse: () => void;

beforeEach(() => {
  root = document.createElement("div");
  document.body.append(root);
  cloud = new Cloud();
  started = [];
  zips = [];
  window.location.hash = "";
});

afterEach(() => {
  render(null, root);
  root.remove();
  place.close();
  vi.restoreAllMocks();
});

/** Shows a folder, and waits until it is loaded. */
async function show(folder = ""): Promise<void> {
  window.location.hash = folder === "" ? "" : hashOf(folder);
  const api = cloud.client;
  place = new Place(window);
  listing = new Listing(api);
  folders = new Folders(api);
  const notices = new Notices();
  const zipping = new Zipping({
    api,
    notices,
    pick: undefined,
    save: (zip, name) => zips.push({ zip, name }),
    fetch: cloud.download,
  });
  await act(async () => {
    render(
      <>
        <MyFiles
          api={api}
          place={place}
          listing={listing}
          folders={folders}
          zipping={zipping}
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
  await until(() => expect(listing.state).not.toBe("loading"));
  await until(() => expect(folders.branch(folder)?.state).not.toBe("loading"));
}

/** Waits for what follows from an answer of the API. */
async function until(check: () => void): Promise<void> {
  await vi.waitFor(() => act(async () => check()), { timeout: 60_000 });
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

/** Names of the folders and files that are listed. */
function rows(): string[] {
  return [...root.querySelectorAll(".row-name")].map(spoken);
}

const notice = (role: "status" | "alert") => spoken(find(`.notices [role=${role}]`));

/** Presses a box, as with the mouse. */
async function select(name: string, shiftKey = false): Promise<void> {
  const box = find(`[aria-label="Select ${name}"]`);
  await act(
    async () => void box.dispatchEvent(new MouseEvent("click", { bubbles: true, shiftKey })),
  );
}

async function key(target: Element, key: string, modifiers: KeyboardEventInit = {}): Promise<void> {
  const event = new KeyboardEvent("keydown", {
    key,
    bubbles: true,
    cancelable: true,
    ...modifiers,
  });
  await act(async () => void target.dispatchEvent(event));
}

const dialog = () => spoken(find("dialog"));
const CREATED = { created_at: "2026-03-12T14:05:00.000Z" };

test("lists name, size, date and mark", async () => {
  cloud.store("film.mov", { size: 1_234_567_890, verified: false, ...CREATED });
  cloud.store("damaged.txt", { corrupt: true });
  await show();

  const [damaged, film] = [...root.querySelectorAll(".row")].map(spoken);

  expect(film).toMatch(/film\.mov *1\.15 GB *12 Mar 2026, \d\d:\d\d *Parts verified/);
  expect(damaged).toContain("Damaged: delete it and upload it again");
  expect(damaged).not.toContain("Download");
});

test.each([
  ["scanning", undefined, "Being scanned It can be downloaded once it is found free of malware."],
  ["malware", "EICAR was found.", "Malware EICAR was found."],
  ["not_scanned", undefined, "Not scanned It could not be scanned for malware."],
])("a file in quarantine (%s) says why, and can't be downloaded", async (reason, detail, text) => {
  cloud.store("a.exe", {
    quarantined: { reason, ...(detail ? { detail } : {}) },
    metadata: { team: "secret" },
  });
  await show();

  expect(spoken(find(".row"))).toContain(text);
  expect(spoken(find(".row"))).not.toContain("Download");
  expect(spoken(root)).not.toContain("secret");
  await select("a.exe");
  expect(spoken(find(".selection"))).not.toContain("ZIP");
});

test("shows a name that is markup as it is", async () => {
  const name = '<img src=x onerror="alert(1)"><script>alert(2)<x';
  cloud.store(name);
  await show();

  expect(rows()).toEqual([name]);
  expect(root.querySelector("img, script")).toBeNull();
  await press(`Delete ${name}`);
  expect(dialog()).toContain(name);
  expect(root.querySelector("img, script")).toBeNull();
});

test("says that there is nothing yet, and how to change that", async () => {
  await show();

  expect(spoken(root)).toContain("No files yet. Drop some above");
});

test("says what failed and tries again", async () => {
  cloud.store("a.txt");
  cloud.apiFault = () => new Response('{"request_id": "request-1"}', { status: 500 });
  await show();
  expect(spoken(root)).toContain("The server has a problem. Try again in a minute.");
  expect(spoken(root)).toContain("request-1");
  cloud.apiFault = () => undefined;

  await press("Try again");

  await until(() => expect(rows()).toEqual(["a.txt"]));
  expect(root.querySelector(".state")).toBeNull();
});

test("tells how much there is", async () => {
  cloud.store("a.txt");
  cloud.store("b.txt", { folder: "x" });
  cloud.store("c.txt", { folder: "y" });
  await show();

  expect(spoken(find(".files [role=status]"))).toBe("1 file and 2 folders.");
});

test("a search that has not met a match yet offers to go on", async () => {
  cloud.store("a film");
  for (let number = 0; number < 4 * SCANNED; number += 1) cloud.store(`${number}`);
  await show();
  await type("film");
  await until(() => expect(listing.paused).toBe(true));
  const unmatched = spoken(root);
  await press("Search older files");

  expect(unmatched).toContain("No newer file's name contains “film”. There are older ones.");
  await until(() => expect(rows().join()).toContain("a film"));
});

async function type(text: string): Promise<void> {
  const input = find<HTMLInputElement>("input[type=search]");
  input.value = text;
  await act(async () => find<HTMLFormElement>("search form").requestSubmit());
}

test("searches after a pause in typing, and once only", async () => {
  cloud.store("film.mov");
  await show();
  cloud.requests.length = 0;
  vi.useFakeTimers();
  const input = find<HTMLInputElement>("input[type=search]");
  for (const text of ["f", "fi", "film"]) {
    input.value = text;
    input.dispatchEvent(new Event("input", { bubbles: true }));
    await act(async () => void (await vi.advanceTimersByTimeAsync(100)));
  }

  await act(async () => void (await vi.advanceTimersByTimeAsync(500)));

  vi.useRealTimers();
  await until(() => expect(listing.state).toBe("ready"));
  await act(async () => find<HTMLFormElement>("search form").requestSubmit());
  expect(cloud.requests).toEqual([
    "GET /files?prefix=film&limit=100",
    "GET /files?q=film&limit=100",
  ]);
});

test("a search finds files of all folders and says where they are, or those of the folder", async () => {
  cloud.store("film 1.mov", { folder: "a/b" });
  cloud.store("film 2.mov");
  await show("a/b");

  await type("film");
  await until(() => expect(rows()).toEqual(["film 1.mov", "film 2.mov"]));
  expect([...root.querySelectorAll(".row-place")].map(spoken)).toEqual(["a/b", "My files"]);
  const where = find<HTMLSelectElement>("search select");
  where.value = "folder";
  await act(async () => void where.dispatchEvent(new Event("change", { bubbles: true })));

  await until(() => expect(rows()).toEqual(["film 1.mov"]));
  expect(root.querySelector(".row-place")).toBeNull();
});

test("a search without a match says so, and ends with the folder", async () => {
  cloud.store("a.txt", { folder: "x" });
  await show();

  await type("xyz");
  await until(() => expect(spoken(root)).toContain("No file's name contains “xyz”."));
  await act(async () => find('[role=treeitem][aria-level="2"]').click());

  await until(() => expect(rows()).toEqual(["a.txt"]));
  expect(find<HTMLInputElement>("input[type=search]").value).toBe("");
});

test("sorts by the headers, which say the order", async () => {
  cloud.store("b.txt", { size: 1 });
  cloud.store("a.txt", { size: 2 });
  await show();
  const sorts = () =>
    [...root.querySelectorAll("[aria-sort]")].map((head) => head.getAttribute("aria-sort"));
  expect(sorts()).toEqual(["none", "none", "descending"]);

  await press("Name");
  await until(() => expect(rows()).toEqual(["a.txt", "b.txt"]));
  expect(sorts()).toEqual(["ascending", "none", "none"]);
  await press("Name");
  await until(() => expect(rows()).toEqual(["b.txt", "a.txt"]));
  await press("Size");
  await until(() => expect(rows()).toEqual(["a.txt", "b.txt"]));
  expect(sorts()).toEqual(["none", "descending", "none"]);
  const menu = find<HTMLSelectElement>(".sort-menu select");
  menu.value = "size";
  await act(async () => void menu.dispatchEvent(new Event("change", { bubbles: true })));

  await until(() => expect(rows()).toEqual(["b.txt", "a.txt"]));
});

// Folders

test("a folder shows its folders, then its files, and the way to it", async () => {
  cloud.store("c.txt", { folder: "a/b" });
  cloud.store("d.txt", { folder: "a/b/d" });
  await show("a/b");

  expect(rows()).toEqual(["Folder d", "c.txt"]);
  const links = [...root.querySelectorAll(".crumbs a")];
  expect(links.map((link) => [spoken(link), link.getAttribute("href")])).toEqual([
    ["My files", "#/"],
    ["a", "#/a"],
    ["b", "#/a/b"],
  ]);
  expect(links.at(-1)?.getAttribute("aria-current")).toBe("page");
});

test("the tree opens a folder, with what leads to it expanded, and the address names it", async () => {
  cloud.store("c.txt", { folder: "a/b" });
  await show("a/b");
  await until(() =>
    expect([...root.querySelectorAll("[role=treeitem]")].map(spoken)).toEqual([
      "My files",
      "a",
      "b",
    ]),
  );
  const tree = [...root.querySelectorAll<HTMLElement>("[role=treeitem]")];
  expect(tree.map((node) => node.getAttribute("aria-selected"))).toEqual([
    "false",
    "false",
    "true",
  ]);
  expect(tree.map((node) => node.tabIndex)).toEqual([-1, -1, 0]);

  await key(find("[aria-selected=true]"), "ArrowLeft");
  await key(find('[role=treeitem][tabindex="0"]'), "Enter");

  await until(() => expect(rows()).toEqual(["Folder b"]));
  expect(window.location.hash).toBe("#/a");
});

test("a folder that isn't there says so, and leads to the top", async () => {
  await show("gone");

  expect(spoken(root)).toContain("There is no such folder.");
  expect(find(".state a").getAttribute("href")).toBe("#/");
});

test("an empty folder says so", async () => {
  await cloud.client.createFolder("a");
  await show("a");

  expect(spoken(root)).toContain("This folder is empty. Drop files above");
});

test("a folder is made in the one that is open", async () => {
  cloud.store("x", { folder: "a" });
  await show("a");

  await press("New folder");
  find<HTMLInputElement>("dialog input[name=name]").value = " März ";
  await submit();

  await until(() => expect(rows()).toEqual(["Folder März", "x"]));
  expect(notice("status")).toContain("The folder März is made.");
});

test("a folder is renamed", async () => {
  cloud.store("x", { folder: "a/b" });
  await show("a");

  await press("Rename b");
  find<HTMLInputElement>("dialog input[name=name]").value = "c";
  await submit();

  await until(() => expect(rows()).toEqual(["Folder c"]));
  expect([...cloud.files.values()].map(({ folder }) => folder)).toEqual(["a/c"]);
});

test("before a folder is deleted it is said how many files that are", async () => {
  for (const folder of ["a", "a/b", "a/b/c"]) cloud.store("x", { folder });
  await show();

  await press("Delete a");
  expect(dialog()).toContain("Counting the files…");
  await submit();
  expect(cloud.files.size).toBe(3);
  await until(() =>
    expect(dialog()).toContain("3 files and 3 folders will be deleted permanently."),
  );
  await submit();

  await until(() => expect(rows()).toEqual([]));
  expect(cloud.files.size).toBe(0);
});

test("a file is moved to a folder of the tree, or to one that is made there", async () => {
  cloud.store("a.txt");
  cloud.store("x", { folder: "to" });
  await show();

  await press("Move a.txt");
  const to = [...root.querySelectorAll<HTMLElement>("dialog [role=treeitem]")].at(-1);
  await act(async () => to?.click());
  find<HTMLInputElement>("dialog input[name=name]").value = "new";
  await submit();

  await until(() => expect(rows()).toEqual(["Folder to"]));
  expect([...cloud.files.values()].map(({ folder, name }) => `${folder}/${name}`)).toContain(
    "to/new/a.txt",
  );
});

test("a folder can't be moved into itself", async () => {
  cloud.store("x", { folder: "a" });
  await show();

  await press("Move a");
  const [, to] = root.querySelectorAll<HTMLElement>("dialog [role=treeitem]");
  await act(async () => to?.click());
  await submit();

  expect(dialog()).toContain("The folder a can't be moved into itself. Choose another folder.");
});

test("a name that is taken where files are moved to is asked about", async () => {
  for (const name of ["a.txt", "b.txt"]) {
    cloud.store(name, { size: 1, sha256: "0".repeat(64) });
    cloud.store(name, { folder: "to" });
  }
  await show();
  await key(find(".list"), "a", { ctrlKey: true });
  await select("to");

  await press("Move");
  const to = [...root.querySelectorAll<HTMLElement>("dialog [role=treeitem]")].at(-1);
  await act(async () => to?.click());
  await submit();
  await until(() => expect(dialog()).toContain("to has a file named b.txt already."));
  await act(async () => find("dialog input[type=checkbox]").click());
  await press("Keep both");

  await until(() => expect(rows()).toEqual(["Folder to"]));
  expect(root.querySelector("dialog")).toBeNull();
  const names = [...cloud.files.values()].map(({ name }) => name);
  expect(names.sort()).toEqual(["a (2).txt", "a.txt", "b (2).txt", "b.txt"]);
});

test("files are asked about one by one, and one that is skipped stays", async () => {
  for (const name of ["a.txt", "b.txt"]) {
    cloud.store(name, { folder: "from", size: 1, sha256: "0".repeat(64) });
    cloud.store(name, { folder: "to" });
  }
  await show("from");
  await key(find(".list"), "a", { ctrlKey: true });
  await press("Move");
  await act(async () => find("dialog [role=treeitem]").click());
  await until(() => expect(root.querySelectorAll("dialog [role=treeitem]")).toHaveLength(3));
  const to = [...root.querySelectorAll<HTMLElement>("dialog [role=treeitem]")].at(-1);
  await act(async () => to?.click());
  await submit();
  await until(() => expect(dialog()).toContain("a file named b.txt"));

  await press("Replace");
  await until(() => expect(dialog()).toContain("a file named a.txt"));
  await press("Skip");

  await until(() => expect(rows()).toEqual(["a.txt"]));
  expect(root.querySelector("dialog")).toBeNull();
  const left = [...cloud.files.values()].map(({ folder, name }) => `${folder}/${name}`);
  expect(left.sort()).toEqual(["from/a.txt", "to/a.txt", "to/b.txt"]);
});

// Several at once

test("rows are selected by boxes, with Shift a range, and all by Ctrl+A", async () => {
  for (const name of ["d", "c", "b", "a"]) cloud.store(name, { size: 1000 });
  cloud.store("x", { folder: "folder" });
  await show();
  const summary = () => spoken(find(".selection [role=status]"));
  expect(summary()).toBe("");

  await select("a");
  await select("c", true);
  expect(summary()).toBe("3 files selected (2.9 kB)");
  await select("b");
  expect(summary()).toBe("2 files selected (2 kB)");
  await key(find(".list"), "a", { metaKey: true });
  expect(summary()).toBe("4 files and 1 folder selected (3.9 kB)");
  await key(find(".list"), "Escape");
  expect(summary()).toBe("");
});

test("arrow keys move between rows, and with Shift select them", async () => {
  for (const name of ["c", "b", "a"]) cloud.store(name);
  await show();
  const focused = () => document.activeElement as HTMLElement;

  button("Rename a").focus();
  await key(focused(), "ArrowDown");
  expect(spoken(focused())).toBe("Rename b");
  await key(focused(), "ArrowUp");
  await key(focused(), "ArrowUp");
  expect(spoken(focused())).toBe("Rename a");
  await key(focused(), "ArrowDown", { shiftKey: true });

  expect(spoken(find(".selection"))).toContain("2 files selected");
  expect(spoken(focused())).toBe("Rename b");
});

test("the Delete key asks about the selection, else about the row", async () => {
  for (const name of ["c", "b", "a"]) cloud.store(name);
  await show();

  await key(button("Rename b"), "Delete");
  expect(dialog()).toContain("b will be deleted permanently.");
  await press("Cancel");
  await select("a");
  await select("c", true);
  await key(find(".list"), "Delete");
  expect(dialog()).toContain("Delete 3 items?3 files will be deleted permanently.");
  await submit();

  await until(() => expect(rows()).toEqual([]));
});

test("all files of a folder can be selected, not only those that are loaded", async () => {
  for (let number = 0; number < 450; number += 1) cloud.store(`${number}`, { size: 0 });
  vi.spyOn(Element.prototype, "getBoundingClientRect").mockReturnValue({
    top: 0,
    height: 100 * 72,
  } as DOMRect);
  await show();
  await key(find(".list"), "a", { ctrlKey: true });
  expect(spoken(find(".selection"))).toContain("100 files selected");

  await press("Load and select all");

  await until(() => expect(spoken(find(".selection"))).toContain("450 files selected"));
});

test("what is selected is downloaded as a ZIP that is named after the folder", async () => {
  for (const name of ["b", "a"]) cloud.store(name, { folder: "x/März" });
  await show("x/März");
  await key(find(".list"), "a", { ctrlKey: true });

  await press("Download as ZIP");

  await until(() => expect(zips.map(({ name }) => name)).toEqual(["März.zip"]));
  expect(notice("status")).toContain("März.zip is saved.");
  expect(cloud.downloads).toEqual(["a", "b"]);
});

// One file

test("downloads from the presigned URL", async () => {
  cloud.store("a.txt");
  await show();

  await press("Download a.txt");

  await until(() => expect(started).toHaveLength(1));
  expect(started[0]).toContain("X-Amz-Signature");
  expect(notice("status")).toContain("Downloading a.txt.");
});

test("a download that S3 refuses says so", async () => {
  cloud.store("a.txt");
  await show();
  await press("Download a.txt");
  await until(() => expect(started).toHaveLength(1));

  await act(async () => refuse());

  expect(notice("alert")).toContain("a.txt could not be downloaded. Try again in a minute.");
});

test("a download that is refused says what to do", async () => {
  cloud.store("a.txt");
  await show();
  cloud.failNext(409, "corrupt");

  await press("Download a.txt");

  await until(() => expect(notice("alert")).toContain("Delete it and upload the file again."));
  expect(started).toEqual([]);
});

test("renames in a dialog that holds the old name", async () => {
  cloud.store("a.txt");
  await show();

  await press("Rename a.txt");
  const input = find<HTMLInputElement>("dialog input[name=name]");
  expect(input.value).toBe("a.txt");
  input.value = " new name.txt ";
  await submit();

  await until(() => expect(rows()).toEqual(["new name.txt"]));
  expect([...cloud.files.values()].map(({ name }) => name)).toEqual(["new name.txt"]);
  expect(root.querySelector("dialog")).toBeNull();
});

test("a name that is refused leaves the dialog open, with the reason", async () => {
  cloud.store("a.txt");
  cloud.store("b.txt");
  await show();
  await press("Rename a.txt");
  const input = find<HTMLInputElement>("dialog input[name=name]");

  input.value = "a/b";
  cloud.failNext(400, "invalid_name", { detail: 'A name must not contain "/".' });
  await submit();
  await until(() => expect(dialog()).toContain('A name must not contain "/".'));
  input.value = "b.txt";
  await submit();
  await until(() => expect(dialog()).toContain("The name is taken. Choose another name."));

  expect(rows()).toEqual(["b.txt", "a.txt"]);
});

test("deletes after asking, and puts the focus on the next row", async () => {
  cloud.store("b.txt");
  cloud.store("a.txt");
  await show();

  await press("Delete a.txt");
  expect(rows()).toHaveLength(2);
  expect(dialog()).toContain("a.txt will be deleted permanently.");
  await submit();

  await until(() => expect(rows()).toEqual(["b.txt"]));
  expect(cloud.files.size).toBe(1);
  await until(() => expect(document.activeElement).toBe(button("Download b.txt")));
});

test("doesn't delete when the dialog is cancelled", async () => {
  cloud.store("a.txt");
  await show();

  await press("Delete a.txt");
  await press("Cancel");

  expect(cloud.files.size).toBe(1);
  expect(root.querySelector("dialog")).toBeNull();
});

test("a dialog that tells late that it is closed leaves the next one open", async () => {
  cloud.store("a.txt");
  await show();
  await press("Rename a.txt");
  const first = find("dialog");

  await press("Delete a.txt");
  await act(async () => void first.dispatchEvent(new Event("close")));

  expect(dialog()).toContain("Delete this file?");
});

test("copies the SHA-256", async () => {
  const writeText = vi.spyOn(navigator.clipboard, "writeText").mockResolvedValue();
  const { sha256 } = cloud.store("a.txt");
  await show();

  await press("Copy SHA-256 of a.txt");

  expect(writeText).toHaveBeenCalledWith(sha256);
});

test("shows the SHA-256 where it may not be copied", async () => {
  vi.spyOn(navigator.clipboard, "writeText").mockRejectedValue(new DOMException("no"));
  const { sha256 } = cloud.store("a.txt");
  await show();

  await press("Copy SHA-256 of a.txt");

  expect(notice("alert")).toContain(sha256);
});
