import { describe, expect, it, vi } from "vitest";
import {
  ApiError,
  AuthenticationError,
  ConfigurationError,
  ConflictError,
  FilesApi,
  type FilesApiOptions,
  NotFoundError,
  RefusedError,
  ServerError,
  TransportError,
} from "../src/index.js";
import {
  API_URL,
  FakeCloud,
  FakeNetwork,
  FakePacing,
  json,
  problem,
  tick,
  unauthorized,
} from "./fake-cloud.js";

const FILE = {
  file_id: "F1",
  name: "a.bin",
  size: 3,
  content_type: "text/plain",
  sha256: "a".repeat(64),
  verified: true,
  created_at: "2026-11-22T09:00:00.123Z",
};

type Answer = Response | Error | ((url: string, init: RequestInit) => Response);

/** An API that gives these answers, one after the other. */
function api(answers: Answer[], options: Partial<FilesApiOptions> = {}) {
  const requests: { method: string; url: string; headers: Headers; body: unknown }[] = [];
  const pacing = new FakePacing();
  const send: typeof fetch = async (input, init = {}) => {
    if (init.mode === "no-cors") throw lost();
    const body = init.body ? JSON.parse(String(init.body)) : undefined;
    requests.push({
      method: init.method ?? "GET",
      url: String(input),
      headers: new Headers(init.headers),
      body,
    });
    await tick();
    init.signal?.throwIfAborted();
    const answer = answers.shift() ?? new Error("one request too many");
    if (answer instanceof Error) throw answer;
    return typeof answer === "function" ? answer(String(input), init) : answer;
  };
  const files = new FilesApi({
    apiUrl: API_URL,
    token: () => "token",
    fetch: send,
    pacing,
    ...options,
  });
  return { files, requests, pacing };
}

const lost = () => new TypeError("Failed to fetch");

describe("requests", () => {
  it("carry the token, and nothing that browsers add to it", async () => {
    const { files, requests } = api([json(200, { file: FILE })]);

    const file = await files.get("F/1");

    expect(requests[0]).toMatchObject({ method: "GET", url: "https://api.test/files/F%2F1" });
    expect(requests[0]?.headers.get("authorization")).toBe("Bearer token");
    expect(file).toEqual({
      fileId: "F1",
      name: "a.bin",
      size: 3,
      contentType: "text/plain",
      sha256: "a".repeat(64),
      folder: "",
      modifiedAt: null,
      verified: true,
      verifiedBy: null,
      corrupt: false,
      quarantined: null,
      metadata: {},
      createdAt: "2026-11-22T09:00:00.123Z",
    });
  });

  it("take a base URL with a slash at its end, and refuse one that is none", async () => {
    const { files, requests } = api([json(200, { file: FILE })], {
      apiUrl: "https://api.test/base//",
    });

    await files.get("F1");

    expect(requests[0]?.url).toBe("https://api.test/base/files/F1");
    expect(() => new FilesApi({ apiUrl: "api.test" })).toThrow(ConfigurationError);
  });

  it("list pages with what was asked for", async () => {
    const { files, requests } = api([
      json(200, { items: [FILE], cursor: "c&1" }),
      json(200, { items: [], cursor: "c2" }),
      json(200, { items: [FILE], cursor: null }),
    ]);

    const page = await files.list({ q: "ä b", limit: 5, cursor: null });
    const rest = [];
    for await (const file of files.all({ q: "x" })) rest.push(file.fileId);

    expect(page.cursor).toBe("c&1");
    expect(requests.map((request) => request.url)).toEqual([
      "https://api.test/files?q=%C3%A4+b&limit=5",
      "https://api.test/files?q=x&limit=100",
      "https://api.test/files?q=x&limit=100&cursor=c2",
    ]);
    expect(rest).toEqual(["F1"]);
  });

  it("rename, delete, download, check, look at uploads", async () => {
    const upload = {
      upload_id: "U1",
      state: "open",
      name: "a",
      size: 9,
      content_type: "b/c",
      sha256: "a".repeat(64),
      part_size: 4,
      part_count: 3,
      created_at: "c",
      expires_at: "d",
    };
    const action = { method: "GET", href: "https://s3.test/x", headers: {}, expires_in: 3600 };
    const { files, requests } = api([
      json(200, { file: { ...FILE, name: "b" } }),
      new Response(null, { status: 204 }),
      json(200, { file: FILE, action }),
      json(200, { files: [{ duplicate: false }, { duplicate: true, file: FILE }] }),
      json(200, { items: [upload], cursor: null }),
      json(200, { ...upload, parts: [{ number: 2, sha256: "b".repeat(64) }] }),
    ]);

    expect((await files.rename("F1", "b")).name).toBe("b");
    expect(requests[0]).toMatchObject({ method: "PATCH", body: { name: "b" } });
    await files.delete("F1");
    expect((await files.download("F1")).action.href).toBe("https://s3.test/x");
    const found = await files.check([
      { sha256: "a".repeat(64), size: 1 },
      { sha256: "b".repeat(64), size: 2 },
    ]);
    expect(found.map((file) => file?.fileId ?? null)).toEqual([null, "F1"]);
    expect((await files.uploads()).items[0]).toMatchObject({ uploadId: "U1", partCount: 3 });
    expect(await files.session("U1")).toMatchObject({ parts: [{ number: 2 }], file: null });
  });

  it("need no token for how to sign in, and tell when one is missing elsewhere", async () => {
    const answer = {
      issuer: "https://i",
      client_id: "c",
      scopes: ["openid"],
      token_endpoint: "https://t",
    };
    const { files, requests } = api([json(200, answer)], { token: undefined });

    expect(await files.signIn()).toEqual({
      issuer: "https://i",
      clientId: "c",
      scopes: ["openid"],
      authorizationEndpoint: null,
      tokenEndpoint: "https://t",
      endSessionEndpoint: null,
      cognitoEndpoint: null,
    });
    expect(requests[0]?.headers.has("authorization")).toBe(false);
    await expect(files.list()).rejects.toBeInstanceOf(ConfigurationError);
  });
});

