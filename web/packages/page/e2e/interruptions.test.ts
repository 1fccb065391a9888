/**
 * Uploads that are interrupted: by the network, a reload, a pause, a cancellation.
 *
 * Those that end with requests to the API which others don't make run on a deployment. The others
 * run on the fake cloud, which takes a tenth of the embedded one's CPU time for each byte.
 */

import { strict as assert } from "node:assert";
import { test } from "node:test";
import { fillIn, sha256 } from "./browser.ts";
import { arrives, halfway, SIZE } from "./halfway.ts";
import { setUp } from "./setting.ts";
import { startFake } from "./target.ts";

const RUN = Date.now().toString(36);

const deployment = setUp();
const fake = setUp(startFake);

test("goes on by itself when the network is back", async () => {
  const name = `network ${RUN}.bin`;
  const { ann, path } = await halfway(fake, name);

  await ann.context.setOffline(true);
  await ann.page.getByText("No network. Uploads continue when it is back").waitFor();
  await ann.shot("offline");
  assert.equal(await ann.page.locator(".notice").count(), 0, "said once, and where it goes again");
  await ann.context.setOffline(false);

  await arrives(ann, path, name);
  assert.equal(await ann.notice("Internet").count(), 0);
  await ann.close();
});

test("goes on where it was when the page is loaded again and the file dropped again", async () => {
  const name = `reload ${RUN}.bin`;
  const { ann, path } = await halfway(deployment, name);
  const questions: string[] = [];
  ann.page.on("dialog", async (dialog) => {
    questions.push(dialog.type());
    await dialog.accept();
  });

  await ann.page.reload();
  assert.deepEqual(questions, ["beforeunload"], "the browser asks before it leaves");
  await ann.ready();
  const stored = ann.puts.length;
  await ann.choose(path);

  await arrives(ann, path, name);
  const again = ann.puts.slice(stored).reduce((total, size) => total + size, 0);
  assert(again <= SIZE - stored * 8 * 1024 * 1024, `${again} bytes sent after the reload`);
  await ann.close();
});

test("a download in mid-upload neither asks nor stops it", async () => {
  const name = `busy ${RUN}.bin`;
  const { ann, path } = await halfway(fake, name);
  const other = await fake.folder.file(`meanwhile ${RUN}.bin`, 1000);
  ann.page.on("dialog", () => assert.fail("The browser asked."));
  await ann.choose(other);
  await ann.row(`meanwhile ${RUN}`).waitFor();

  const { sha256: got } = await ann.download(`meanwhile ${RUN}.bin`);

  assert.equal(got, await sha256(other));
  await arrives(ann, path, name);
  await ann.close();
});

test("a download that S3 refuses leaves the page and its upload alone", async () => {
  const name = `steady ${RUN}.bin`;
  const { ann, path } = await halfway(fake, name);
  await ann.choose(await fake.folder.file(`wanted ${RUN}.bin`, 1000));
  await ann.row(`wanted ${RUN}`).waitFor();
  const body = "<Error><Code>SlowDown</Code></Error>";
  await ann.context.route(/X-Amz-Signature|\/cloud\/s3\//, (route) =>
    route.request().isNavigationRequest()
      ? route.fulfill({ status: 503, contentType: "application/xml", body })
      : route.fallback(),
  );

  await ann.row(`wanted ${RUN}`).getByRole("button", { name: "Download" }).click();

  await ann.notice(`wanted ${RUN}.bin could not be downloaded.`).waitFor();
  assert.equal(ann.page.url(), fake.target.url);
  await ann.context.unroute(/X-Amz-Signature|\/cloud\/s3\//);
  await arrives(ann, path, name);
  await ann.close();
});

test("cancelling everything asks first", async () => {
  const name = `all ${RUN}.bin`;
  const { ann } = await halfway(fake, name);

  await ann.page.getByRole("button", { name: "Cancel all" }).click();
  const question = ann.dialog("Cancel this upload?");
  await question.waitFor();
  await ann.shot("cancel-all");
  await question.getByRole("button", { name: "Keep uploading" }).click();
  const sent = /^[^·]* of [^·]* sent/;
  const before = sent.exec(await ann.page.getByText(sent).innerText())?.[0] ?? "";
  await ann.page.getByText(before).waitFor({ state: "hidden" }); // it goes on
  await ann.page.getByRole("button", { name: "Cancel all" }).click();
  await question.getByRole("button", { name: "Cancel all" }).click();

  await ann.ready();
  await ann.page.reload();
  await ann.page.locator(".files-main[aria-busy=false]").waitFor({ state: "attached" });
  assert.equal(await ann.row(name).count(), 0);
  await ann.close();
});

test("signing out in another tab asks while this one uploads", async () => {
  const name = `other tab ${RUN}.bin`;
  const { ann, path } = await halfway(fake, name);
  const tab = await ann.context.newPage();
  await tab.goto(fake.target.url);
  await tab.getByRole("button", { name: "Sign in" }).click();
  await fillIn(tab, fake.ann);

  await tab.getByRole("button", { name: "Sign out" }).click();

  await tab.getByText("Uploads in another tab of this browser stop.").waitFor();
  await tab.locator("dialog").getByRole("button", { name: "Cancel" }).click();
  await arrives(ann, path, name);
  await tab.getByRole("button", { name: "Sign out" }).click();
  await ann.page.getByRole("button", { name: "Sign in" }).waitFor();
  await ann.close();
});

test("pauses, sends nothing meanwhile, and resumes", async () => {
  const name = `pause ${RUN}.bin`;
  const { ann, path } = await halfway(fake, name);

  await ann.page.getByRole("button", { name: "Pause", exact: true }).click();
  await ann.page.locator("p.progress").getByText("Paused").waitFor();
  const before = ann.puts.length;
  await ann.throttle(undefined);
  await ann.shot("paused");
  await ann.page.waitForTimeout(1000);
  assert.equal(ann.puts.length, before);
  await ann.page.getByRole("button", { name: "Resume", exact: true }).click();

  await arrives(ann, path, name);
  await ann.close();
});

test("cancelling one file leaves nothing of it behind", async () => {
  const name = `cancel ${RUN}.bin`;
  const { ann } = await halfway(deployment, name);

  await ann.page.getByRole("button", { name: `Remove ${name}` }).click();

  await ann.ready();
  await ann.page.reload();
  await ann.page.locator(".files-main[aria-busy=false]").waitFor({ state: "attached" });
  assert.equal(await ann.row(name).count(), 0);
  await ann.close();
});

test("a reload keeps the person signed in; signing out ends that", async () => {
  const ann = await deployment.signedIn(deployment.ann);

  await ann.page.reload();
  await ann.ready();
  assert.match((await ann.page.locator("header").textContent()) ?? "", /ann@example\.com/);
  assert.equal(await ann.page.evaluate(() => localStorage.length), 0);

  const left = ann.page.waitForRequest((request) => request.url().includes("/logout?"));
  await ann.page.getByRole("button", { name: "Sign out" }).click();
  await left;
  await ann.page.waitForURL(deployment.target.url);
  await ann.page.getByRole("button", { name: "Sign in" }).waitFor();
  assert.equal(await ann.page.evaluate(() => sessionStorage.length), 0);
  await ann.close();
});
