/** The built package in headless Chromium, from another origin than the API's. */

import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium, type Page } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { IngestClient } from "../src/index.js";
import { Service } from "../tests/service.js";
import { largeDocument } from "../tests/setting.js";

const CHROMIUM =
  process.env["CHROMIUM"] ?? ["/usr/bin/chromium", "/usr/bin/chromium-browser"].find(existsSync);
const ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--no-proxy-server"];

let service: Service;
let site: Server;
let page: Page;
let folder: string;
const complaints: string[] = [];

/** The example, with the strictest policy that lets it work. */
async function serve(path: string): Promise<string> {
  if (path === "/config.js")
    return `export const apiUrl = "${service.apiUrl}", apiKey = "${service.apiKey}";`;
  const name = path === "/" ? "/index.html" : path;
  const source = name.startsWith("/dist/") ? ".." : "../example";
  const text = await readFile(fileURLToPath(new URL(source + name, import.meta.url)), "utf8");
  return text.replace('"@wideload/ingest"', '"/dist/index.js"');
}

const urlOf = (server: Server, host: string) =>
  `http://${host}:${(server.address() as AddressInfo).port}`;

beforeAll(async () => {
  if (!CHROMIUM)
    throw new Error("Install Chromium: apt-get install chromium, or name yours in CHROMIUM.");
  site = createServer(async (request, response) => {
    const path = request.url ?? "/";
    const policy = `default-src 'none'; script-src 'self'; connect-src ${new URL(service.apiUrl).origin}`;
    response.setHeader("Content-Security-Policy", policy);
    response.setHeader("Content-Type", path.endsWith(".js") ? "text/javascript" : "text/html");
    serve(path).then(
      (text) => response.end(text),
      () => response.writeHead(404).end(),
    );
  });
  await new Promise<void>((resolve) => site.listen(0, "127.0.0.1", resolve));
  service = await Service.start(urlOf(site, "localhost"));
  folder = await mkdtemp(join(tmpdir(), "wideload-ingest-"));
  const browser = await chromium.launch({ executablePath: CHROMIUM, args: ARGUMENTS });
  page = await browser.newPage();
  page.on("pageerror", (error) => complaints.push(String(error)));
});

afterAll(async () => {
  await page?.context().browser()?.close();
  site?.close();
  site?.closeAllConnections();
  await service?.stop();
  if (folder) await rm(folder, { recursive: true });
});

/** Chooses files on the page, and returns its line about the last of them. */
async function sent(document: object): Promise<string> {
  const path = join(folder, "call.json");
  await writeFile(path, JSON.stringify(document));
  await page.goto(urlOf(site, "localhost"));
  await page.setInputFiles("input", path);
  const line = page.locator("li", { hasText: /./ });
  await line.waitFor({ timeout: 60_000 });
  return (await line.textContent()) ?? "";
}

/** Runs statements on the page, with a `client` that tries everything once. */
async function inPageOf(host: string, statements: string): Promise<unknown> {
  await page.goto(urlOf(site, host));
  // As text: vitest would rewrite the imports of a function.
  return page.evaluate(`(async () => {
    const { IngestClient } = await import("/dist/index.js");
    const config = await import("/config.js");
    const client = new IngestClient({ ...config, retries: 0 });
    ${statements}
  })()`);
}

it("sends small and large documents from a page of another origin", async () => {
  const large = largeDocument();
  const client = new IngestClient(service);

  expect(await sent({ n: 1 })).toMatch(/^call.json: stored as \w+, sent inline$/);
  const line = await sent(large);

  expect(line).toMatch(/^call.json: stored as \w+, sent s3$/);
  const id = line.split(" ")[3]?.replace(",", "") ?? "";
  const stored = new TextDecoder().decode(await client.document(id));
  expect(stored === JSON.stringify(large)).toBe(true);
  const inPage = await inPageOf(
    "localhost",
    `const document = new TextDecoder().decode(await client.document("${id}"));
     const { value } = await client.records("${id}", { first: 7 }).next();
     await client.delete("${id}");
     return { length: document.length, value };`,
  );
  expect(inPage).toEqual({ length: stored.length, value: large.transcript_with_metrics[7] });
  expect(complaints).toEqual([]);
});

it("says what a page of an unknown origin may be missing", async () => {
  const message = await inPageOf(
    "127.0.0.1",
    "return client.send({ n: 1 }).catch((error) => error.message);",
  );

  expect(message).toContain(`let pages of ${urlOf(site, "127.0.0.1")} in (cors_origins)`);
});
