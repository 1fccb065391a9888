/** The fake cloud answers as `contract/cases/files.json` says: those cases that a browser needs. */

import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { FakeFiles } from "../../../fake-cloud/files.ts";

interface Step {
  readonly request?: { readonly method: string; readonly path: string; readonly text?: string };
  readonly response?: { readonly status: number; readonly body?: unknown };
  readonly keep?: Readonly<Record<string, string>>;
  /** Name of the action to use, with `text` as body. */
  readonly send?: string;
  readonly text?: string;
}

const CASES = [
  "one PUT, from the first request to the last",
  "an empty file",
  "a single PUT is signed again",
  "multipart, begun, resumed and aborted",
  "a large file in one pass, begun, resumed and aborted",
  "files that must be hashed first",
  "both hashes, neither, and an expected size beside the size",
];

const { cases } = JSON.parse(
  readFileSync(new URL("../../../../contract/cases/files.json", import.meta.url), "utf8"),
) as { cases: { name: string; steps: Step[] }[] };

function at(value: unknown, pointer: string): unknown {
  const names = pointer.split("/").slice(1);
  return names.reduce<unknown>((inner, name) => (inner as Record<string, unknown>)[name], value);
}

it.each(CASES)("%s", (name) => {
  const cloud = new FakeFiles("https://s3.test");
  const kept: Record<string, unknown> = {};
  const filled = (text: string) => text.replace(/<(\w+)>/g, (_, key) => String(kept[key]));
  const steps = cases.find((each) => each.name === name)?.steps ?? [];
  expect(steps).not.toEqual([]);

  for (const { request, response, keep = {}, send, text = "" } of steps) {
    if (send) {
      const { href, headers } = kept[send] as { href: string; headers: Record<string, string> };
      expect(cloud.put(href, headers, Buffer.from(text)).status).toBe(200);
    }
    // Browsers follow no redirect.
    if (!request || response?.status === 302) continue;
    const url = new URL(filled(request.path), "https://api.test");
    const body = JSON.parse(filled(request.text ?? "{}"));
    const answer = cloud.api(request.method, url, body, "ann");
    expect({ status: answer.status, body: answer.body }).toMatchObject({
      status: response?.status,
      ...(response?.body ? { body: expected(response.body, kept) } : {}),
    });
    for (const [key, pointer] of Object.entries(keep)) kept[key] = at(answer.body, pointer);
  }
});

/** The answer with `<any>` and `<id>` replaced by what they stand for. */
function expected(value: unknown, kept: Readonly<Record<string, unknown>>): unknown {
  if (value === "<any>") return expect.anything();
  if (typeof value === "string" && /^<\w+>$/.test(value)) return kept[value.slice(1, -1)];
  if (Array.isArray(value)) return value.map((item) => expected(item, kept));
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => [name, expected(inner, kept)]),
  );
}
