import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { Answer } from "../../../fake-cloud/files.ts";
import type { Exchange } from "../dev/exchange.ts";
import { FakeSignIn } from "../dev/fake-sign-in.ts";
import type { Config } from "../src/config.js";
import { Session } from "../src/session.js";
import { FakeLocks } from "./fakes.js";

const PAGE = "https://page.test/";
const CLOUD = "https://sign-in.test";
const ANN = { username: "ann@example.com", password: "a" };
const BEN = { username: "ben@example.com", password: "b" };

let signIn: FakeSignIn;
let locks: FakeLocks;
let left: string[];
let offline: boolean;
let opened: Session[];

function config(): Config {
  return { api_url: "https://api.test", ...signIn.config(CLOUD) } as unknown as Config;
}

async function ask(method: string, address: string, body = "") {
  const exchange: Exchange = {
    method,
    url: new URL(address),
    headers: {},
    body: async () => Buffer.from(body),
    drain: async () => {},
    json: async () => JSON.parse(body),
    form: async () => new URLSearchParams(body),
  };
  return (await signIn.answer(exchange)) as Answer;
}

beforeEach(() => {
  signIn = new FakeSignIn([ANN, BEN]);
  sessionStorage.clear();
  localStorage.clear();
  locks = new FakeLocks();
  left = [];
  offline = false;
  opened = [];
  vi.stubGlobal("fetch", async (address: string | URL, init: RequestInit = {}) => {
    if (offline) throw new TypeError("Failed to fetch");
    const { status, body } = await ask(init.method ?? "GET", String(address), String(init.body));
    return Response.json(body ?? {}, { status });
  });
});

afterEach(() => {
  for (const session of opened) session.close();
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
});

/** The page as it is after a load: in the same tab, or in one with a storage of its own. */
function load(storage: Storage = sessionStorage): Session {
  const session = new Session(config(), {
    page: PAGE,
    storage,
    locks: locks.locks,
    leave: (url) => left.push(url),
  });
  opened.push(session);
  return session;
}

function copyOf(storage: Storage): Storage {
  const copy = new Map(Object.entries({ ...storage }));
  return {
    getItem: (key: string) => copy.get(key) ?? null,
    setItem: (key: string, value: string) => void copy.set(key, value),
    removeItem: (key: string) => void copy.delete(key),
  } as unknown as Storage;
}

/** Where the sign-in page sends this person back to. */
async function fillIn(authorize: string, person: typeof ANN): Promise<string> {
  const answers = new URL(authorize).searchParams;
  answers.set("username", person.username);
  answers.set("password", person.password);
  const answer = await ask("POST", `${CLOUD}/login`, answers.toString());
  return answer.headers?.Location ?? "";
}

/** Leaves for the sign-in page and comes back. */
async function signedIn(person = ANN): Promise<Session> {
  const assign = vi
    .spyOn(window.location, "assign")
    .mockClear()
    .mockImplementation(() => {});
  void load().signIn();
  await vi.waitFor(() => expect(assign).toHaveBeenCalled());
  const back = await fillIn(String(assign.mock.lastCall?.[0]), person);
  const session = load();
  await session.open(back);
  return session;
}

test("signs in by code with PKCE, and knows the person's e-mail address", async () => {
  const session = await signedIn();

  expect(session.state).toBe("in");
  expect(session.person).toBe("ann@example.com");
  expect(signIn.owner(await session.token())).toBe("ann@example.com");
});

test("writes down the refresh token alone, and only in the tab's own storage", async () => {
  const session = await signedIn();
  const access = await session.token();

  const written = JSON.stringify({ ...sessionStorage });

  expect(written).toContain("refresh_token");
  expect(written).not.toContain(access);
  expect(written).not.toContain("id_token");
  expect(localStorage).toHaveLength(0);
});

test("a reload signs in again without asking, any number of times", async () => {
  const before = await (await signedIn()).token();

  for (let reload = 0; reload < 3; reload += 1) {
    const session = load();
    expect(await session.open(PAGE)).toBe(true);
    expect(session.state).toBe("in");
    expect(session.person).toBe("ann@example.com");
    expect(await session.token()).not.toBe(before);
  }
});

