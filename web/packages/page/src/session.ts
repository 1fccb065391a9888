/** Who is signed in: by OpenID Connect, authorization code with PKCE. */

import {
  ErrorResponse,
  User,
  UserManager,
  type UserManagerSettings,
  WebStorageStateStore,
} from "oidc-client-ts";
import type { Config } from "./config.js";
import { TokenStore } from "./token-store.js";
import { words } from "./words.js";

/** Seconds before its end from which an access token counts as too old to send. */
const MARGIN = 60;
/** Name of the lock that a tab holds while it renews. */
const RENEWING = "wideload-renewing";
/** How long other tabs may take to answer. */
const ANSWER_MS = 500;
/** How long it takes until other tabs have heard. */
const HEARD_MS = 50;

/**
 * - `out`: not signed in;
 * - `in`: signed in;
 * - `ended`: the sign-in has ended, and must be renewed before requests continue. What waits for a
 *   token waits until then, so that uploads survive it.
 */
export type SessionState = "out" | "in" | "ended";

export interface SessionOptions {
  /** Address of the page, as the sign-in page sends people back to it. */
  readonly page: string;
  /** Storage of the tab. */
  readonly storage: Storage;
  /** Shared by all tabs of this browser. */
  readonly locks: LockManager;
  /** Leaves the page for another address. */
  readonly leave: (url: string) => void;
}

/** Messages between tabs. */
type Message =
  | { readonly kind: "signed out" }
  /** The refresh token `used` is used up; `user` is what it brought. */
  | { readonly kind: "renewed"; readonly used: string; readonly user: string }
  /** Who has used it up? */
  | { readonly kind: "refused"; readonly used: string };

export class Session {
  readonly #manager: UserManager;
  readonly #config: Config;
  readonly #options: SessionOptions;
  readonly #listeners = new Set<() => void>();
  // Other tabs of this browser: who signs out, signs out of all of them, and a tab that was
  // duplicated has the same refresh token as the first.
  readonly #tabs = new BroadcastChannel("wideload-session");
  /** Refresh tokens in place of which this tab got others. */
  readonly #usedUp = new Set<string>();
  #user: User | null = null;
  #state: SessionState = "out";
  #renewal: Promise<string> | null = null;
  #waiting: { resolve: (token: string) => void; reject: (reason: Error) => void }[] = [];

  constructor(config: Config, options: SessionOptions) {
    this.#config = config;
    this.#options = options;
    this.#manager = new UserManager(settings(config, options));
    this.#tabs.onmessage = ({ data }: MessageEvent<Message>) => void this.#hear(data);
  }

  /**
   * Ends a sign-in that is under way, or takes up the one from before a reload.
   *
   * Answers false in a window that was only opened to sign in, and has nothing else to show.
   * Raises what the sign-in page said was wrong.
   */
  async open(address: string): Promise<boolean> {
    const answer = new URL(address).searchParams;
    if (answer.has("state") && (answer.has("code") || answer.has("error"))) {
      const started = await this.#manager.settings.stateStore.get(answer.get("state") ?? "");
      if (started === null) {
        // Begun by another window, which alone can check it: hand the answer over.
        await this.#manager.signinPopupCallback(address);
        return false;
      }
      this.#enter(await this.#manager.signinRedirectCallback(address));
      return true;
    }
    void this.#manager.clearStaleState();
    const user = await this.#manager.getUser();
    if (user?.refresh_token) {
      this.#user = user;
      try {
        await this.#renew();
      } catch (error) {
        // Without a network the page still opens, and tries again with the first request.
        if (!isFinal(error)) this.#change("in");
        else await this.#forget();
      }
    }
    return true;
  }

  get state(): SessionState {
    return this.#state;
  }

  /** Name to show for the person: the e-mail address, if the issuer provides it. */
  get person(): string {
    const profile = this.#user?.profile;
    return profile?.email ?? profile?.preferred_username ?? profile?.sub ?? "";
  }

