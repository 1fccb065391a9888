/** The end of the sign-in, on the fake cloud: the embedded one can't be told to end it. */

import { strict as assert } from "node:assert";
import { test } from "node:test";
import { fillIn } from "./browser.ts";
import { arrives, FAST, halfway, until } from "./halfway.ts";
import { setUp } from "./setting.ts";
import { startFake } from "./target.ts";

const RUN = Date.now().toString(36);

const setting = setUp(startFake);

test("an upload survives the end of the sign-in", async () => {
  const name = `ended ${RUN}.bin`;
  const { ann, path } = await halfway(setting, name);

  await setting.target.control?.({ revoke_all: true });
  await ann.throttle(FAST);
  const [popup] = await Promise.all([
    ann.page.waitForEvent("popup"),
    ann.page.getByRole("button", { name: "Sign in again" }).click(),
  ]);
  await ann.shot("sign-in-again");
  await fillIn(popup, setting.ann);

  await arrives(ann, path, name);
  await until(() => popup.isClosed(), "the second window is closed");
  await ann.close();
});

test("a tab and its duplicate stay signed in while refresh tokens rotate", async () => {
  // Each request a second later renews: a token with less than a minute left is not sent.
  await setting.target.control?.({ token_seconds: 61 });
  const ann = await setting.signedIn(setting.ann);
  const [duplicate] = await Promise.all([
    ann.page.waitForEvent("popup"),
    ann.page.evaluate(() => void window.open(location.href)),
  ]);
  const tabs = [ann.page, duplicate];

  for (let renewal = 1; renewal <= 3; renewal += 1) {
    await ann.page.waitForTimeout(1500);
    await Promise.all(
      tabs.map(async (tab) => {
        await tab.getByLabel("Search by name").fill(`no such file ${renewal}`);
        await tab.getByText(`No file's name contains “no such file ${renewal}”.`).waitFor();
      }),
    );
  }

  for (const tab of tabs) assert.equal(await tab.getByText("sign-in has ended").count(), 0);
  await setting.target.control?.({ token_seconds: 3600 });
  await ann.close();
});
