import { readFile } from "node:fs/promises";
import { describe, expect, it, vi } from "vitest";
import { Batcher } from "../src/batcher.js";
import { Switch } from "../src/gate.js";
import * as library from "../src/index.js";
import { backoff, browserNetwork, parseRetryAfter, realPacing, whenOnline } from "../src/pacing.js";
import { partSizeOf } from "../src/parts.js";
import { RateMeter } from "../src/rate.js";
import { Slots } from "../src/slots.js";
import { FakeNetwork, tick } from "./fake-cloud.js";

const MIB = 1024 * 1024;

it("exports what it says, and nothing else", () => {
  expect(Object.keys(library).sort()).toEqual([
    "ApiError",
    "AuthenticationError",
    "CancelledError",
    "ConfigurationError",
    "ConflictError",
    "FileChangedError",
    "FileReadError",
    "FilesApi",
    "GoneError",
    "LimitError",
    "NameExistsError",
    "NotFoundError",
    "RefusedError",
    "ServerError",
    "StorageError",
    "TransportError",
    "Uploader",
    "WideloadError",
    "fetchTransport",
    "workerHasher",
    "xhrTransport",
  ]);
});

it("shows in its README the example that the browser tests run", async () => {
  const [readme, example] = await Promise.all(
    ["../README.md", "../example/upload.js"].map((path) =>
      readFile(new URL(path, import.meta.url), "utf8"),
    ),
  );

  expect(readme).toContain(`\`\`\`js\n${example}\`\`\``);
});

describe("part sizes", () => {
  it.each([
    [0, null],
    [64 * MIB, null],
    [64 * MIB + 1, 8 * MIB],
    [10_000 * 8 * MIB, 8 * MIB],
    [10_000 * 8 * MIB + 1, 9 * MIB],
    [5 * 1024 ** 4, 525 * MIB],
    [10_000 * 5120 * MIB, 5120 * MIB],
  ])("of %d bytes", (size, expected) => {
    expect(partSizeOf(size)).toBe(expected);
    if (expected) expect(Math.ceil(size / expected)).toBeLessThanOrEqual(10_000);
  });
});

describe("waiting", () => {
  it("grows, is random, and is as long as asked", () => {
    expect([1, 2, 3, 20].map((repeat) => backoff(repeat, 1))).toEqual([500, 1000, 2000, 20_000]);
    expect(backoff(3, 0.5)).toBe(1000);
    expect(backoff(1, 0, 3000)).toBe(3000);
  });

  it("reads Retry-After in both forms", () => {
    const now = Date.parse("2026-11-22T09:00:00Z");
    expect(parseRetryAfter("7")).toBe(7);
    expect(parseRetryAfter("Sun, 22 Nov 2026 09:01:00 GMT", now)).toBe(60);
    expect(parseRetryAfter("Sun, 22 Nov 2026 08:01:00 GMT", now)).toBe(0);
    expect(parseRetryAfter("soon")).toBeNull();
    expect(parseRetryAfter(null)).toBeNull();
  });

  it("sleeps and wakes by a signal", async () => {
    await realPacing.sleep(1);
    const controller = new AbortController();
    const sleeping = realPacing.sleep(60_000, controller.signal);
    controller.abort("enough");
    await expect(sleeping).rejects.toBe("enough");
    await expect(realPacing.sleep(1, controller.signal)).rejects.toBe("enough");
  });

  it("waits for the network or a signal", async () => {
    const network = new FakeNetwork();
    await whenOnline(network);
    network.online = false;
    const controller = new AbortController();
    const waits = [whenOnline(network), whenOnline(network, controller.signal)];
    controller.abort("enough");
    await expect(waits[1]).rejects.toBe("enough");
    network.online = true;
    await waits[0];
  });

  it("hears of the browser's network", () => {
    const target = new EventTarget();
    vi.stubGlobal("addEventListener", target.addEventListener.bind(target));
    vi.stubGlobal("removeEventListener", target.removeEventListener.bind(target));
    vi.stubGlobal("navigator", { onLine: false });
    const heard: boolean[] = [];

    expect(browserNetwork.online).toBe(false);
    const unsubscribe = browserNetwork.subscribe((online) => heard.push(online));
    target.dispatchEvent(new Event("online"));
    target.dispatchEvent(new Event("offline"));
    unsubscribe();
    target.dispatchEvent(new Event("online"));

    expect(heard).toEqual([true, false]);
    vi.unstubAllGlobals();
  });
});