test("a reload after everything was revoked asks to sign in", async () => {
  await signedIn();
  signIn.revokeAll();

  const session = load();
  await session.open(PAGE);

  expect(session.state).toBe("out");
  expect(JSON.stringify({ ...sessionStorage })).not.toContain("refresh_token");
});

test("a reload without a network opens the page, and renews once it is back", async () => {
  await signedIn();
  offline = true;
  const session = load();
  await session.open(PAGE);
  expect(session.state).toBe("in");
  await expect(session.token()).rejects.toThrow("Failed to fetch");

  offline = false;

  expect(signIn.owner(await session.token())).toBe("ann@example.com");
});

test("gives the same token until it is nearly over, then another", async () => {
  signIn.tokenSeconds = 3600;
  const session = await signedIn();
  const first = await session.token();
  expect(await session.token()).toBe(first);

  vi.spyOn(Date, "now").mockReturnValue(Date.now() + 3_550_000);

  expect(await session.token()).not.toBe(first);
});

test("renews once for all who ask with a token that the API refused", async () => {
  const session = await signedIn();
  const rejected = await session.token();
  const request = vi.spyOn(globalThis, "fetch");

  const tokens = await Promise.all([session.token({ rejected }), session.token({ rejected })]);

  expect(new Set(tokens).size).toBe(1);
  expect(tokens[0]).not.toBe(rejected);
  expect(request).toHaveBeenCalledOnce();
});

test("after the sign-in has ended, who asks for a token waits for the next one", async () => {
  const session = await signedIn();
  const rejected = await session.token();
  signIn.revokeAll();

  const waiting = session.token({ rejected });
  await vi.waitFor(() => expect(session.state).toBe("ended"));
  await popup(session, ANN);

  expect(signIn.owner(await waiting)).toBe("ann@example.com");
  expect(session.state).toBe("in");
});

test("another person in the second window signs the first out", async () => {
  const session = await signedIn();
  const rejected = await session.token();
  signIn.revokeAll();
  const waiting = session.token({ rejected });
  const refused = expect(waiting).rejects.toThrow("Sign in again");
  await vi.waitFor(() => expect(session.state).toBe("ended"));

  await popup(session, BEN);

  await refused;
  expect(session.state).toBe("out");
});

/** Opens the second window, signs in there, and lets it hand the answer back. */
async function popup(session: Session, person: typeof ANN): Promise<void> {
  const replace = vi.fn();
  const window_ = { location: { replace }, focus() {}, close() {}, closed: false };
  vi.spyOn(window, "open").mockReturnValue(window_ as unknown as Window);
  const done = session.signInAgain();
  await vi.waitFor(() => expect(replace).toHaveBeenCalled());
  const back = await fillIn(String(replace.mock.lastCall?.[0]), person);
  const data = { source: "oidc-client", url: back, keepOpen: false };
  const origin = window.location.origin;
  window.dispatchEvent(Object.assign(new Event("message"), { data, origin, source: window_ }));
  await done;
}

test("signs out: revokes, forgets, and ends the sign-in page's session too", async () => {
  const session = await signedIn();
  expect(signIn.renewable).toBe(1);

  await session.signOut();

  expect(session.state).toBe("out");
  expect(signIn.renewable).toBe(0);
  expect(JSON.stringify({ ...sessionStorage })).not.toContain("refresh_token");
  const end = new URL(left[0] ?? "");
  expect(end.origin + end.pathname).toBe(`${CLOUD}/logout`);
  expect(end.searchParams.get("client_id")).toBe("page");
  expect(end.searchParams.get("logout_uri")).toBe(PAGE);
  const reloaded = load();
  await reloaded.open(PAGE);
  expect(reloaded.state).toBe("out");
});

test("signs out without a network as well", async () => {
  const session = await signedIn();
  offline = true;

  await session.signOut();

  expect(session.state).toBe("out");
});

