import { beforeEach, describe, expect, it } from "vitest";
import { ConfigurationError } from "../src/index.js";
import { RateLimit } from "../src/limit.js";
import { FakePacing, tick } from "./fake-cloud.js";
import { fileOf, happens, setting } from "./setting.js";

const NEVER = new AbortController().signal;

/** A sleep that only a signal ends. */
function untilAborted(_: number, signal?: AbortSignal): Promise<void> {
  return new Promise((_resolve, reject) => {
    signal?.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
}

describe("a limit of 100 bytes a second", () => {
  let pacing: FakePacing;
  let limit: RateLimit;

  beforeEach(() => {
    pacing = new FakePacing();
    limit = new RateLimit(pacing, 100);
  });

  it("lets each send begin once the bytes before it are paid for", async () => {
    await limit.take(1000, NEVER);
    await limit.take(500, NEVER);
    expect(pacing.time).toBe(10_000);
    await limit.take(1, NEVER);
    expect(pacing.time).toBe(15_000);
  });

  it("keeps no credit of the time in which nothing was sent", async () => {
    pacing.time = 3_600_000;
    await limit.take(1000, NEVER);
    await limit.take(1, NEVER);

    expect(pacing.time).toBe(3_610_000);
  });

  it("gives back what was not sent", async () => {
    const refund = await limit.take(1000, NEVER);
    const waiting = limit.take(1, NEVER);
    refund(200);
    await waiting;

    expect(pacing.time).toBe(2_000);
  });

  it("is changed for those that wait", async () => {
    await limit.take(1000, NEVER);
    const waiting = limit.take(1000, NEVER);
    expect(limit.binding).toBe(true);
    limit.bytesPerSecond = 1000;
    await waiting;
    expect(pacing.time).toBe(1_000);

    const other = limit.take(1, NEVER);
    limit.bytesPerSecond = null;
    await other;
    expect(pacing.time).toBe(1_000);
    expect(limit.binding).toBe(false);
  });

  it("stops waiting by a signal", async () => {
    await limit.take(1000, NEVER);
    const stop = new AbortController();
    const waiting = limit.take(1, stop.signal);
    stop.abort("enough");

    await expect(waiting).rejects.toBe("enough");
    expect(limit.binding).toBe(false);
  });

  it.each([0, -1, Number.NaN])("refuses %d", (wrong) => {
    expect(() => {
      limit.bytesPerSecond = wrong;
    }).toThrow(ConfigurationError);
  });
});

describe("an uploader with a limit", () => {
  it("sends all files together at that rate", async () => {
    const { uploader, pacing } = setting({ partSize: 1000, limitRate: 1000 });

    await Promise.all([uploader.upload(fileOf(5000)).done, uploader.upload(fileOf(5000, 2)).done]);

    // The tenth part goes out once the nine before it are paid for.
    expect(pacing.time).toBeGreaterThanOrEqual(9_000);
  });

  it("says that rate, and takes off the limit while it is sending", async () => {
    const { uploader, pacing } = setting({ partSize: 1000, limitRate: 1 });
    pacing.sleep = untilAborted;
    const upload = uploader.upload(fileOf(3000));
    await happens(uploader, upload, () => upload.progress.sentBytes >= 1000);
    expect(uploader.limitRate).toBe(1);
    expect(uploader.progress).toMatchObject({ rate: 1, secondsLeft: 2000 });

    uploader.limitRate = null;

    expect((await upload.done).sentBytes).toBe(3000);
  });

  it("can be paused and cancelled while it waits for the limit", async () => {
    const { cloud, uploader, pacing } = setting({ partSize: 1000, limitRate: 1 });
    pacing.sleep = untilAborted;
    const upload = uploader.upload(fileOf(3000));
    await happens(uploader, upload, () => upload.progress.sentBytes >= 1000);

    upload.pause();
    await tick();
    upload.resume();
    await upload.cancel();

    expect(upload.state).toBe("cancelled");
    expect(cloud.puts).toHaveLength(1);
  });
});
