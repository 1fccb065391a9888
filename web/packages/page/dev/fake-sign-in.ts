/** Stands for Cognito's sign-in page and token endpoint: code with PKCE, renewal, revocation. */

import { createHash, randomUUID } from "node:crypto";
import type { Answer } from "../../../fake-cloud/files.ts";
import type { Exchange } from "./exchange.ts";

export interface Person {
  readonly username: string;
  readonly password: string;
}

interface Code {
  readonly person: Person;
  readonly challenge: string;
  readonly redirectUri: string;
  readonly nonce: string;
}

const CLIENT_ID = "page";

export class FakeSignIn {
  /** Life of the next access tokens, in seconds. */
  tokenSeconds = 3600;
  /** Whether each renewal brings another refresh token, in place of the one that it took. */
  rotates = true;
  /** How often a refresh token was used that had been rotated out: no grace period here. */
  reused = 0;
  readonly #people: readonly Person[];
  readonly #rotatedOut = new Set<string>();
  readonly #codes = new Map<string, Code>();
  readonly #refresh = new Map<string, Person>();
  readonly #access = new Map<string, { person: Person; end: number }>();

  constructor(people: readonly Person[]) {
    this.#people = people;
  }

  config(base: string): Record<string, unknown> {
    return {
      issuer: `${base}/pool`,
      client_id: CLIENT_ID,
      scopes: ["openid", "email"],
      authorization_endpoint: `${base}/oauth2/authorize`,
      token_endpoint: `${base}/oauth2/token`,
      end_session_endpoint: `${base}/logout`,
      cognito_endpoint: `${base}/cognito`,
    };
  }

  /** Whose token it is; undefined if it is none of ours, or too old. */
  owner(authorization: string | undefined): string | undefined {
    const known = this.#access.get(authorization?.replace(/^Bearer /, "") ?? "");
    return known && known.end > Date.now() ? known.person.username : undefined;
  }

  /** How many people's sign-ins can be renewed. */
  get renewable(): number {
    return this.#refresh.size;
  }

  /** Tokens without the ceremony. */
  issue(username: string): Record<string, unknown> {
    const person = this.#people.find((known) => known.username === username);
    return person ? this.#issue(person, "") : {};
  }

  /** Ends all sessions, as an administrator can. */
  revokeAll(): void {
    this.#refresh.clear();
    this.#access.clear();
  }

  async answer(exchange: Exchange): Promise<Answer | undefined> {
    switch (`${exchange.method} ${exchange.url.pathname}`) {
      case "GET /oauth2/authorize":
        return form(exchange.url.searchParams, "");
      case "POST /login":
        return this.#login(await exchange.form());
      case "POST /oauth2/token":
        return this.#token(await exchange.form());
      case "GET /logout":
        return {
          status: 302,
          headers: { Location: exchange.url.searchParams.get("logout_uri") ?? "" },
        };
      case "POST /oauth2/revoke":
        this.#refresh.delete((await exchange.form()).get("token") ?? "");
        return { status: 200 };
      default:
        return undefined;
    }
  }

  #login(answers: URLSearchParams): Answer {
    const person = this.#people.find(
      ({ username, password }) =>
        username === answers.get("username") && password === answers.get("password"),
    );
    if (!person) return form(answers, "Incorrect username or password.");
    const code = randomUUID();
    const redirectUri = answers.get("redirect_uri") ?? "";
    this.#codes.set(code, {
      person,
      redirectUri,
      challenge: answers.get("code_challenge") ?? "",
      nonce: answers.get("nonce") ?? "",
    });
    const target = new URL(redirectUri);
    target.searchParams.set("code", code);
    target.searchParams.set("state", answers.get("state") ?? "");
    return { status: 302, headers: { Location: target.href } };
  }

  #token(form: URLSearchParams): Answer {
    const refused: Answer = { status: 400, body: { error: "invalid_grant" } };
    if (form.get("client_id") !== CLIENT_ID) return refused;
    if (form.get("grant_type") === "refresh_token") {
      const used = form.get("refresh_token") ?? "";
      const person = this.#refresh.get(used);
      if (this.#rotatedOut.has(used)) this.reused += 1;
      if (!person) return refused;
      if (!this.rotates) return { status: 200, body: this.#issue(person, "") };
      this.#refresh.delete(used);
      this.#rotatedOut.add(used);
      return { status: 200, body: this.#withRefreshToken(person, "") };
    }
    const code = this.#codes.get(form.get("code") ?? "");
    this.#codes.delete(form.get("code") ?? "");
    const verifier = createHash("sha256")
      .update(form.get("code_verifier") ?? "")
      .digest("base64url");
    if (!code || verifier !== code.challenge || form.get("redirect_uri") !== code.redirectUri) {
      return refused;
    }
    return { status: 200, body: this.#withRefreshToken(code.person, code.nonce) };
  }

  #withRefreshToken(person: Person, nonce: string): Record<string, unknown> {
    const refresh_token = randomUUID();
    this.#refresh.set(refresh_token, person);
    return { ...this.#issue(person, nonce), refresh_token };
  }

  #issue(person: Person, nonce: string): Record<string, unknown> {
    const access_token = randomUUID();
    this.#access.set(access_token, { person, end: Date.now() + this.tokenSeconds * 1000 });
    const now = Math.floor(Date.now() / 1000);
    const claims = {
      sub: `sub-${person.username}`,
      email: person.username,
      aud: CLIENT_ID,
      iat: now,
      exp: now + this.tokenSeconds,
      ...(nonce ? { nonce } : {}),
    };
    const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");
    return {
      access_token,
      id_token: `${part({ alg: "none" })}.${part(claims)}.none`,
      token_type: "Bearer",
      expires_in: this.tokenSeconds,
    };
  }
}

/** With the names and ids of the embedded cloud's form, so that one test can fill in either. */
function form(answers: URLSearchParams, error: string): Answer {
  const hidden = [...answers]
    .filter(([name]) => name !== "username" && name !== "password")
    .map(
      ([name, value]) =>
        `<input type="hidden" name="${attribute(name)}" value="${attribute(value)}">`,
    );
  return {
    status: 200,
    headers: { "Content-Type": "text/html; charset=utf-8" },
    body: `<!doctype html><html lang="en"><title>Sign in</title><form method="post" action="/cloud/login">
      ${hidden.join("")}<div class="error">${attribute(error)}</div>
      <label for="username">E-mail</label><input id="username" name="username">
      <label for="password">Password</label><input id="password" name="password" type="password">
      <button type="submit">Sign in</button></form></html>`,
  };
}

function attribute(text: string): string {
  return text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);
}
