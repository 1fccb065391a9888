/** A deployment in one process, for working on the page without one, and for its tests. */

import type { IncomingMessage, ServerResponse } from "node:http";
import { type Answer, FakeFiles, problem, type StoredFile } from "../../../fake-cloud/files.ts";
import { type Exchange, exchange, send } from "./exchange.ts";
import { FakeSignIn } from "./fake-sign-in.ts";

/** Where it is mounted on the page's own server. */
export const MOUNT = "/cloud";

export const PEOPLE = [
  { username: "ann@example.com", password: "Ann's password 1" },
  { username: "ben@example.com", password: "Ben's password 1" },
] as const;

/** `count`: so many files, with numbers behind their name. */
type Seed = Partial<StoredFile> & { readonly owner?: string; readonly count?: number };

export class FakeCloud {
  readonly signIn = new FakeSignIn(PEOPLE);
  readonly files: FakeFiles;
  /** The next so many requests to the API fail with 503. */
  failures = 0;
  /** Milliseconds that each PUT takes, so that there is progress to see. */
  putDelay = 0;
  readonly #base: string;

  constructor(origin: string) {
    this.#base = origin + MOUNT;
    this.files = new FakeFiles(`${this.#base}/s3`);
    this.files.refuse = ({ name }) =>
      name.startsWith("refused") ? problem(413, "quota_exceeded") : undefined;
  }

  /** The page's `config.json`. */
  get config(): Record<string, unknown> {
    return { api_url: this.#base, ...this.signIn.config(this.#base) };
  }

  /** Answers what is meant for the cloud, and says so; leaves the rest alone. */
  async handle(request: IncomingMessage, response: ServerResponse): Promise<boolean> {
    const path = request.url ?? "/";
    if (path.split("?")[0] === "/config.json") {
      send(response, { status: 200, body: this.config });
      return true;
    }
    if (!path.startsWith(`${MOUNT}/`)) return false;
    const url = new URL(path.slice(MOUNT.length), "http://fake");
    send(response, await this.#answer(exchange(request, url)));
    return true;
  }

  async #answer(asked: Exchange): Promise<Answer> {
    const signedIn = await this.signIn.answer(asked);
    if (signedIn) return signedIn;
    if (asked.url.pathname.startsWith("/s3/")) return this.#s3(asked);
    if (asked.url.pathname === "/_control") return this.#control(await asked.json());
    if (!/^\/files(\/|$)/.test(asked.url.pathname)) return problem(404, "not_found");
    const owner = this.signIn.owner(asked.headers.authorization);
    if (owner === undefined) return { status: 401, body: { message: "Unauthorized" } };
    if (this.failures > 0) {
      this.failures -= 1;
      return problem(503, "unavailable");
    }
    return this.files.api(asked.method, asked.url, await asked.json(), owner);
  }

  async #s3({ method, url, headers, body, drain }: Exchange): Promise<Answer> {
    const signed = this.#base + url.pathname + url.search;
    if (method === "GET") return this.files.get(signed);
    if (this.files.trusting) {
      await drain();
      return this.files.discard(signed);
    }
    const bytes = await body();
    await new Promise((resolve) => setTimeout(resolve, this.putDelay));
    return this.files.put(signed, headers, bytes);
  }

  /** For tests that run in another process. */
  #control(wish: Record<string, unknown>): Answer {
    if ("failures" in wish) this.failures = Number(wish.failures);
    if ("trusting" in wish) this.files.trusting = Boolean(wish.trusting);
    if ("put_delay" in wish) this.putDelay = Number(wish.put_delay);
    if ("token_seconds" in wish) this.signIn.tokenSeconds = Number(wish.token_seconds);
    if ("revoke_all" in wish) this.signIn.revokeAll();
    if ("seed" in wish) {
      const { owner = "", name = "", count = 1, ...rest } = wish.seed as Seed;
      for (let number = 1; number <= count; number += 1) {
        this.files.seed(owner, count === 1 ? name : `${name} ${number}`, rest);
      }
    }
    if ("issue" in wish) return { status: 200, body: this.signIn.issue(String(wish["issue"])) };
    return { status: 200, body: { reused: this.signIn.reused } };
  }
}