describe("tokens", () => {
  it("are asked for anew after a 401 that the browser hides", async () => {
    const token = vi.fn((context?: { rejected: string }) => (context ? "new" : "old"));
    const signIn = { issuer: "https://issuer.test", client_id: "c", scopes: ["openid"] };
    const { files, requests } = api(
      [lost(), lost(), json(200, signIn), json(200, { file: FILE })],
      { token },
    );

    await files.get("F1");

    expect(token.mock.calls).toEqual([[undefined], [undefined], [{ rejected: "old" }]]);
    expect(requests.map(({ url }) => url.replace(API_URL, ""))).toEqual([
      "/files/F1",
      "/files/F1",
      "/sign-in",
      "/files/F1",
    ]);
    expect(requests.map(({ headers }) => headers.get("authorization"))).toEqual([
      "Bearer old",
      "Bearer old",
      null,
      "Bearer new",
    ]);
  });

  it("are kept while nothing answers", async () => {
    const token = vi.fn((context?: { rejected: string }) => (context ? "new" : "old"));
    // The third is that of GET /sign-in, which is asked once.
    const answers = [lost(), lost(), lost(), lost(), json(200, { file: FILE })];
    const { files } = api(answers, { token });

    await files.get("F1");

    expect(token.mock.calls).toEqual([[undefined], [undefined], [undefined], [undefined]]);
  });

  it("are asked for anew after a 401, once, with the refused one", async () => {
    const token = vi.fn((context?: { rejected: string }) => (context ? "new" : "old"));
    const { files, requests } = api([unauthorized(), json(200, { file: FILE })], { token });

    await files.get("F1");

    expect(token.mock.calls).toEqual([[undefined], [{ rejected: "old" }]]);
    expect(requests[1]?.headers.get("authorization")).toBe("Bearer new");
  });

  it("that stay refused end in an error that says what to do", async () => {
    const { files } = api([unauthorized(), unauthorized()]);

    const error = await files.get("F1").catch((caught: unknown) => caught);

    expect(error).toBeInstanceOf(AuthenticationError);
    expect((error as Error).message).toContain("Sign in again");
  });

  it("that can't be got mean signed out", async () => {
    const { files, requests } = api([], { token: () => Promise.reject(new Error("no session")) });

    const error = await files.get("F1").catch((caught: unknown) => caught);

    expect(error).toBeInstanceOf(AuthenticationError);
    expect(error).toMatchObject({ cause: new Error("no session"), status: 401 });
    expect(requests).toHaveLength(0);
  });

  it("that can't be got for want of a network are asked for again", async () => {
    const timeout = Object.assign(new Error("slow"), { name: "ErrorTimeout" });
    const failures = [lost(), timeout];
    const token = () => {
      const failure = failures.shift();
      if (failure) throw failure;
      return "token";
    };
    const { files } = api([json(200, { file: FILE })], { token });

    expect((await files.get("F1")).fileId).toBe("F1");
  });

  it("that take for ever hold no cancelled call", async () => {
    const controller = new AbortController();
    const { files } = api([], { token: () => new Promise(() => {}) });
    const call = files.get("F1", controller.signal);

    controller.abort("enough");

    await expect(call).rejects.toBe("enough");
  });

  it("fail the call with an error of ours as it is", async () => {
    const error = new ConfigurationError("mine");
    const { files } = api([], { token: () => Promise.reject(error) });

    await expect(files.get("F1")).rejects.toBe(error);
  });
});

