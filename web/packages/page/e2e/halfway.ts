/** A large upload that is under way. */

import { strict as assert } from "node:assert";
import { sha256, type Visitor } from "./browser.ts";
import type { Setting } from "./setting.ts";

const MB = 1_000_000;
/** Nine parts of 8 MiB: of so many bytes an upload is a multipart upload. */
export const SIZE = 72 * MB;
/** Bytes a second at which parts are stored one after the other. */
export const FAST = 8 * MB;
/** Bytes a second at which the upload is not over before a test has done what it does meanwhile. */
export const SLOW = MB / 2;

/** Signs Ann in and waits until some parts of a large file are stored; then it goes on slowly. */
export async function halfway(
  setting: Setting,
  name: string,
): Promise<{ ann: Visitor; path: string }> {
  const path = await setting.folder.file(name, SIZE);
  const ann = await setting.signedIn(setting.ann);
  await ann.throttle(FAST);
  await ann.choose(path);
  await until(() => ann.puts.length >= 3, "three parts are stored");
  await ann.throttle(SLOW);
  return { ann, path };
}

/** Lets an upload go on as fast as it can, and checks what is stored. */
export async function arrives(ann: Visitor, path: string, name: string): Promise<void> {
  await ann.throttle(undefined);
  await ann.row(name).waitFor({ timeout: 90_000 });
  assert.deepEqual(await ann.download(name), { name, sha256: await sha256(path) });
}

export async function until(condition: () => boolean, what: string): Promise<void> {
  for (const end = Date.now() + 60_000; !condition(); ) {
    assert(Date.now() < end, `It took over a minute until ${what}.`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
