/** Signals and deadlines of every call. */

import { describe, expect, it } from "vitest";
import { DeadlineError, type IngestClient, ServerError } from "../src/index.js";
import { json, LARGE, PAYLOAD, problem, Setting, UPLOAD_URL } from "./setting.js";

/** An answer that never comes; rejects as `fetch` does when its signal aborts. */
function never(_: unknown, signal: AbortSignal): Promise<Response> {
  return new Promise((_resolve, reject) => {
    if (signal.aborted) reject(signal.reason);
    signal.addEventListener("abort", () => reject(signal.reason));
  });
}

const CALLS: [string, (client: IngestClient, options: object) => Promise<unknown>][] = [
  ["send", (client, options) => client.send({ n: 1 }, options)],
  ["get", (client, options) => client.get(PAYLOAD, options)],
  ["wait", (client, options) => client.wait(PAYLOAD, options)],
  ["document", (client, options) => client.document(PAYLOAD, options)],
  [
    "documentStream",
    (client, options) => client.documentStream(PAYLOAD, options).getReader().read(),
  ],
  ["callLogs", (client, options) => client.callLogs(options).next()],
  ["records", (client, options) => client.records(PAYLOAD, options).next()],
  ["delete", (client, options) => client.delete(PAYLOAD, options)],
];

describe.each(CALLS)("%s", (_, call) => {
  it("ends with the signal's reason", async () => {
    const { client } = new Setting(never);
    const stop = new AbortController();
    const reason = new Error("the page was left");

    const calling = call(client, { signal: stop.signal }).catch((error: unknown) => error);
    stop.abort(reason);

    expect(await calling).toBe(reason);
  });

  it("ends at its deadline", async () => {
    const { client } = new Setting(never);

    const error = await call(client, { deadline: 20 }).catch((late: unknown) => late);

    expect(error).toBeInstanceOf(DeadlineError);
    expect(String(error)).toContain("deadline of 20 ms");
  });

  it("makes no retry that would begin after its deadline", async () => {
    const setting = new Setting(problem(503, "unavailable", { "Retry-After": "50" }));

    const error = await call(setting.client, { deadline: 40_000 }).catch((late: unknown) => late);

    expect(error).toBeInstanceOf(ServerError);
    expect(setting.made).toHaveLength(1);
  });
});

it("refuses a deadline that isn't a time", async () => {
  const sending = new Setting().client.send({}, { deadline: -1 });

  await expect(sending).rejects.toThrow("deadline must be 0 to 1000000000 milliseconds, not -1");
});

it("claims nothing after an upload was cancelled", async () => {
  const stop = new AbortController();
  const setting = new Setting(json(UPLOAD_URL), (made, signal) => {
    setTimeout(() => stop.abort(new Error("cancelled")), 1);
    return never(made, signal);
  });

  const sending = setting.client.send(LARGE, { signal: stop.signal });

  await expect(sending).rejects.toThrow("cancelled");
  expect(setting.lines).toEqual(["POST /get-upload-url", "PUT S3"]);
});

it("makes no request when the signal has aborted before", async () => {
  const setting = new Setting(json({}));

  const sending = setting.client.send({ n: 1 }, { signal: AbortSignal.abort(new Error("late")) });

  await expect(sending).rejects.toThrow("late");
  expect(setting.made).toEqual([]);
});