describe("repeats", () => {
  it.each([
    ["no answer", () => lost()],
    ["500", () => problem(500, "internal")],
    ["502 without JSON", () => new Response("<html>", { status: 502 })],
    ["503", () => problem(503, "unavailable")],
    ["429", () => json(429, { message: "Too Many Requests" })],
    ["a passing conflict", () => problem(409, "conflict", {}, 1)],
  ])("come after %s", async (_name, fault) => {
    const { files, requests } = api([fault(), json(200, { file: FILE })]);

    await files.rename("F1", "b");

    expect(requests).toHaveLength(2);
  });

  it("wait at least as long as asked, and not at all if that is too long", async () => {
    const { files, pacing } = api([problem(503, "unavailable", {}, 30), json(200, { file: FILE })]);
    await files.get("F1");
    expect(pacing.slept).toEqual([30_000]);

    const slow = api([problem(503, "unavailable", {}, 300)]);
    await expect(slow.files.get("F1")).rejects.toMatchObject({ retryAfter: 300 });
  });

  it("end with the news that CORS keeps the answers from the page", async () => {
    const cloud = new FakeCloud();
    cloud.apiFault = () => "lost before";
    cloud.answersProbes = true;
    const files = new FilesApi({
      apiUrl: `${API_URL}/`,
      token: () => "token",
      fetch: cloud.fetch,
      pacing: new FakePacing(),
      network: new FakeNetwork(),
    });

    const error = await files.get("F1").catch((caught: unknown) => caught);

    expect(error).toBeInstanceOf(TransportError);
    expect(error).toMatchObject({ code: "cors" });
    expect(String(error)).toContain(
      "its CORS settings must allow this page's origin, and GET, POST",
    );
    expect(cloud.probes).toEqual([`${API_URL}/sign-in`]);
  });

  it.each([
    ["a timeout", () => new DOMException("timed out", "TimeoutError")],
    ["what its token could not be renewed by", () => null],
  ])("don't blame CORS for %s", async (_name, fault) => {
    const failure = fault();
    const cloud = new FakeCloud();
    cloud.answersProbes = true;
    const files = new FilesApi({
      apiUrl: `${API_URL}/`,
      token: () => {
        if (failure === null) throw new TypeError("Failed to fetch");
        return "token";
      },
      fetch: async (input, init) => {
        if (failure !== null && init?.mode !== "no-cors") throw failure;
        return cloud.fetch(input, init);
      },
      pacing: new FakePacing(),
      network: new FakeNetwork(),
    });

    const error = await files.get("F1").catch((caught: unknown) => caught);

    expect(error).toMatchObject({ code: "no_answer" });
    expect(String(error)).toContain("Check the network connection");
    expect(cloud.probes).toEqual([]);
  });

  it("don't blame CORS for a request of which an answer was read before", async () => {
    const wanted = { sha256: "a".repeat(64), size: 3 };
    const cloud = new FakeCloud();
    cloud.answersProbes = true;
    const files = new FilesApi({
      apiUrl: `${API_URL}/`,
      token: () => "token",
      fetch: cloud.fetch,
      pacing: new FakePacing(),
      network: new FakeNetwork(),
    });
    await files.check([wanted]);
    cloud.apiFault = () => "lost before";

    const error = await files.check([wanted]).catch((caught: unknown) => caught);

    expect(error).toMatchObject({ code: "no_answer" });
    expect(cloud.probes).toEqual([]);
  });

  it("end with the last error", async () => {
    const answers = [lost(), problem(503, "unavailable"), problem(500, "internal")];
    const { files, requests } = api(answers, { retries: 2 });

    const error = await files.get("F1").catch((caught: unknown) => caught);

    expect(requests).toHaveLength(3);
    expect(error).toBeInstanceOf(ServerError);
    expect(error).toMatchObject({ status: 500, code: "internal", requestId: "req-1" });
    expect((error as Error).message).toContain("(request id req-1)");
  });

  it("don't come after what stays refused", async () => {
    for (const [status, code, type] of [
      [400, "invalid_name", RefusedError],
      [404, "unknown_file", NotFoundError],
      [409, "corrupt", ConflictError],
    ] as const) {
      const { files, requests } = api([problem(status, code)]);
      const error = await files.get("F1").catch((caught: unknown) => caught);
      expect(error).toBeInstanceOf(type);
      expect(error).toMatchObject({ code, detail: `${code} it is.` });
      expect(requests).toHaveLength(1);
    }
  });

  it("take 404 for done when the first DELETE's answer was lost, else for an error", async () => {
    const { files } = api([lost(), problem(404, "unknown_file")]);
    await files.delete("F1");

    const fresh = api([problem(404, "unknown_file")]);
    await expect(fresh.files.delete("F1")).rejects.toBeInstanceOf(NotFoundError);
  });

  it("wait for a network", async () => {
    const network = new FakeNetwork();
    network.online = false;
    const { files, requests } = api([json(200, { file: FILE })], { network });
    const call = files.get("F1");
    await tick();
    expect(requests).toHaveLength(0);

    network.online = true;

    await call;
  });

  it("come after an answer that takes too long", async () => {
    const hang = () => {
      throw new DOMException("timeout", "TimeoutError");
    };
    const { files, requests } = api([hang, json(200, { file: FILE })]);

    await files.get("F1");

    expect(requests).toHaveLength(2);
  });
});