  /** Calls back after each change of `state`; the answer unsubscribes. */
  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** The access token to send; renewed when it is old, or was `rejected`. */
  readonly token = async (context?: { readonly rejected: string }): Promise<string> => {
    const user = this.#user;
    if (this.#state === "ended") return this.#next();
    if (user === null) throw new Error("Not signed in.");
    const fresh = user.access_token && (user.expires_in ?? MARGIN + 1) > MARGIN;
    if (fresh && user.access_token !== context?.rejected) return user.access_token;
    try {
      return await this.#renew();
    } catch (error) {
      if (!isFinal(error)) throw error;
      if (this.#user === user) this.#change("ended");
      return this.#next();
    }
  };

  /** Leaves for the sign-in page. */
  async signIn(): Promise<void> {
    await this.#manager.signinRedirect();
  }

  /** Signs the same person in again in a window of its own; all that waits then goes on. */
  async signInAgain(): Promise<void> {
    const before = this.#user?.profile.sub;
    const user = await this.#manager.signinPopup();
    if (before !== undefined && user.profile.sub !== before) {
      // Uploads of one person must not end among the files of another.
      await this.signOut();
      return;
    }
    this.#enter(user);
  }

  /** Revokes what lets tokens be renewed, then leaves for the end of the sign-in page's session. */
  async signOut(): Promise<void> {
    const refreshToken = this.#user?.refresh_token;
    this.#tell({ kind: "signed out" });
    if (refreshToken) void this.#revoke(refreshToken);
    await this.#forget();
    const end = this.#config.end_session_endpoint;
    if (end === undefined) return;
    // `logout_uri` is Cognito's name for what OpenID Connect calls `post_logout_redirect_uri`.
    const url = new URL(end);
    url.searchParams.set("client_id", this.#config.client_id);
    url.searchParams.set("logout_uri", this.#options.page);
    url.searchParams.set("post_logout_redirect_uri", this.#options.page);
    this.#options.leave(url.href);
  }

  /** Stops listening to other tabs. */
  close(): void {
    this.#tabs.close();
  }

  #renew(): Promise<string> {
    // Requests at the same time share one renewal.
    this.#renewal ??= this.#renewOnce().finally(() => {
      this.#renewal = null;
    });
    return this.#renewal;
  }

  /** One tab at a time, since a refresh token that rotates is taken once. */
  async #renewOnce(): Promise<string> {
    const used = this.#user?.refresh_token;
    if (!used) throw new SignInEnded();
    return this.#options.locks.request(RENEWING, async () => {
      // Signed out, or renewed by another tab, while this one waited.
      if (!this.#user) throw new SignInEnded();
      if (this.#user.refresh_token !== used) return this.#user.access_token;
      try {
        await this.#manager.signinSilent();
      } catch (error) {
        if (!isFinal(error)) throw error;
        return this.#ask(used, error);
      }
      const user = await this.#manager.getUser();
      if (user === null) throw new SignInEnded();
      this.#enter(user);
      if (user.refresh_token !== used) {
        this.#usedUp.add(used);
        this.#pass(used);
        // Other tabs need time to take the new token before one of them gets the lock.
        await new Promise((resolve) => setTimeout(resolve, HEARD_MS));
      }
      return user.access_token;
    });
  }

  /** The token that another tab got for a refresh token that this one was refused. */
  #ask(used: string, refusal: unknown): Promise<string> {
    const next = this.#next();
    this.#tell({ kind: "refused", used });
    return Promise.race([
      next,
      new Promise<never>((_, reject) => setTimeout(() => reject(refusal), ANSWER_MS)),
    ]);
  }

  async #hear(message: Message): Promise<void> {
    if (message.kind === "signed out") return this.#forget();
    if (message.kind === "refused") return this.#pass(message.used);
    if (this.#user?.refresh_token !== message.used) return;
    this.#usedUp.add(message.used);
    const user = User.fromStorageString(message.user);
    await this.#manager.storeUser(user);
    this.#enter(user);
  }

  /** Hands what came of a refresh token that is used up to the tabs that still have it. */
  #pass(used: string): void {
    if (!this.#user || !this.#usedUp.has(used)) return;
    this.#tell({ kind: "renewed", used, user: this.#user.toStorageString() });
  }

  #tell(message: Message): void {
    this.#tabs.postMessage(message);
  }

  #enter(user: User): void {
    this.#user = user;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const { resolve } of waiting) resolve(user.access_token);
    this.#change("in");
  }

  async #forget(): Promise<void> {
    this.#user = null;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const { reject } of waiting) reject(new SignInEnded());
    await this.#manager.removeUser();
    this.#change("out");
  }

  #next(): Promise<string> {
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }));
  }

  #change(state: SessionState): void {
    if (this.#state === state) return;
    this.#state = state;
    for (const listener of this.#listeners) listener();
  }

  /** As well as can be: signing out must not fail because the network does. */
  async #revoke(token: string): Promise<void> {
    try {
      const endpoint = await this.#revocationEndpoint();
      if (endpoint === undefined) return;
      await fetch(endpoint, {
        method: "POST",
        body: new URLSearchParams({ token, client_id: this.#config.client_id }),
        // Few issuers let a page read the answer, and there is nothing in it to read.
        mode: "no-cors",
        // The page is left meanwhile.
        keepalive: true,
      });
    } catch {
      // The token ends by itself.
    }
  }

  async #revocationEndpoint(): Promise<string | undefined> {
    const { cognito_endpoint, token_endpoint } = this.#config;
    // https://docs.aws.amazon.com/cognito/latest/developerguide/revocation-endpoint.html
    if (cognito_endpoint !== undefined) return token_endpoint?.replace(/token$/, "revoke");
    return this.#manager.metadataService.getRevocationEndpoint();
  }
}

/** The sign-in can't be renewed. */
export class SignInEnded extends Error {
  constructor() {
    super(words.errors.signInEnded);
  }
}

const PASSING = new Set<string | null>(["server_error", "temporarily_unavailable"]);

/** Whether the issuer has said no, in contrast to no answer or a failure of its own. */
function isFinal(error: unknown): boolean {
  return error instanceof ErrorResponse ? !PASSING.has(error.error) : error instanceof SignInEnded;
}

function settings(config: Config, options: SessionOptions): UserManagerSettings {
  const endpoints = {
    authorization_endpoint: config.authorization_endpoint,
    token_endpoint: config.token_endpoint,
    end_session_endpoint: config.end_session_endpoint,
  };
  const known = config.authorization_endpoint !== undefined && config.token_endpoint !== undefined;
  return {
    authority: config.issuer,
    client_id: config.client_id,
    redirect_uri: options.page,
    scope: (config.scopes ?? ["openid", "email"]).join(" "),
    ...(known ? { metadata: { issuer: config.issuer, ...endpoints } as never } : {}),
    userStore: new TokenStore(options.storage),
    stateStore: new WebStorageStateStore({ store: options.storage, prefix: "sign-in." }),
    // Renewed when a token is needed, not by a clock that sleeps with the tab.
    automaticSilentRenew: false,
    requestTimeoutInSeconds: 20,
  };
}