test("keeps each refresh token that a renewal brings, in the tab's storage too", async () => {
  await signedIn();
  const written = () => JSON.parse(Object.values({ ...sessionStorage })[0] ?? "").refresh_token;
  const first = written();

  const reloaded = load();
  await reloaded.open(PAGE);

  expect(written()).not.toBe(first);
  expect(signIn.owner(await reloaded.token({ rejected: await reloaded.token() }))).toBe(
    "ann@example.com",
  );
  expect(signIn.reused).toBe(0);
});

test("goes on with the refresh token that it has where none is returned", async () => {
  signIn.rotates = false;
  await signedIn();
  const before = JSON.stringify({ ...sessionStorage });

  const session = load();
  await session.open(PAGE);
  const first = await session.token();

  expect(await session.token({ rejected: first })).not.toBe(first);
  expect(JSON.stringify({ ...sessionStorage })).toBe(before);
});

describe("a tab and its duplicate", () => {
  /** A browser copies the storage of a tab that is duplicated. */
  async function duplicated(): Promise<[Session, Session]> {
    const first = await signedIn();
    const copy = copyOf(sessionStorage);
    const second = load(copy);
    await second.open(PAGE);
    await vi.waitFor(async () => expect(await first.token()).toBe(await second.token()));
    return [first, second];
  }

  test("share what the second's opening brought", async () => {
    const [first, second] = await duplicated();

    expect(first.state).toBe("in");
    expect(second.state).toBe("in");
    expect(signIn.reused).toBe(0);
  });

  test("renew one at a time, the second by what the first got", async () => {
    const [first, second] = await duplicated();
    const rejected = await first.token();
    const request = vi.spyOn(globalThis, "fetch");

    const tokens = await Promise.all([first.token({ rejected }), second.token({ rejected })]);

    expect(tokens[0]).not.toBe(rejected);
    expect(signIn.owner(tokens[0] ?? "")).toBe("ann@example.com");
    expect(tokens[1]).toBe(tokens[0]);
    expect(request).toHaveBeenCalledOnce();
    expect(signIn.reused).toBe(0);
  });

  test("a duplicate that missed the renewals of the first asks for what they brought", async () => {
    const first = await signedIn();
    const copy = copyOf(sessionStorage);
    for (let renewal = 0; renewal < 2; renewal += 1) {
      await first.token({ rejected: await first.token() });
    }

    const second = load(copy);
    await second.open(PAGE);

    expect(second.state).toBe("in");
    expect(await second.token()).toBe(await first.token());
    expect(signIn.renewable).toBe(1);
  });
});

test("signing out in one tab signs out the others", async () => {
  const here = await signedIn();
  const there = await signedIn();
  expect(there.state).toBe("in");

  await here.signOut();

  await vi.waitFor(() => expect(there.state).toBe("out"));
});

test("a sign-in that the person refused raises, and no one is signed in", async () => {
  const assign = vi
    .spyOn(window.location, "assign")
    .mockClear()
    .mockImplementation(() => {});
  void load().signIn();
  await vi.waitFor(() => expect(assign).toHaveBeenCalled());
  const state = new URL(String(assign.mock.lastCall?.[0])).searchParams.get("state");

  const session = load();
  const opening = session.open(`${PAGE}?error=access_denied&state=${state}`);

  await expect(opening).rejects.toThrow("access_denied");
  expect(session.state).toBe("out");
});

test("a code of a sign-in that another person began signs no one in", async () => {
  vi.spyOn(window, "close").mockImplementation(() => {});
  const assign = vi
    .spyOn(window.location, "assign")
    .mockClear()
    .mockImplementation(() => {});
  void load().signIn();
  await vi.waitFor(() => expect(assign).toHaveBeenCalled());
  const theirs = await fillIn(String(assign.mock.lastCall?.[0]), BEN);
  // The link is opened in another browser, which knows nothing of all that.
  sessionStorage.clear();

  const session = load();
  await session.open(theirs);

  expect(session.state).toBe("out");
  expect(signIn.renewable).toBe(0);
});

test("an answer that another window waits for is handed over to it", async () => {
  vi.spyOn(window, "close").mockImplementation(() => {});

  const stays = await load().open(`${PAGE}?code=c&state=not-of-this-tab`);

  expect(stays).toBe(false);
});
