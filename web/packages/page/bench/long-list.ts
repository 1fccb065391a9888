/**
 * What a folder of many files does to the page: `node bench/long-list.ts [count]`, 100,000 unless said.
 *
 * Prints a JSON object for each step on the fake cloud: seconds, requests to the API, and the tasks
 * of the main thread: the longest, and how many took over 100 ms. Tasks are measured in CPU time,
 * which other programs of the machine don't lengthen.
 */

import type { Page } from "playwright-core";
import { launch, Visitor } from "../e2e/browser.ts";
import { startFake } from "../e2e/target.ts";

const COUNT = Number(process.argv[2] ?? 100_000);
const SCROLLED = 100;

const target = await startFake();
const [ann] = target.people;
const seed = (file: Record<string, unknown>) =>
  target.control?.({ seed: { owner: ann.username, ...file } });

let requests = 0;

interface TraceEvent {
  readonly name: string;
  readonly pid: number;
  readonly tid: number;
  /** CPU time in microseconds. */
  readonly tdur?: number;
  readonly args: { readonly name?: string };
}

/** CPU times of the tasks of a trace in the page's main thread, in milliseconds. */
function tasksOf(trace: Buffer): number[] {
  const events: TraceEvent[] = JSON.parse(trace.toString()).traceEvents;
  const thread = ({ pid, tid }: TraceEvent) => `${pid} ${tid}`;
  const main = new Set(
    events
      .filter(({ name, args }) => name === "thread_name" && args.name === "CrRendererMain")
      .map(thread),
  );
  return events
    .filter((event) => event.name.endsWith("RunTask") && main.has(thread(event)))
    .map(({ tdur = 0 }) => tdur / 1000);
}

/** Does a step, and prints what it took. */
async function measure(page: Page, step: string, act: () => Promise<unknown>): Promise<void> {
  requests = 0;
  await browser.startTracing(page, {
    categories: ["toplevel", "disabled-by-default-devtools.timeline"],
  });
  const begun = performance.now();
  await act();
  const seconds = Number(((performance.now() - begun) / 1000).toFixed(1));
  const tasks = tasksOf(await browser.stopTracing());
  const figures = {
    step,
    seconds,
    requests,
    longest_task_ms: Math.round(Math.max(0, ...tasks.filter((task) => task > 1))),
    tasks_over_100_ms: tasks.filter((task) => task > 100).length,
  };
  process.stdout.write(`${JSON.stringify(figures)}\n`);
}

const browser = await launch();
try {
  await seed({ name: "take", folder: "many", count: COUNT });
  await seed({ name: "offer", folder: "ten thousand", count: 10_000 });
  const visitor = await Visitor.open(browser, target);
  const { page } = visitor;
  page.setDefaultTimeout(0);
  await visitor.signIn(ann);
  page.on("request", (request) => {
    if (request.url().includes("/cloud/files")) requests += 1;
  });
  const first = (name: string) =>
    page
      .locator('.row[data-index="0"] .row-name')
      .and(page.getByText(name, { exact: true }))
      .waitFor();
  await measure(page, "open the folder", async () => {
    await visitor.row("many").getByRole("link").click();
    await first(`take ${COUNT}`);
  });
  await measure(page, `scroll ${SCROLLED} screens`, async () => {
    for (let screen = 0; screen < SCROLLED; screen += 1) {
      await page.mouse.wheel(0, 800);
      await page.waitForTimeout(50);
    }
  });
  await measure(page, "sort by name", async () => {
    await page.getByRole("button", { name: "Name", exact: true }).click();
    await first("take 1");
  });
  await measure(page, "search by name", async () => {
    await page.getByLabel("Search by name").fill(`take ${COUNT - 1}`);
    await first(`take ${COUNT - 1}`);
  });
  await page.getByLabel("Search by name").fill("");
  await first("take 1");
  await measure(page, "load and select all", async () => {
    await page.getByLabel("Select all").check();
    await page.getByRole("button", { name: "Load and select all" }).click();
    await page.getByText(`${COUNT.toLocaleString("en")} files selected`).waitFor();
  });
  await measure(page, "scroll to the end and back", async () => {
    for (const share of [0.25, 0.5, 0.75, 1, 0]) {
      await page
        .locator("main")
        .evaluate((main, to) => main.scrollTo(0, to * main.scrollHeight), share);
      await page.waitForTimeout(200);
    }
  });
  await measure(page, "clear the selection", async () => {
    await page.getByRole("button", { name: "Clear selection" }).click();
    await page.getByText("files selected").waitFor({ state: "detached" });
  });
  await page.getByRole("treeitem", { name: "My files" }).click();
  await measure(page, "delete a folder of 10,000", async () => {
    await visitor.row("ten thousand").getByRole("button", { name: "Delete" }).click();
    const dialog = visitor.dialog("Delete this folder?");
    await dialog.getByText("will be deleted permanently.").waitFor();
    await dialog.locator("button[type=submit][aria-disabled=false]").click();
    await visitor.row("ten thousand").waitFor({ state: "detached" });
  });
  await visitor.close();
} finally {
  await browser.close();
  target.stop();
}
