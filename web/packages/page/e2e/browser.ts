/** A person at the page, in headless Chromium. */

import { strict as assert } from "node:assert";
import { createHash, randomBytes } from "node:crypto";
import { createReadStream, existsSync } from "node:fs";
import { mkdir, mkdtemp, open, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  type Browser,
  type BrowserContext,
  type BrowserContextOptions,
  type CDPSession,
  chromium,
  type Locator,
  type Page,
} from "playwright-core";
import { type Person, SHOTS, type Target } from "./target.ts";

const CHROMIUM =
  process.env.CHROMIUM ?? ["/usr/bin/chromium", "/usr/bin/chromium-browser"].find(existsSync);

const AXE = createRequire(import.meta.url).resolve("axe-core/axe.min.js");

export async function launch(): Promise<Browser> {
  assert(CHROMIUM, "Install Chromium: apt-get install chromium, or name yours in CHROMIUM.");
  return chromium.launch({
    executablePath: CHROMIUM,
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--no-proxy-server",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  });
}

export interface VisitOptions extends BrowserContextOptions {
  /** Hash of the address that is opened. Default: none. */
  readonly hash?: string;
}

export class Visitor {
  readonly target: Target;
  readonly context: BrowserContext;
  readonly page: Page;
  /** What the Content-Security-Policy refused, and what else went wrong in the page's code. */
  readonly complaints: string[] = [];
  /** Bytes of each PUT that S3 took. */
  readonly puts: number[] = [];
  #network: Promise<CDPSession> | undefined;

  private constructor(target: Target, context: BrowserContext, page: Page) {
    this.target = target;
    this.context = context;
    this.page = page;
    page.on("pageerror", (error) => {
      // A test that waits for what won't come now is about to end without a look at these.
      process.stderr.write(`${error.stack}\n`);
      this.complaints.push(String(error));
    });
    page.on("console", (message) => {
      if (/Content.Security.Policy/i.test(message.text())) this.complaints.push(message.text());
    });
  }

  /** Opens the page in a browser profile of its own. */
  static async open(
    browser: Browser,
    target: Target,
    { hash = "", ...options }: VisitOptions = {},
  ): Promise<Visitor> {
    const context = await browser.newContext({
      // The local authority's certificate; that it is right is not for these tests to show.
      ignoreHTTPSErrors: true,
      acceptDownloads: true,
      viewport: { width: 1100, height: 900 },
      permissions: ["clipboard-read", "clipboard-write"],
      ...options,
    });
    context.setDefaultTimeout(60_000);
    const visitor = new Visitor(target, context, await context.newPage());
    await visitor.#watchPuts();
    await visitor.page.goto(target.url + hash);
    return visitor;
  }

  /** In the page, since the browser tells the size of a sent file to the page alone. */
  async #watchPuts(): Promise<void> {
    await this.page.exposeFunction("wideloadPut", (size: number) => this.puts.push(size));
    await this.page.addInitScript(() => {
      const { send } = XMLHttpRequest.prototype;
      XMLHttpRequest.prototype.send = function (body) {
        this.addEventListener("load", () => {
          if (!(body instanceof Blob) || this.status !== 200) return;
          (window as never as { wideloadPut(size: number): void }).wideloadPut(body.size);
        });
        send.call(this, body);
      };
    });
  }

  async signIn(person: Person): Promise<void> {
    await this.page.getByRole("button", { name: "Sign in" }).click();
    await fillIn(this.page, person);
    await this.page.getByRole("heading", { name: "My files" }).waitFor();
    await this.ready();
  }

  /** Waits until files can be dropped. */
  async ready(): Promise<void> {
    await this.page.locator(".uppy-Dashboard-AddFiles").waitFor();
  }

  /** Chooses files as with the button; `drag` drops them as with the mouse. */
  async choose(...paths: string[]): Promise<void> {
    const input = this.page.locator("input.uppy-Dashboard-input").first();
    if ((await input.count()) === 0)
      await this.page.getByRole("button", { name: "Add more" }).click();
    await input.setInputFiles(paths);
  }

  async drag(...paths: string[]): Promise<void> {
    const box = await this.page.locator(".uppy-Dashboard-inner").boundingBox();
    assert(box);
    const session = await this.context.newCDPSession(this.page);
    for (const type of ["dragEnter", "dragOver", "drop"] as const) {
      await session.send("Input.dispatchDragEvent", {
        type,
        x: box.x + box.width / 2,
        y: box.y + box.height / 2,
        data: { items: [], files: paths, dragOperationsMask: 1 },
      });
    }
    await session.detach();
  }

  /** The row of a file or a folder in the list. */
  row(name: string): Locator {
    return this.page
      .locator(".row")
      .filter({ has: this.page.locator(".row-name", { hasText: name }) });
  }

  /** A dialog with this title. */
  dialog(title: string): Locator {
    return this.page
      .locator("dialog")
      .filter({ has: this.page.getByRole("heading", { name: title }) });
  }

  notice(text: string): Locator {
    return this.page.locator(".notice").filter({ hasText: text });
  }

  /** The line that says how fast it goes. */
  async progress(): Promise<string> {
    return (await this.page.locator("p.progress").textContent()) ?? "";
  }

  /** Presses Download, and answers the SHA-256 and the name of what arrives. */
  async download(name: string): Promise<{ sha256: string; name: string }> {
    const [download] = await Promise.all([
      this.page.waitForEvent("download"),
      this.row(name).getByRole("button", { name: "Download" }).click(),
    ]);
    const path = await download.path();
    return { sha256: await sha256(path), name: download.suggestedFilename() };
  }

  async #openNetwork(): Promise<CDPSession> {
    const session = await this.context.newCDPSession(this.page);
    await session.send("Network.enable");
    return session;
  }

  /** Bytes a second from the page; undefined: as fast as it goes. */
  async throttle(uploadThroughput: number | undefined): Promise<void> {
    // One session for all changes: on a busy machine an upload would end while another is opened.
    this.#network ??= this.#openNetwork();
    const session = await this.#network;
    await session.send("Network.emulateNetworkConditions", {
      offline: false,
      latency: 0,
      downloadThroughput: -1,
      uploadThroughput: uploadThroughput ?? -1,
    });
  }

  /** Changes the colour scheme and the window's size, and waits until all has its new colour. */
  async look(
    colorScheme: "light" | "dark",
    viewport: { width: number; height: number },
  ): Promise<void> {
    await this.page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    await this.page.setViewportSize(viewport);
    await this.page.evaluate(async () => {
      const changing = () =>
        document.getAnimations().filter((each) => each instanceof CSSTransition);
      // An inherited colour changes after the one that it is inherited from.
      for (let changes = changing(); changes.length > 0; changes = changing()) {
        await Promise.allSettled(changes.map((change) => change.finished));
      }
    });
  }

  /** No serious violation of the accessibility rules (default: all), in the page as it is now. */
  async audit(state: string, rules?: readonly string[]): Promise<void> {
    if (!(await this.page.evaluate(() => "axe" in window)))
      await this.page.evaluate(await readText(AXE));
    const violations = await this.page.evaluate(async (only) => {
      const { axe } = window as never as { axe: Axe };
      const found = await axe.run(only ? { runOnly: only } : {});
      return found.violations.map(({ id, impact, nodes }) => ({
        id,
        impact,
        nodes: nodes.map(({ html, failureSummary }) => `${html}\n${failureSummary}`),
      }));
    }, rules);
    const bad = violations.filter(({ impact }) => impact === "serious" || impact === "critical");
    assert.deepEqual(bad, [], `accessibility of ${state}`);
  }

  /** Takes a picture of the page, if a folder for pictures is given. */
  async shot(name: string): Promise<void> {
    if (SHOTS === undefined) return;
    await this.page.screenshot({ path: join(SHOTS, `${name}.png`), fullPage: true });
  }

  async close(): Promise<void> {
    await this.context.close();
    assert.deepEqual(this.complaints, []);
  }
}

