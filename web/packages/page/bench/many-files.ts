/**
 * What a folder of many small files does to the page: `node bench/many-files.ts [count]`, 2,000 unless said.
 *
 * Prints one JSON object: seconds until all are stored, and the tasks of the main thread that kept
 * the page from answering: the longest, how many took over 50 and over 100 ms, and their share of
 * the time. Against a deployment if WIDELOAD_OUTPUTS names one.
 */

import { Folder, launch, Visitor } from "../e2e/browser.ts";
import { findTarget } from "../e2e/target.ts";

const COUNT = Number(process.argv[2] ?? 2000);
const SIZE = 2000;

const target = await findTarget();
const browser = await launch();
const folder = new Folder();
try {
  const name = `many ${Date.now()}`;
  const dropped = await folder.empty(name);
  await Promise.all(
    Array.from({ length: COUNT }, (_, index) => folder.file(`${name}/${index}.bin`, SIZE)),
  );
  const visitor = await Visitor.open(browser, target);
  const { page } = visitor;
  await visitor.signIn(target.people[0]);
  await page.evaluate(() => {
    const seen: number[] = [];
    (window as never as { tasks: number[] }).tasks = seen;
    new PerformanceObserver((list) => {
      seen.push(...list.getEntries().map(({ duration }) => duration));
    }).observe({ type: "longtask" });
  });

  const begun = performance.now();
  await visitor.drag(dropped);
  const all = COUNT.toLocaleString("en");
  await page.getByText(`${all} of ${all} files stored`).waitFor({ timeout: 0 });
  const seconds = (performance.now() - begun) / 1000;
  const tasks = await page.evaluate(() => (window as never as { tasks: number[] }).tasks);
  const over = (limit: number) => tasks.filter((duration) => duration > limit).length;
  const figures = {
    files: COUNT,
    seconds: Math.round(seconds),
    longest_task_ms: Math.round(Math.max(0, ...tasks)),
    tasks_over_50_ms: over(50),
    tasks_over_100_ms: over(100),
    blocked_share: Number((tasks.reduce((sum, task) => sum + task, 0) / 1000 / seconds).toFixed(3)),
  };
  process.stdout.write(`${JSON.stringify(figures)}\n`);
  await visitor.close();
} finally {
  await browser.close();
  await folder.remove();
  target.stop();
}
