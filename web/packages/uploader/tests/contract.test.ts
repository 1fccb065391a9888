/** The cases of `contract/cases/files.json`: the client makes these requests, and reads these answers. */

import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import {
  ApiError,
  type ContentHashes,
  FilesApi,
  type IfExists,
  type ListQuery,
  type NewFile,
  type PartHash,
} from "../src/index.js";
import { API_URL, FakePacing } from "./fake-cloud.js";

type Body = Record<string, unknown>;

interface Step {
  readonly request: {
    readonly method: string;
    readonly path: string;
    readonly headers: Record<string, string>;
    readonly text?: string;
  };
  readonly response: { readonly status: number; readonly body?: Body };
}

const NUMBERS = new Set(["expires_in", "size", "part_size", "part_count", "number"]);

/** `<any>` and the like as some value of the right kind. */
function filled(value: unknown, name = ""): unknown {
  if (value === "<maybe>") return null;
  if (value === "<any>") return NUMBERS.has(name) ? 7 : "any";
  if (typeof value === "string") return value.replace(/<(\w+)>/g, (_, kept) => `KEPT-${kept}`);
  if (Array.isArray(value)) return value.map((item) => filled(item, name));
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, filled(item, key)]));
}

function call(api: FilesApi, method: string, path: string, body: Body): Promise<unknown> {
  const url = new URL(path, API_URL);
  const [, , first = "", second = "", third = ""] = url.pathname.split("/");
  const { limit, ...given } = Object.fromEntries(url.searchParams);
  const query: ListQuery = { ...given, ...(limit === undefined ? {} : { limit: Number(limit) }) };
  const ids = body["file_ids"] as string[];
  const { folder, name, if_exists } = body as Record<string, string>;
  const ifExists = if_exists as IfExists | undefined;
  if (url.pathname === "/sign-in") return api.signIn();
  if (first === "check") return api.check(body["files"] as { sha256: string; size: number }[]);
  if (first === "uploads" && second === "") return api.uploads(query);
  if (first === "uploads") {
    if (third === "parts") return api.signParts(second, body["parts"] as PartHash[]);
    if (third === "complete") return api.complete(second, undefined, contentOf(body));
    return method === "GET" ? api.session(second) : api.abort(second);
  }
  if (first === "move") return api.moveFiles(ids, folder ?? "", ifExists);
  if (first === "delete") return api.deleteFiles(ids);
  if (first === "folders") {
    if (method === "GET") return api.folders(query);
    if (method === "DELETE") return api.deleteFolder(query.folder ?? "");
    if (method === "PATCH") return api.moveFolder(folder ?? "", String(body["to"]));
    return api.createFolder(folder ?? "");
  }
  if (first === "") return method === "GET" ? api.list(query) : api.create(newFiles(body));
  if (second === "download") return api.download(first);
  if (method === "PATCH")
    return api.update(first, {
      ...(name === undefined ? {} : { name }),
      ...(folder === undefined ? {} : { folder }),
      ...(ifExists === undefined ? {} : { ifExists }),
    });
  return method === "GET" ? api.get(first) : api.delete(first);
}

function newFiles(body: Body): NewFile[] {
  return (body["files"] as Body[]).map((wanted) => {
    const { content_type, first_sha256, modified_at, if_exists, ...file } = wanted;
    return {
      ...file,
      ...(content_type === undefined ? {} : { contentType: content_type }),
      ...(first_sha256 === undefined ? {} : { firstSha256: first_sha256 }),
      ...(modified_at === undefined ? {} : { modifiedAt: modified_at }),
      ...(if_exists === undefined ? {} : { ifExists: if_exists }),
    } as unknown as NewFile;
  });
}

function contentOf({ sha256, parts_sha256 }: Body): ContentHashes | undefined {
  if (sha256 === undefined) return undefined;
  return { sha256: String(sha256), partsSha256: String(parts_sha256) };
}

/** The client's result, in the API's names. */
function inWords(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(inWords);
  if (value instanceof Map)
    return { parts: [...value].map(([number, action]) => ({ number, action: inWords(action) })) };
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [
      key.replace(/(?<=[a-z\d])[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
      key === "headers" || key === "metadata" ? item : inWords(item),
    ]),
  );
}

/** Whether every member of the answer is there with its value; the client may add to them. */
function agrees(answer: unknown, words: unknown): void {
  if (answer === null || typeof answer !== "object") {
    expect(words).toEqual(answer);
    return;
  }
  for (const [name, value] of Object.entries(answer)) agrees(value, (words as Body)[name]);
}