describe("answers", () => {
  it("with a refusal of every file are answers all the same", async () => {
    const error = { code: "quota_exceeded", title: "t", status: 413, detail: "Full." };
    const { files } = api([problem(413, "quota_exceeded", { files: [{ error }, { error }] })]);

    const created = await files.create([
      { name: "a", size: 1, sha256: "a".repeat(64) },
      { name: "b", size: 1, sha256: "b".repeat(64) },
    ]);

    expect(created.map((each) => each.kind)).toEqual(["refused", "refused"]);
    expect(created[0]).toMatchObject({
      error: { status: 413, code: "quota_exceeded", detail: "Full." },
    });
  });

  it("of something else than the API are named as such", async () => {
    for (const answer of [new Response("<html>"), json(200, []), json(200, { nothing: 1 })]) {
      const { files } = api([answer]);
      await expect(files.get("F1")).rejects.toMatchObject({
        code: "wrong_answer",
        message: expect.stringContaining("apiUrl"),
      });
    }
  });

  it("are waited for while S3 completes, up to a quarter of an hour", async () => {
    const slow = () => json(202, { upload_id: "U1", state: "completing", retry_after: 30 });
    const earlier = problem(503, "completing", {}, 20);
    const { files, pacing } = api([slow(), earlier, slow(), json(200, { file: FILE })]);
    await files.complete("U1");
    expect(pacing.slept).toEqual([30_000, 20_000, 30_000]);

    const never = api(Array.from({ length: 100 }, slow));
    const failure = { code: "completing", message: expect.stringMatching(/^The service is still/) };
    await expect(never.files.complete("U1")).rejects.toMatchObject(failure);
    expect(never.pacing.time).toBeGreaterThan(15 * 60_000);
  });

  it("are given up by a signal, with its reason", async () => {
    const controller = new AbortController();
    const { files } = api([json(200, { file: FILE })]);
    const call = files.get("F1", controller.signal);

    controller.abort("enough");

    await expect(call).rejects.toBe("enough");
  });
});

it("has errors that hold neither tokens nor presigned URLs", async () => {
  const { files } = api([lost(), problem(400, "invalid_request")], { retries: 0 });

  const errors = [
    await files.get("F1").catch((e: unknown) => e),
    await files.get("F1").catch((e: unknown) => e),
  ];

  expect(errors[0]).toBeInstanceOf(TransportError);
  expect(errors[1]).toBeInstanceOf(ApiError);
  for (const error of errors) expect(JSON.stringify(error) + String(error)).not.toContain("token");
});
