/** examples/own_page, as another team would have it: its files, and the packages installed. */

import { strict as assert } from "node:assert";
import { cp, mkdtemp, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import type { Browser } from "playwright-core";
import { build } from "vite";
import { Folder, launch, sha256, Visitor } from "./browser.ts";
import { startFake, type Target } from "./target.ts";

const EXAMPLE = fileURLToPath(new URL("../../../../examples/own_page", import.meta.url));
// Where Node finds the packages.
const PACKAGES = fileURLToPath(new URL("../../../node_modules", import.meta.url));

let project: string;
let target: Target;
let browser: Browser;
let folder: Folder;

before(async () => {
  project = await mkdtemp(join(PACKAGES, ".own-page-"));
  await cp(EXAMPLE, project, { recursive: true });
  await writeFile(
    join(project, "config.js"),
    `export const apiUrl = location.origin + "/cloud";
     export async function accessToken() {
       const wish = { method: "POST", body: '{"issue": "ann@example.com"}' };
       return (await (await fetch("/cloud/_control", wish)).json()).access_token;
     }`,
  );
  await build({ root: project, base: "./", logLevel: "error", build: { assetsInlineLimit: 0 } });
  target = await startFake(join(project, "dist"));
  browser = await launch();
  folder = new Folder();
});

after(async () => {
  await browser.close();
  await folder.remove();
  target.stop();
  await rm(project, { recursive: true });
});

test("ten lines upload a file, under the same Content-Security-Policy", async () => {
  const path = await folder.file("take 1.mov", 70_000_000);
  const visitor = await Visitor.open(browser, target);
  const said = visitor.page.waitForEvent("console", {
    predicate: (message) => message.type() === "log",
  });

  await visitor.choose(path);
  await visitor.page.getByRole("button", { name: "Upload 1 file" }).click();

  await visitor.page.getByText("Complete", { exact: true }).waitFor();
  assert.match((await said).text(), new RegExp(`^\\w+ ${await sha256(path)}$`));
  await visitor.shot("own-page");
  await visitor.close();
});
