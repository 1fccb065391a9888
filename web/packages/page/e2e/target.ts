/** What the tests run against: a deployment (WIDELOAD_OUTPUTS), else the fake cloud. */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

export interface Person {
  readonly username: string;
  readonly password: string;
}

export interface Target {
  /** Address of the page. */
  readonly url: string;
  readonly people: readonly [Person, Person];
  /** The fake cloud's switches; undefined on a deployment. */
  readonly control?: (wish: Record<string, unknown>) => Promise<void>;
  stop(): void;
}

/** Folder for screenshots; undefined: none are taken, as each costs half a second. */
export const SHOTS = process.env.WIDELOAD_SCREENSHOTS;
if (SHOTS !== undefined) mkdirSync(SHOTS, { recursive: true });

export async function findTarget(): Promise<Target> {
  const outputs = process.env.WIDELOAD_OUTPUTS;
  if (outputs === undefined) return startFake();
  const { web, files } = JSON.parse(readFileSync(outputs, "utf8"));
  return { url: web.url.replace(/\/?$/, "/"), people: files.users, stop() {} };
}

/** `page`: the folder to serve. Default: the page that was built. */
export async function startFake(page?: string): Promise<Target> {
  const script = fileURLToPath(new URL("../dev/serve.ts", import.meta.url));
  const server = spawn(process.execPath, [script], {
    env: { ...process.env, PORT: "0", ...(page === undefined ? {} : { PAGE: page }) },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [said] = await once(server.stdout, "data");
  const url = String(said).split("\n")[0] ?? "";
  return {
    url,
    people: [
      { username: "ann@example.com", password: "Ann's password 1" },
      { username: "ben@example.com", password: "Ben's password 1" },
    ],
    async control(wish) {
      await fetch(`${url}cloud/_control`, { method: "POST", body: JSON.stringify(wish) });
    },
    stop() {
      server.kill();
    },
  };
}
