/** Upload, list, download, rename, delete: what people come for. */

import { strict as assert } from "node:assert";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { sha256 } from "./browser.ts";
import { setUp } from "./setting.ts";

const MB = 1_000_000;
// Names that no earlier run has used: a deployment keeps what it was sent.
const RUN = Date.now().toString(36);

const setting = setUp();

test("uploads a small file and a multipart one, lists them, and gives them back", async () => {
  const small = await setting.folder.file(`small ${RUN}.txt`, 300_000);
  const large = await setting.folder.file(`large ${RUN}.mov`, 70 * MB);
  const ann = await setting.signedIn(setting.ann);
  await ann.throttle(20 * MB);

  await ann.choose(small, large);

  const seen = new Set<string>();
  while ((await ann.row(`large ${RUN}.mov`).count()) === 0) {
    seen.add(await ann.progress());
    await ann.page.waitForTimeout(100);
  }
  const moves = [...seen].filter((text) => /sent · .*\/s · .* left/.test(text));
  assert(moves.length > 2, `progress moved: ${[...seen].join(" | ")}`);
  await ann.row(`small ${RUN}.txt`).waitFor();
  await ann.notice("2 files are stored.").waitFor();
  assert.match((await ann.row(`small ${RUN}`).textContent()) ?? "", /293 kB.*Verified/s);
  assert.match((await ann.row(`large ${RUN}`).textContent()) ?? "", /67 MB/);
  assert.equal(sum(ann.puts), 300_000 + 70 * MB);
  for (const path of [small, large]) {
    const name = path.split("/").at(-1) ?? "";
    assert.deepEqual(await ann.download(name), { name, sha256: await sha256(path) });
  }
  await ann.page.getByRole("button", { name: "Clear the list" }).click();
  await ann.shot("files");
  await ann.close();
});

test("what is there already is not sent again, and is said so", async () => {
  const path = await setting.folder.file(`twice ${RUN}.bin`, 2 * MB);
  const ann = await setting.signedIn(setting.ann);
  await ann.choose(path);
  await ann.row(`twice ${RUN}`).waitFor();
  const sent = sum(ann.puts);

  await ann.choose(path);

  await ann.notice(`twice ${RUN}.bin is already stored; nothing had to be sent.`).waitFor();
  assert.equal(await ann.row(`twice ${RUN}`).count(), 1);
  assert.equal(sum(ann.puts), sent);
  await ann.shot("already-there");
  await ann.close();
});

test("files dropped with the mouse are uploaded", async () => {
  const path = await setting.folder.file(`dropped ${RUN}.bin`, 1000);
  const ann = await setting.signedIn(setting.ann);

  await ann.drag(path);

  await ann.row(`dropped ${RUN}`).waitFor();
  await ann.close();
});

test("searches, renames, copies the SHA-256 and deletes", async () => {
  const path = await setting.folder.file(`old name ${RUN}.bin`, 1000);
  const ann = await setting.signedIn(setting.ann);
  await ann.choose(path, await setting.folder.file(`other ${RUN}.bin`, 1001));
  await ann.row(`other ${RUN}`).waitFor();

  await ann.page.getByLabel("Search by name").fill(`OLD name ${RUN}`);
  await ann.row(`other ${RUN}`).waitFor({ state: "detached" });
  await ann.row(`old name ${RUN}`).getByRole("button", { name: "Copy SHA-256" }).click();
  await ann.notice("is in the clipboard").waitFor();
  const copied = await ann.page.evaluate(() => navigator.clipboard.readText());
  assert.equal(copied, await sha256(path));

  await ann.row(`old name ${RUN}`).getByRole("button", { name: "Rename" }).click();
  await ann.shot("rename");
  await ann.page.keyboard.type(`ñandú 鳥 ${RUN}`);
  await ann.page.keyboard.press("Enter");
  await ann.row(`ñandú 鳥 ${RUN}.bin`).waitFor();
  const { name } = await ann.download(`ñandú 鳥 ${RUN}.bin`);
  assert.equal(name, `ñandú 鳥 ${RUN}.bin`);

  const row = ann.row(`ñandú 鳥 ${RUN}.bin`);
  await row.getByRole("button", { name: "Delete" }).click();
  await ann.page.keyboard.press("Escape");
  assert.equal(await row.count(), 1);
  await row.getByRole("button", { name: "Delete" }).click();
  await ann.shot("delete");
  await ann.page.locator("dialog").getByRole("button", { name: "Delete" }).click();
  await row.waitFor({ state: "detached" });
  await ann.page.reload();
  await ann.row(`other ${RUN}`).waitFor();
  assert.equal(await row.count(), 0);
  await ann.close();
});

