/** Folders, names that are taken, many files at once: what the page says and does. */

import { strict as assert } from "node:assert";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import type { Visitor } from "./browser.ts";
import { setUp } from "./setting.ts";
import { startFake } from "./target.ts";

const setting = setUp(startFake);

const seed = (file: Record<string, unknown>) =>
  setting.target.control?.({ seed: { owner: setting.ann.username, ...file } });

const shown = async (ann: Visitor) => ann.page.locator(".row-name").allTextContents();

test("the address names the open folder, before and after signing in, and back goes back", async () => {
  await seed({ name: "deep.txt", folder: "Projekte/50% off/صور" });
  const ann = await setting.open({ hash: "#/Projekte" });

  await ann.signIn(setting.ann);

  await ann.row("50% off").getByRole("link").click();
  await ann.row("صور").getByRole("link").click();
  await ann.row("deep.txt").waitFor();
  assert.equal(decodeURIComponent(new URL(ann.page.url()).hash), "#/Projekte/50% off/صور");
  await ann.page.goBack();
  await ann.row("صور").waitFor();
  await ann.page.goBack();
  await ann.row("50% off").waitFor();
  await ann.page.goForward();
  await ann.page.reload();
  await ann.row("صور").waitFor();
  await ann.page.getByRole("link", { name: "My files", exact: true }).click();
  await ann.row("Projekte").waitFor();
  await ann.close();
});

test("files go into the folder that is open, dropped folders with their tree", async () => {
  const folder = await setting.folder.empty("dropped tree");
  await setting.folder.file("dropped tree/in it.txt", 100);
  await seed({ name: "x", folder: "into" });
  const ann = await setting.signedIn(setting.ann);
  await ann.row("into").getByRole("link").click();
  await ann.row("x").waitFor();

  await ann.choose(await setting.folder.file("chosen.txt", 200));
  await ann.row("chosen.txt").waitFor();
  await ann.drag(folder);

  await ann.row("dropped tree").getByRole("link").click();
  await ann.row("in it.txt").waitFor();
  assert.equal(decodeURI(new URL(ann.page.url()).hash), "#/into/dropped tree");
  await ann.close();
});

test("names that are taken are asked about: one, then the others together", async () => {
  const names = ["offer 1.txt", "offer 2.txt", "offer 3.txt", "offer 4.txt"];
  for (const name of names) await seed({ name, folder: "taken", size: 1 });
  const paths = await Promise.all(names.map((name) => setting.folder.file(name, 1000)));
  const ann = await setting.signedIn(setting.ann, { hash: "#/taken" });
  await ann.row("offer 4.txt").waitFor();

  await ann.choose(...paths);
  const dialog = ann.dialog("The name is taken");
  await dialog.getByText("Do this for the other 3 files, too").waitFor();
  await ann.page.keyboard.press("Escape");
  await ann.page.getByText("4 files wait: their names are taken.").waitFor();
  await ann.page.getByRole("button", { name: "Decide" }).click();
  // In the order in which their contents were hashed.
  const first = (await dialog.locator("bdi").nth(1).textContent()) ?? "";
  await dialog.getByRole("button", { name: "Skip" }).click();
  await dialog.getByText(first).waitFor({ state: "detached" });
  await dialog.getByLabel("Do this for the other 2 files, too").check();
  await dialog.getByRole("button", { name: "Keep both" }).click();

  const others = names.filter((name) => name !== first);
  for (const name of others) await ann.row(name.replace(".txt", " (2).txt")).waitFor();
  assert.equal((await shown(ann)).length, 7);
  await ann.close();
});

test("a ZIP of files and folders is written to the disk", async () => {
  await seed({ name: "a.txt", folder: "zipped" });
  await seed({ name: "صور.txt", folder: "zipped/within" });
  await seed({ name: "bad.exe", folder: "zipped", quarantined: { reason: "malware" } });
  const ann = await setting.open({ hash: "#/zipped" });
  // The browser's own dialog can't be reached from here: a file of the page's private disk instead.
  await ann.page.addInitScript(() => {
    window.showSaveFilePicker = async ({ suggestedName }: { suggestedName: string }) =>
      (await navigator.storage.getDirectory()).getFileHandle(suggestedName, { create: true });
  });
  await ann.signIn(setting.ann);
  await ann.row("a.txt").waitFor();

  await ann.page.getByLabel("Select all").check();
  await ann.page.getByRole("button", { name: "Download as ZIP" }).click();

  await ann.notice("zipped.zip is saved without 1 file. bad.exe: Malware was found").waitFor();
  const content = await ann.page.evaluate(async () => {
    const disk = await navigator.storage.getDirectory();
    const file = await (await disk.getFileHandle("zipped.zip")).getFile();
    return file.text();
  });
  for (const part of ["a.txt", "within/صور.txt", "Not in this ZIP.txt", "bad.exe: Malware"]) {
    assert(content.includes(part), part);
  }
  await ann.close();
});

test("where the browser can't write to the disk, the ZIP is among its downloads", async () => {
  await seed({ name: "b.txt", folder: "zipped too" });
  const ann = await setting.open({ hash: "#/zipped too" });
  await ann.page.addInitScript(() => delete window.showSaveFilePicker);
  await ann.signIn(setting.ann);
  await ann.page.getByLabel("Select b.txt").check();

  const [download] = await Promise.all([
    ann.page.waitForEvent("download"),
    ann.page.getByRole("button", { name: "Download as ZIP" }).click(),
  ]);

  assert.equal(download.suggestedFilename(), "b.txt.zip");
  assert((await readFile(await download.path())).includes("b.txt"));
  await ann.close();
});

test("of a long list only the rows in sight are drawn, and the rest is loaded on the way", async () => {
  await seed({ name: "long", folder: "many", count: 450 });
  const ann = await setting.signedIn(setting.ann, { hash: "#/many" });
  await ann.row("long 450").waitFor();

  const rows = () => ann.page.locator(".row").count();
  for (let loaded = 0; loaded < 450; ) {
    await ann.page.locator("main").evaluate((main) => main.scrollTo(0, main.scrollHeight));
    loaded = await ann.page
      .locator(".rows")
      .evaluate((list) => Number(getComputedStyle(list).getPropertyValue("--count")));
    assert((await rows()) < 45);
  }

  await ann.page.locator("main").evaluate((main) => main.scrollTo(0, main.scrollHeight));
  await ann.page.getByLabel("Select long 1", { exact: true }).focus();
  await ann.page.keyboard.press("ArrowUp");
  await ann.page
    .getByLabel("Select long 2", { exact: true })
    .and(ann.page.locator(":focus"))
    .waitFor();
  await ann.page.locator("main").evaluate((main) => main.scrollTo(0, 0));
  await ann.row("long 450").waitFor();
  // The row that has the focus stays, out of sight.
  await ann.page.keyboard.press("ArrowUp");
  await ann.page
    .getByLabel("Select long 3", { exact: true })
    .and(ann.page.locator(":focus"))
    .waitFor();
  await ann.close();
});
