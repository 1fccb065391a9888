/** Payload ingest over AWS in memory, by the functions' own code: `tests/fake_aws/serve.py`. */

import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { createInterface, type Interface } from "node:readline";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../../../..", import.meta.url));
const PYTHON = `${ROOT}.venv/bin/python`;

export interface Fault {
  /** Beginning of "METHOD /path" of the request that meets it. */
  readonly what: string;
  /** 0 drops the connection. */
  readonly status: number;
  /** Do first what was asked. */
  readonly after?: boolean;
  /** Let half of the answer through. */
  readonly half?: boolean;
}

export class Service {
  readonly apiUrl: string;
  readonly apiKey: string;
  readonly #process: ChildProcess;
  readonly #lines: AsyncIterator<string>;

  private constructor(
    process: ChildProcess,
    lines: AsyncIterator<string>,
    options: { apiUrl: string; apiKey: string },
  ) {
    this.#process = process;
    this.#lines = lines;
    this.apiUrl = options.apiUrl;
    this.apiKey = options.apiKey;
  }

  /** @param origin - Whose pages are let in. */
  static async start(origin: string): Promise<Service> {
    if (!existsSync(PYTHON)) throw new Error("These tests need Python: run `make setup` first.");
    const child = spawn(PYTHON, ["-m", "tests.fake_aws.serve", origin], {
      cwd: ROOT,
      env: { ...process.env, PYTHONPATH: "lambda_src" },
      stdio: ["pipe", "pipe", "inherit"],
    });
    const lines = linesOf(createInterface(child.stdout));
    const { value } = await lines.next();
    return new Service(child, lines, JSON.parse(value ?? "null"));
  }

  async fail(fault: Fault): Promise<void> {
    this.#process.stdin?.write(`${JSON.stringify(fault)}\n`);
    await this.#lines.next();
  }

  async stop(): Promise<void> {
    const ended = new Promise((resolve) => this.#process.once("exit", resolve));
    this.#process.stdin?.end();
    await ended;
  }
}

function linesOf(reader: Interface): AsyncIterator<string> {
  return reader[Symbol.asyncIterator]();
}
