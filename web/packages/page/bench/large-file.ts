/**
 * What a large file does to the page: `node bench/large-file.ts [bytes]`, 2 GB unless said.
 *
 * Prints one JSON object: MB/s of hashing and of sending (millions of bytes), beside `sha256sum` on
 * the same file; the page's JS heap at its largest, sampled four times a second; what its process
 * held at most, hashing worker and browser code included; and the longest task of the main thread.
 * Against a deployment if WIDELOAD_OUTPUTS names one.
 */

import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { Folder, launch, Visitor } from "../e2e/browser.ts";
import { findTarget } from "../e2e/target.ts";

const SIZE = Number(process.argv[2] ?? 2_000_000_000);
const SAMPLE_MS = 250;

const target = await findTarget();
const browser = await launch();

/** MB of memory that the largest renderer process has held at most. */
async function largestProcess(): Promise<number> {
  const session = await browser.newBrowserCDPSession();
  const { processInfo } = await session.send("SystemInfo.getProcessInfo");
  const renderers = processInfo.filter(({ type }) => type === "renderer");
  const peaks = renderers.map(({ id }) => {
    const status = readFileSync(`/proc/${id}/status`, "utf8");
    return (Number(/VmHWM:\s*(\d+) kB/.exec(status)?.[1]) * 1024) / 1e6;
  });
  return Math.round(Math.max(...peaks));
}

const folder = new Folder();
try {
  const name = `large ${Date.now()}.bin`;
  const path = await folder.file(name, SIZE);
  const visitor = await Visitor.open(browser, target);
  const { page } = visitor;
  await visitor.signIn(target.people[0]);
  const session = await visitor.context.newCDPSession(page);
  await session.send("Performance.enable");
  await page.evaluate(() => {
    const seen = window as never as { longest: number; tasks: number };
    seen.longest = 0;
    seen.tasks = 0;
    new PerformanceObserver((list) => {
      for (const { duration } of list.getEntries()) {
        seen.longest = Math.max(seen.longest, duration);
        seen.tasks += 1;
      }
    }).observe({ type: "longtask" });
  });

  let heap = 0;
  let hashed = 0;
  const begun = performance.now();
  await visitor.choose(path);
  for (;;) {
    const { metrics } = await session.send("Performance.getMetrics");
    heap = Math.max(heap, metrics.find((metric) => metric.name === "JSHeapUsedSize")?.value ?? 0);
    if (hashed === 0 && /sent/.test(await visitor.progress())) hashed = performance.now();
    if ((await visitor.row(name).count()) > 0) break;
    await page.waitForTimeout(SAMPLE_MS);
  }
  const done = performance.now();
  const { longest, tasks } = await page.evaluate(() => {
    const { longest, tasks } = window as never as { longest: number; tasks: number };
    return { longest, tasks };
  });
  const process_mb = await largestProcess();
  await visitor.row(name).getByRole("button", { name: "Delete" }).click();
  await page.locator("dialog").getByRole("button", { name: "Delete" }).click();
  await visitor.row(name).waitFor({ state: "detached" });
  await visitor.close();

  const compared = performance.now();
  execFileSync("sha256sum", [path]);
  const rate = (milliseconds: number) => Math.round(SIZE / 1000 / milliseconds);
  const figures = {
    bytes: SIZE,
    hashing_mb_s: rate(hashed - begun),
    sending_mb_s: rate(done - hashed),
    sha256sum_mb_s: rate(performance.now() - compared),
    page_heap_mb: Math.round(heap / 1e6),
    process_mb,
    longest_task_ms: Math.round(longest),
    tasks_over_50_ms: tasks,
  };
  process.stdout.write(`${JSON.stringify(figures)}\n`);
} finally {
  await browser.close();
  await folder.remove();
  target.stop();
}