test("makes a folder, fills it, and gives it back as a ZIP; moves, asks, deletes it", async () => {
  const folder = `Ordner 鳥 ${RUN}`;
  const paths = [
    await setting.folder.file(`first ${RUN}.bin`, 1000),
    await setting.folder.file(`second ${RUN}.bin`, 1001),
  ];
  const ann = await setting.open();
  // The ZIP is among the downloads then.
  await ann.page.addInitScript(() => delete window.showSaveFilePicker);
  await ann.page.reload();
  await ann.signIn(setting.ann);

  await ann.page.getByRole("button", { name: "New folder" }).click();
  await ann.page.keyboard.type(folder);
  await ann.page.keyboard.press("Enter");
  await ann.row(folder).getByRole("link").click();
  await ann.page.getByText("This folder is empty.").waitFor();
  await ann.choose(...paths);
  await ann.row(`first ${RUN}`).waitFor();
  await ann.row(`second ${RUN}`).waitFor();
  await ann.page.getByRole("button", { name: "Size", exact: true }).click();
  await ann.row(`second ${RUN}`).and(ann.page.locator('[data-index="0"]')).waitFor();

  await ann.page.getByLabel("Select all").check();
  const [download] = await Promise.all([
    ann.page.waitForEvent("download"),
    ann.page.getByRole("button", { name: "Download as ZIP" }).click(),
  ]);
  const zip = await readFile(await download.path());
  for (const path of paths) assert(zip.includes(await readFile(path)), path);
  await ann.notice(`${folder}.zip is saved.`).waitFor();

  await ann.page.locator(".selection").getByRole("button", { name: "Move" }).click();
  await ann.dialog("Where to move").getByLabel("New folder").fill("within");
  await ann.page.keyboard.press("Enter");
  await ann.row(`first ${RUN}`).waitFor({ state: "detached" });
  await ann.row("within").getByRole("link").click();
  await ann.row(`first ${RUN}`).waitFor();
  await ann.choose(await setting.folder.file(`first ${RUN}.bin`, 1002));
  await ann.dialog("The name is taken").getByRole("button", { name: "Keep both" }).click();
  await ann.row(`first ${RUN} (2).bin`).waitFor();
  await ann.page.getByLabel(`Select first ${RUN}.bin`).check();
  await ann.page.locator(".selection").getByRole("button", { name: "Delete" }).click();
  await ann.dialog("Delete").locator("button[type=submit][aria-disabled=false]").click();
  await ann.row(`first ${RUN}.bin`).waitFor({ state: "detached" });

  await ann.page.getByRole("link", { name: "My files", exact: true }).click();
  await ann.row(folder).getByRole("button", { name: "Delete" }).click();
  await ann.dialog("Delete this folder?").getByText("2 files and 2 folders").waitFor();
  await ann.dialog("Delete this folder?").locator("button[type=submit]").click();
  await ann.row(folder).waitFor({ state: "detached" });
  await ann.page.reload();
  await ann.page.locator(".files-main[aria-busy=false]").waitFor();
  assert.equal(await ann.row(folder).count(), 0);
  await ann.close();
});

test("a second person sees nothing of the first", async () => {
  const path = await setting.folder.file(`private ${RUN}.bin`, 1000);
  const ann = await setting.signedIn(setting.ann);
  await ann.choose(path);
  await ann.row(`private ${RUN}`).waitFor();

  const ben = await setting.signedIn(setting.ben);
  await ben.page.locator(".files-main[aria-busy=false]").waitFor({ state: "attached" });
  assert.equal(await ben.row(`private ${RUN}`).count(), 0);

  await ben.choose(path);
  await ben.notice(`private ${RUN}.bin is stored.`).waitFor();
  assert.equal(sum(ben.puts), 1000, "not even that the content is known");
  await ann.close();
  await ben.close();
});

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