/** Requests that the types don't allow, also those of streams, whose size isn't known. */
function isForeign({ request }: Step): boolean {
  if (!request.text) return false;
  try {
    const body = JSON.parse(request.text) as Body;
    if (request.method === "PATCH" && !request.path.startsWith("/files/folders"))
      return typeof (body["name"] ?? body["folder"]) !== "string";
    if (["/files/folders", "/files/move", "/files/delete"].includes(request.path))
      return [body["folder"] ?? "", body["to"] ?? ""].some((path) => typeof path !== "string");
    if (request.path.endsWith("/complete"))
      return !("parts_sha256" in body) || body["size"] !== undefined;
    const wanted = body["files"] ?? body["parts"];
    if (!Array.isArray(wanted)) return true;
    if ("parts" in body) return wanted.some((each) => !("sha256" in each) || "size" in each);
    return wanted.some(
      (each) =>
        !("size" in each) ||
        "sha256" in each === "first_sha256" in each ||
        "expected_size" in each ||
        typeof (each["sha256"] ?? "") !== "string",
    );
  } catch {
    return true;
  }
}

const { cases } = JSON.parse(
  readFileSync(new URL("../../../../contract/cases/files.json", import.meta.url), "utf8"),
) as { cases: { name: string; steps: (Step | { send: string })[] }[] };

const steps = cases.flatMap(({ name, steps: all }) =>
  all.flatMap((step, index) =>
    // Only other clients ask for a redirect.
    "request" in step && !isForeign(step) && step.response.status !== 302
      ? [{ title: `${name}, step ${index + 1}`, step }]
      : [],
  ),
);

it("has cases of every route", () => {
  const routes = steps.map(({ step: { request } }) => {
    const route = request.path.replace(/\?.*/, "").replace(/(<\w+>|01\w{24})/, "{id}");
    return `${request.method} ${route}`;
  });

  expect(new Set(routes).size).toBeGreaterThanOrEqual(14);
});

describe("a case of the contract", () => {
  it.each(steps)("$title", async ({ step: { request, response } }) => {
    const wanted = request.text ? (filled(JSON.parse(request.text)) as Body) : null;
    const path = String(filled(request.path));
    const answer = filled(response.body ?? {}) as Body;
    const made: { method: string; path: string; body: Body | null }[] = [];
    const send: typeof fetch = async (input, init = {}) => {
      const body = init.body ? (JSON.parse(String(init.body)) as Body) : null;
      made.push({ method: init.method ?? "", path: String(input).replace(API_URL, ""), body });
      const text = response.body ? JSON.stringify(answer) : null;
      return new Response(text, { status: response.status });
    };
    const api = new FilesApi({
      apiUrl: API_URL,
      token: () => "t",
      fetch: send,
      pacing: new FakePacing(),
    });

    const outcome = await call(api, request.method, path, wanted ?? {}).catch(
      (error: unknown) => error,
    );

    expect(made).toEqual([{ method: request.method, path, body: wanted }]);
    if (response.status < 400) {
      expect(outcome).not.toBeInstanceOf(Error);
      if (!response.body) return;
      const words = inWords(outcome);
      if (path === "/files/check")
        agrees(
          answer["files"],
          (words as unknown[]).map((file) =>
            file ? { duplicate: true, file } : { duplicate: false },
          ),
        );
      else if (Array.isArray(outcome))
        expect(outcome.map(kindOf)).toEqual((answer["files"] as Body[]).map(kindIn));
      else if (path.startsWith("/files/folders") && "folder" in answer)
        agrees(answer, { folder: words });
      else
        agrees(
          // The client picks one of several files.
          { ...answer, ...("files" in answer ? { files: undefined } : {}) },
          "file" in answer && !("file" in (words as Body)) ? { file: words } : words,
        );
    } else if (Array.isArray(outcome)) {
      expect(outcome.map(kindOf)).toEqual((answer["files"] as Body[]).map(kindIn));
    } else {
      expect(outcome).toBeInstanceOf(ApiError);
      expect(outcome).toMatchObject({
        status: response.status,
        code: answer["code"],
        requestId: "any",
      });
    }
  });
});

function kindOf(created: { kind: string; action?: unknown }): string {
  return created.kind === "single" && !created.action ? "held" : created.kind;
}

function kindIn(created: Body): string {
  if ("error" in created) return "refused";
  if (created["duplicate"]) return "duplicate";
  if (created["skipped"]) return "skipped";
  if (created["deleted"]) return "deleted";
  if ("file" in created) return "moved";
  if (created["hash_first"]) return "hash_first";
  if ("parts" in created) return "multipart";
  return "action" in created ? "single" : "held";
}