interface Axe {
  run(options: { runOnly?: readonly string[] }): Promise<{ violations: Violation[] }>;
}

interface Violation {
  readonly id: string;
  readonly impact: string | null;
  readonly nodes: readonly { readonly html: string; readonly failureSummary: string }[];
}

/** Fills in the sign-in page: the embedded cloud's and the fake's have the same fields. */
export async function fillIn(page: Page, { username, password }: Person): Promise<void> {
  await page.locator("#username").fill(username);
  await page.locator("#password").fill(password);
  await page.locator("button[type=submit]").click();
}

/** Files of random content, gone after the tests. */
export class Folder {
  readonly #path: Promise<string> = mkdtemp(join(tmpdir(), "wideload-e2e-"));

  async file(name: string, size: number): Promise<string> {
    const path = join(await this.#path, name);
    const file = await open(path, "w");
    for (let left = size; left > 0; left -= 1 << 20) {
      await file.write(randomBytes(Math.min(left, 1 << 20)));
    }
    await file.close();
    return path;
  }

  /** A folder with nothing in it. */
  async empty(name: string): Promise<string> {
    const path = join(await this.#path, name);
    await mkdir(path);
    return path;
  }

  async remove(): Promise<void> {
    await rm(await this.#path, { recursive: true });
  }
}

export async function sha256(path: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(path)) hash.update(chunk);
  return hash.digest("hex");
}

async function readText(path: string): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of createReadStream(path)) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}
