/** No serious violation of axe's rules, whatever the state, the scheme and the width. */

import { strict as assert } from "node:assert";
import { test } from "node:test";
import type { Visitor } from "./browser.ts";
import { setUp } from "./setting.ts";
import { startFake } from "./target.ts";

const MB = 1_000_000;
const RUN = Date.now().toString(36);

const setting = setUp(startFake);

const seed = (file: Record<string, unknown>) =>
  setting.target.control?.({ seed: { owner: setting.ben.username, ...file } });

/** The rules whose findings depend on colours, which are all that the dark scheme changes. */
const CONTRAST = ["color-contrast", "link-in-text-block"];

const LOOKS = [
  { look: "light", colorScheme: "light", viewport: { width: 1100, height: 900 } },
  { look: "dark", colorScheme: "dark", viewport: { width: 1100, height: 900 }, rules: CONTRAST },
  { look: "narrow", colorScheme: "light", viewport: { width: 360, height: 740 } },
] as const;

/** Texts of the list that go beyond the edge of their row. */
const cutOff = (visitor: Visitor) =>
  visitor.page.locator(".row").evaluateAll((rows) =>
    rows.flatMap((row) => {
      const { right } = row.getBoundingClientRect();
      const beyond = [...row.querySelectorAll(".row-more *")].filter(
        (part) => part.getBoundingClientRect().right > right,
      );
      return beyond.map(({ textContent }) => textContent);
    }),
  );

test("every state passes, whatever the scheme and the width", async () => {
  const small = await setting.folder.file(`photo ${RUN}.png`, 20_000);
  // Half a minute at the speed below.
  const large = await setting.folder.file(`film ${RUN}.mov`, 16 * MB);
  const ben = await setting.open();
  const check = async (state: string) => {
    for (const { look, colorScheme, viewport, ...only } of LOOKS) {
      await ben.look(colorScheme, viewport);
      await ben.audit(`${state}, ${look}`, "rules" in only ? only.rules : undefined);
      await ben.shot(`${state}-${look}`);
      const wide = await ben.page.evaluate(
        () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
      );
      assert(wide <= 0, `${state}, ${look}: ${wide} px too wide`);
      assert.deepEqual(await cutOff(ben), [], `${state}, ${look}: cut off`);
    }
  };
  await ben.page.getByRole("button", { name: "Sign in" }).waitFor();
  await check("signed-out");
  await ben.signIn(setting.ben);
  await check("start");

  await ben.throttle(MB / 2);
  await ben.choose(small, large);
  await ben.page.locator("p.progress").getByText("left").waitFor();
  await check("uploading");
  // Else it may be unfinished, too.
  await ben.row(`photo ${RUN}`).waitFor();
  ben.page.once("dialog", (dialog) => dialog.accept());
  await ben.page.reload();
  await ben.ready();
  await ben.page.getByRole("heading", { name: "1 unfinished upload" }).waitFor();
  assert.equal(await ben.page.title(), "Wideload");
  await check("unfinished");
  // Both: of a single file, Uppy's Dashboard draws a list item without a list.
  await ben.choose(small, large);
  await ben.page
    .getByRole("heading", { name: "1 unfinished upload" })
    .waitFor({ state: "detached" });
  await ben.page.waitForFunction(() => /^\d+% – Wideload$/.test(document.title));
  await ben.throttle(undefined);
  await ben.row(`film ${RUN}`).waitFor();
  await ben.page.getByRole("button", { name: "Clear the list" }).waitFor();
  await check("stored");

  await ben.row(`photo ${RUN}`).getByRole("button", { name: "Rename" }).click();
  await check("rename");
  await ben.page.keyboard.press("Escape");
  await ben.row(`photo ${RUN}`).getByRole("button", { name: "Delete" }).click();
  await check("delete");
  await ben.page.keyboard.press("Escape");

  await seed({ name: "offer.txt", folder: "Projekte/2026/صور", size: 1 });
  await seed({ name: "חוזה.exe", quarantined: { reason: "malware" } });
  await seed({ name: "damaged.txt", corrupt: true });
  await seed({ name: "new.bin", quarantined: { reason: "scanning" } });
  await ben.page.reload();
  await ben.row("חוזה.exe").waitFor();
  await ben.ready();
  await ben.page.getByLabel("Select all").check();
  await check("selected-and-quarantined");
  await ben.page.locator(".selection").getByRole("button", { name: "Move" }).click();
  await ben.dialog("Where to move").getByRole("treeitem", { name: "Projekte" }).waitFor();
  await check("move");
  await ben.page.keyboard.press("Escape");

  await ben.row("Projekte").getByRole("link").click();
  await ben.row("2026").getByRole("link").click();
  await ben.row("صور").getByRole("link").click();
  await ben.row("offer.txt").waitFor();
  await ben.choose(
    await setting.folder.file("offer.txt", 1000),
    await setting.folder.file("another.txt", 1000),
  );
  await ben.dialog("The name is taken").waitFor();
  await check("conflict");
  await ben.page.keyboard.press("Escape");
  await ben.row("another.txt").waitFor();
  await check("folder-tree");
  await ben.page.getByRole("button", { name: "Clear the list" }).click();

  await ben.page.getByLabel("Search by name").fill("no such file");
  await ben.page.getByText("No file's name contains").waitFor();
  await check("nothing-found");
  // Refused for good: after a failure that may pass, the page tries again for half a minute.
  const problem = { status: 400, code: "invalid_request", detail: "It is refused." };
  await ben.page.route("**/files?**", (route) => route.fulfill({ status: 400, json: problem }));
  await ben.page.getByLabel("Search by name").fill("x");
  await ben.page.getByRole("button", { name: "Try again" }).waitFor();
  await check("failed");
  await ben.close();
});

