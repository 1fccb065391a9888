/** What the page says of uploads: progress, failures, what was dropped, notices. */

import { strict as assert } from "node:assert";
import { test } from "node:test";
import { setUp } from "./setting.ts";
import { startFake } from "./target.ts";

const MB = 1_000_000;
const RUN = Date.now().toString(36);

const setting = setUp(startFake);

test("progress is of what is under way, not of what ended before", async () => {
  const ann = await setting.signedIn(setting.ann);
  await ann.choose(await setting.folder.file(`before ${RUN}.bin`, 6 * MB));
  await ann.row(`before ${RUN}`).waitFor();
  // The row may be there before the upload has ended here.
  while ((await ann.progress()).includes("sent")) await ann.page.waitForTimeout(100);
  await ann.throttle(MB / 2);

  await ann.choose(await setting.folder.file(`now ${RUN}.bin`, 1_500_000));

  const seen = new Set<string>();
  while ((await ann.row(`now ${RUN}`).count()) === 0) {
    seen.add(await ann.progress());
    await ann.page.waitForTimeout(100);
  }
  const sent = [...seen].filter((text) => text.includes("sent"));
  assert(sent.length > 0, [...seen].join(" | "));
  for (const text of sent) assert.match(text, /^[\d.]+ (bytes|[kM]B) of 1\.4 MB sent/);
  await ann.close();
});

test("what failed is listed in one place, and can be copied", async () => {
  const bad = Array.from({ length: 11 }, (_, n) => `bad ${RUN} ${n}\u202efdp.exe`);
  const good = Array.from({ length: 21 }, (_, n) => `good ${RUN} ${n}.txt`);
  const paths = await Promise.all(
    [...bad, ...good].map((name, number) => setting.folder.file(name, 1000 + number)),
  );
  const ann = await setting.signedIn(setting.ann);

  await ann.choose(...paths);

  await ann.page.locator("p.progress").getByText("21 of 32 files stored · 11 failed").waitFor();
  await ann.page.getByRole("heading", { name: "11 files not uploaded" }).waitFor();
  assert.equal(await ann.page.locator(".failures-list li").count(), 11);
  assert.equal(await ann.page.locator(".notice.problem").count(), 0);
  assert.equal(await ann.page.getByRole("button", { name: "Try again" }).count(), 0);
  await ann.page.getByRole("button", { name: "Copy the list" }).click();
  await ann.notice("The list is in the clipboard.").waitFor();
  await ann.shot("failures-wide");
  await ann.audit("failures, wide");
  await ann.look("dark", { width: 390, height: 780 });
  await ann.shot("failures-narrow");
  await ann.audit("failures, narrow and dark");
  const copied = await ann.page.evaluate(() => navigator.clipboard.readText());
  const lines = copied.trimEnd().split("\n");
  assert.equal(lines.length, 11);
  assert(lines.every((line) => line.startsWith("bad ") && /: The name .*\.$/.test(line)));
  await ann.page.getByRole("button", { name: "Dismiss", exact: true }).click();
  assert.equal(await ann.page.locator(".failures").count(), 0);
  await ann.close();
});

test("an empty folder that is dropped is made", async () => {
  const ann = await setting.signedIn(setting.ann);

  await ann.drag(await setting.folder.empty(`empty ${RUN}`));

  await ann.notice("1 empty folder is made.").waitFor();
  await ann.close();
});

test("notices cover no button of the list, and little of a phone's screen", async () => {
  const ann = await setting.signedIn(setting.ann, { viewport: { width: 390, height: 780 } });
  const names = Array.from({ length: 6 }, (_, n) => `row ${RUN} ${n}.txt`);
  await ann.choose(...(await Promise.all(names.map((name) => setting.folder.file(name, 10_000)))));
  await ann.row(names[5] ?? "").waitFor();
  for (const name of names) await ann.row(name).waitFor();
  await ann.page.route("**/download", (route) => {
    const problem = { status: 409, code: "corrupt", detail: "Its content is damaged." };
    return route.fulfill({ status: 409, json: problem });
  });

  for (const name of names.slice(0, 4)) {
    await ann.row(name).getByRole("button", { name: "Download" }).click();
    await ann.notice(`${name} can't be downloaded.`).waitFor();
  }

  const { share, covered } = await ann.page.evaluate(() => {
    const notices = document.querySelector(".notices")?.getBoundingClientRect();
    const list = document.querySelector("main")?.getBoundingClientRect();
    const buttons = [...document.querySelectorAll(".row-actions button")].filter((button) => {
      const { top, bottom } = button.getBoundingClientRect();
      return list && top >= list.top && bottom <= list.bottom;
    });
    const covered = buttons.filter((button) => {
      const { x, y, width, height } = button.getBoundingClientRect();
      return !button.contains(document.elementFromPoint(x + width / 2, y + height / 2));
    });
    return { share: (notices?.height ?? 0) / innerHeight, covered: covered.length };
  });
  await ann.shot("notices-narrow");
  assert.equal(covered, 0);
  assert(share > 0 && share <= 0.25, `notices take ${Math.round(share * 100)} % of the screen`);
  await ann.close();
});
