/**
 * What a large file does to the page: `node bench/large-file.ts [bytes]`, 2 GB unless said.
 *
 * Prints one JSON object: MB/s (millions of bytes) of uploading, hashing included, beside `curl -T`,
 * and of hashing alone, for a file that is stored already, beside `sha256sum`; the page's JS heap at
 * its largest, sampled four times a second; the largest memory of its process, hashing worker and
 * browser code included; and the longest task of the main thread. The storage discards the bytes.
 * Against a deployment if WIDELOAD_OUTPUTS names one, without `curl -T`.
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

  await target.control?.({ trusting: true });
  let heap = 0;
  const begun = performance.now();
  await visitor.choose(path);
  for (;;) {
    const { metrics } = await session.send("Performance.getMetrics");
    heap = Math.max(heap, metrics.find((metric) => metric.name === "JSHeapUsedSize")?.value ?? 0);
    if ((await visitor.row(name).count()) > 0) break;
    await page.waitForTimeout(SAMPLE_MS);
  }
  const stored = performance.now();
  await visitor.choose(path);
  const keep = page.getByRole("button", { name: "Keep both" });
  await keep.waitFor();
  const done = performance.now();
  await keep.click();
  await page.getByText("is already stored").first().waitFor({ timeout: 0 });
  const hashed = performance.now();
  const { longest, tasks } = await page.evaluate(() => {
    const { longest, tasks } = window as never as { longest: number; tasks: number };
    return { longest, tasks };
  });
  const process_mb = await largestProcess();
  await visitor.row(name).getByRole("button", { name: "Delete" }).click();
  await page.locator("dialog").getByRole("button", { name: "Delete" }).click();
  await visitor.row(name).waitFor({ state: "detached" });
  await visitor.close();

  const rate = (milliseconds: number) => Math.round(SIZE / 1000 / milliseconds);
  const rateOf = (program: string, ...args: string[]) => {
    const started = performance.now();
    execFileSync(program, args);
    return rate(performance.now() - started);
  };
  const storage = new URL("cloud/s3/curl", target.url).href;
  const figures = {
    bytes: SIZE,
    uploading_mb_s: rate(stored - begun),
    curl_mb_s: target.control ? rateOf("curl", "-sS", "-T", path, storage) : null,
    hashing_mb_s: rate(hashed - done),
    sha256sum_mb_s: rateOf("sha256sum", path),
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
