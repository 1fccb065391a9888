/** examples/own_page, as another team would have it: its files, and the packages installed. */

import { strict as assert } from "node:assert";
import { cp, mkdtemp, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import { build } from "vite";
import { sha256 } from "./browser.ts";
import { setUp } from "./setting.ts";
import { startFake } from "./target.ts";

const EXAMPLE = fileURLToPath(new URL("../../../../examples/own_page", import.meta.url));
// Where Node finds the packages.
const PACKAGES = fileURLToPath(new URL("../../../node_modules", import.meta.url));

let project: string;

const setting = setUp(async () => {
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
  return startFake(join(project, "dist"));
});

after(async () => {
  await rm(project, { recursive: true });
});

test("ten lines upload a file, under the same Content-Security-Policy", async () => {
  const path = await setting.folder.file("take 1.mov", 68_000_000);
  const visitor = await setting.open();
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
