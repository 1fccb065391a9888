/** The picture that the README shows, taken anew if WIDELOAD_SCREENSHOTS names a folder: docs/images/page.png. */

import { test } from "node:test";
import { setUp } from "./setting.ts";
import { startFake } from "./target.ts";

const MB = 1_000_000;

const setting = setUp(startFake);

test("looks like this", async () => {
  const [ann] = setting.target.people;
  const files = [
    { name: "Interview, second camera.mov", size: 10_438_221_824, verified: false },
    { name: "Call log 2026-03-11.json", size: 15_728_640, verified: true },
    { name: "Drehplan für März.pdf", size: 482_304, verified: true },
  ];
  for (const [number, file] of files.entries()) {
    const created_at = new Date(Date.UTC(2026, 2, 12 - number, 14, 5)).toISOString();
    await setting.target.control?.({ seed: { owner: ann.username, created_at, ...file } });
  }
  const visitor = await setting.signedIn(setting.ann, { viewport: { width: 1000, height: 800 } });
  await visitor.throttle(8 * MB);

  await visitor.choose(
    await setting.folder.file("Poster.png", 2 * MB),
    await setting.folder.file("Film, final cut.mov", 120 * MB),
  );

  await visitor.row("Poster.png").waitFor();
  await visitor.page.getByText(/\d\d MB of .* sent/).waitFor();
  await visitor.notice("Poster.png").waitFor({ state: "detached" });
  await visitor.shot("page");
  await visitor.close();
});
