/** The built library, in headless Chromium: the worker, XMLHttpRequest, and files on a real disk. */

import { existsSync } from "node:fs";
import { appendFile, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Browser, chromium, type Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from "vitest";
import { sha256Hex } from "../../../fake-cloud/files.ts";
import { bytes } from "../tests/setting.js";
import { Site } from "./server.js";

const MIB = 1024 * 1024;
const LARGE = 65 * MIB + 1;

const CHROMIUM =
  process.env["CHROMIUM"] ?? ["/usr/bin/chromium", "/usr/bin/chromium-browser"].find(existsSync);

let browser: Browser;
let folder: string;
let site: Site;
let page: Page;
const complaints: string[] = [];

beforeAll(async () => {
  if (!CHROMIUM)
    throw new Error("Install Chromium: apt-get install chromium, or name yours in CHROMIUM.");
  const args = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-proxy-server",
    "--disable-background-networking",
  ];
  browser = await chromium.launch({ executablePath: CHROMIUM, args });
  folder = await mkdtemp(join(tmpdir(), "wideload-uploader-"));
});

afterAll(async () => {
  await browser?.close();
  if (folder) await rm(folder, { recursive: true });
});

beforeEach(async () => {
  site = await Site.open();
  page = await browser.newPage();
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("console", (message) => {
    // A refused or broken request is reported by the browser itself.
    if (message.type() === "error" && !message.text().startsWith("Failed to load"))
      complaints.push(message.text());
  });
  await page.goto(site.url);
});

afterEach(async () => {
  await page.close();
  site.close();
  expect(complaints.splice(0)).toEqual([]);
});

async function file(name: string, size: number, seed = 1): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, bytes(size, seed));
  return path;
}

function line(text: string | RegExp): Promise<void> {
  return page.locator("li", { hasText: text }).waitFor({ timeout: 60_000 });
}

it("uploads a small and a multipart file, and knows them the next time", async () => {
  const files = [await file("small.bin", 1000), await file("large.bin", LARGE)];

  await page.setInputFiles("input", files);
  await line(`small.bin: done, 1000 of 1000 bytes`);
  await line(`large.bin: done, ${LARGE} of ${LARGE} bytes`);

  const contents = [...site.cloud.contents.values()].map(sha256Hex).sort();
  expect(contents).toEqual([sha256Hex(bytes(1000)), sha256Hex(bytes(LARGE))].sort());
  for (const headers of site.puts) expect(headers["content-type"]).toBeUndefined();
  const puts = site.puts.length;
  expect(puts).toBe(10);

  await page.reload();
  await page.setInputFiles("input", files);
  await line("small.bin: already there");
  await line("large.bin: already there");
  expect(site.puts).toHaveLength(puts);
});

it("goes on after the network was away, and after a reload", async () => {
  const path = await file("large.bin", LARGE);
  let begun = 0;
  site.cloud.putFault = () => {
    begun += 1;
    if (begun === 3) void page.context().setOffline(true);
    // The rest never arrives.
    if (begun === 8) site.cloud.hold = new Promise(() => {});
    return undefined;
  };
  await page.setInputFiles("input", path);
  await expect.poll(() => page.evaluate(() => navigator.onLine), { timeout: 60_000 }).toBe(false);
  await page.context().setOffline(false);
  await expect.poll(() => begun, { timeout: 60_000 }).toBeGreaterThanOrEqual(8);

  await page.reload();
  const puts = site.puts.length;
  const held = site.cloud.sessions.get("U1")?.parts.size ?? 0;
  site.cloud.hold = null;
  await page.setInputFiles("input", path);
  await line(`large.bin: done, ${LARGE} of ${LARGE} bytes`);

  expect(held).toBeGreaterThan(0);
  expect(site.puts.length - puts).toBeLessThanOrEqual(9 - held);
  expect([...site.cloud.contents.values()].map(sha256Hex)).toEqual([sha256Hex(bytes(LARGE))]);
});

it("says so when a file was changed after it was chosen", async () => {
  const path = await file("changing.bin", LARGE);
  let puts = 0;
  site.cloud.putFault = () => {
    puts += 1;
    return undefined;
  };
  let release = () => {};
  site.cloud.hold = new Promise((resolve) => {
    release = resolve;
  });
  await page.setInputFiles("input", path);
  await expect.poll(() => puts, { timeout: 60_000 }).toBe(4);

  await appendFile(path, "more");
  site.cloud.hold = null;
  release();

  await line("The file can't be read: it may have been changed");
});