test("everything can be done with the keyboard", async () => {
  const name = `keyboard ${RUN}.txt`;
  const path = await setting.folder.file(name, 1000);
  const ben = await setting.open();
  const { page } = ben;
  // From the start: a listener that comes with the key may come too late to stop the real dialog.
  page.on("filechooser", (chooser) => chooser.setFiles(path));
  await page.getByRole("button", { name: "Sign in" }).waitFor();
  await page.keyboard.press("Tab");
  assert.equal(await focused(ben), "Sign in");
  await ben.signIn(setting.ben);

  await page.keyboard.press("Tab");
  assert.equal(await focused(ben), "Skip to my files");
  const order: string[] = [];
  while (!order.includes("browse files")) {
    await page.keyboard.press("Tab");
    order.push(await focused(ben));
    assert(order.length < 10, order.join(", "));
  }
  await page.keyboard.press("Enter");
  await ben.row(name).waitFor();

  await page.getByLabel("Search by name").focus();
  await page.keyboard.type(name);
  await page.waitForFunction(() => document.querySelectorAll(".row").length === 1);
  // Where to search, all rows, this row.
  for (let stop = 1; stop <= 3; stop += 1) await page.keyboard.press("Tab");
  await page.keyboard.press("Space");
  await page.getByText("1 file selected").waitFor();
  await page.keyboard.press("Escape");
  await page.keyboard.press("Tab");
  // The folder that it is in.
  await page.keyboard.press("Tab");
  assert.equal(await focused(ben), `Download ${name}`);
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  assert.equal(await focused(ben), "New name");
  await page.keyboard.press("Escape");
  assert.equal(await focused(ben), `Rename ${name}`, "the focus comes back");

  await page.keyboard.press("Delete");
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  await ben.row(name).waitFor({ state: "detached" });
  // The focus isn't lost with the row: there is none to go to, so it is the heading's.
  await page.waitForFunction(() => document.activeElement?.id === "my-files");

  await page.getByRole("button", { name: "New folder" }).focus();
  await page.keyboard.press("Enter");
  await page.keyboard.type("keyboard folder");
  await page.keyboard.press("Enter");
  await page.getByRole("treeitem", { name: "keyboard folder" }).waitFor();
  await page.getByRole("treeitem", { name: "My files" }).focus();
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  await page.getByText("This folder is empty.").waitFor();
  assert.equal(await focused(ben), "keyboard folder", "the focus stays in the tree");
  await page.keyboard.press("ArrowLeft");
  await page.keyboard.press("Enter");
  await ben.row("keyboard folder").getByRole("link").focus();
  await page.keyboard.press("Enter");
  // The row is gone with its list: the focus is on the name of the folder above the new one.
  await page.waitForFunction(() => document.activeElement?.id === "open-folder");
  await ben.close();
});

/** What a screen reader calls the element that has the focus, roughly. */
async function focused(visitor: Visitor): Promise<string> {
  return visitor.page.evaluate(() => {
    const element = document.activeElement;
    const label = element instanceof HTMLInputElement ? element.labels?.[0] : null;
    return (label ?? element)?.textContent?.replace(/\s+/g, " ").trim() ?? "";
  });
}
