/** What the tests of one file run against, and with. */

import { strict as assert } from "node:assert";
import { after, before } from "node:test";
import type { Browser } from "playwright-core";
import { Folder, launch, type VisitOptions, Visitor } from "./browser.ts";
import { findTarget, type Person, type Target } from "./target.ts";

// The files of one run share a browser: `node --test --test-isolation=none`.
let browser: Promise<Browser> | undefined;
let users = 0;

/**
 * Call it once in a file of tests: its hooks find the target and launch the browser before the
 * first test, and remove all that was made after the last.
 */
export function setUp(find: () => Promise<Target> = findTarget): Setting {
  const setting = new Setting();
  before(async () => {
    users += 1;
    browser ??= launch();
    await setting.start(find(), browser);
  });
  after(async () => {
    await setting.stop();
    users -= 1;
    if (users === 0) await (await browser)?.close();
  });
  return setting;
}

export class Setting {
  #target: Target | undefined;
  #browser: Browser | undefined;
  #folder: Folder | undefined;

  async start(target: Promise<Target>, browser: Promise<Browser>): Promise<void> {
    this.#target = await target;
    this.#browser = await browser;
    this.#folder = new Folder();
  }

  async stop(): Promise<void> {
    await this.#folder?.remove();
    this.#target?.stop();
  }

  get target(): Target {
    assert(this.#target, "There is a target once tests run.");
    return this.#target;
  }

  get folder(): Folder {
    assert(this.#folder, "There is a folder once tests run.");
    return this.#folder;
  }

  get ann(): Person {
    return this.target.people[0];
  }

  get ben(): Person {
    return this.target.people[1];
  }

  /** Opens the page in a browser profile of its own. */
  async open(options?: VisitOptions): Promise<Visitor> {
    assert(this.#browser, "There is a browser once tests run.");
    return Visitor.open(this.#browser, this.target, options);
  }

  /** Opens the page and signs in. */
  async signedIn(person: Person, options?: VisitOptions): Promise<Visitor> {
    const visitor = await this.open(options);
    await visitor.signIn(person);
    return visitor;
  }
}