describe("Slots", () => {
  it("go to who waits longest, and back once", async () => {
    const slots = new Slots(1);
    const first = await slots.take();
    const order: string[] = [];
    const waits = ["a", "b"].map((name) =>
      slots.take().then((release) => {
        order.push(name);
        return release;
      }),
    );
    expect(slots.full).toBe(true);

    first();
    first();
    await tick();
    expect(order).toEqual(["a"]);
    (await waits[0])?.();
    (await waits[1])?.();

    expect(order).toEqual(["a", "b"]);
    expect(slots.full).toBe(false);
  });

  it("are not lost to who gave up", async () => {
    const slots = new Slots(1);
    const release = await slots.take();
    const controller = new AbortController();
    const given = slots.take(controller.signal);
    const other = slots.take();
    controller.abort("enough");
    await expect(given).rejects.toBe("enough");
    await expect(slots.take(controller.signal)).rejects.toBe("enough");

    release();

    (await other)();
    expect(slots.full).toBe(false);
  });
});

describe("Switch", () => {
  it("holds up until it opens, or a signal", async () => {
    const gate = new Switch();
    await gate.wait();
    gate.set(false);
    await gate.closed();
    const opened = gate.wait();
    gate.set(true);
    await opened;
  });
});

describe("Batcher", () => {
  it("gathers while a request is under way", async () => {
    const batches: number[][] = [];
    const batcher = new Batcher<number, number>(3, async (items) => {
      batches.push(items);
      await tick();
      if (items.includes(13)) throw new Error("unlucky");
      return items.map((item) => item * 2);
    });

    const answers = await Promise.all([1, 2, 3, 4, 5].map((item) => batcher.add(item)));
    await expect(batcher.add(13)).rejects.toThrow("unlucky");

    expect(answers).toEqual([2, 4, 6, 8, 10]);
    expect(batches).toEqual([[1, 2, 3], [4, 5], [13]]);
    expect(await batcher.add(7)).toBe(14);
  });
});

describe("RateMeter", () => {
  it("measures over the last seconds, and forgets", () => {
    let now = 0;
    const meter = new RateMeter(() => now);
    expect(meter.rate).toBe(0);
    for (let second = 0; second <= 20; second += 1) {
      now = second * 1000;
      meter.record(second < 10 ? second * 100 : 1000 + (second - 10) * 50);
    }
    expect(meter.rate).toBeCloseTo(50, 0);
    expect(meter.secondsFor(500)).toBeCloseTo(10, 0);
    expect(meter.secondsFor(0)).toBe(0);
    now += 10_000;
    expect(meter.rate).toBe(0);
    expect(meter.secondsFor(1)).toBeNull();
  });

  it("is never negative, and counts fine steps", () => {
    let now = 0;
    const meter = new RateMeter(() => now);
    for (let step = 0; step <= 100; step += 1) {
      now = step * 10;
      meter.record(step);
    }
    expect(meter.rate).toBeCloseTo(100, -1);
    meter.record(0);
    expect(meter.rate).toBe(0);
    meter.reset();
    expect(meter.rate).toBe(0);
  });

  it("measures anew after an outage", () => {
    let now = 0;
    const meter = new RateMeter(() => now);
    const send = (from: number, bytes: number) => {
      for (let tenth = 0; tenth <= 20; tenth += 1) {
        now = from + tenth * 100;
        meter.record(bytes + tenth * 10);
      }
    };
    send(0, 0);
    expect(meter.rate).toBeCloseTo(100, 0);

    send(30_000, 200);

    expect(meter.rate).toBeCloseTo(100, 0);
  });

  it("measures anew when a part has to be sent again", () => {
    let now = 0;
    const meter = new RateMeter(() => now);
    meter.record(0);
    now = 1000;
    meter.record(10_000);
    now = 1500;
    meter.record(2000);

    now = 2500;
    meter.record(3000);

    expect(meter.rate).toBe(1000);
  });
});
