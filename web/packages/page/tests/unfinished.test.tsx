/** Unfinished uploads: the list, over the uploader and the fake cloud. */

import { type Upload, Uploader } from "@wideload/uploader";
import { inlineHasher } from "@wideload/uploader/hash";
import { render } from "preact";
import { act } from "preact/test-utils";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { sha256Hex } from "../../../fake-cloud/files.js";
import { API_URL, FakeCloud, problem } from "../../uploader/tests/fake-cloud.js";
import { Notices } from "../src/notices.js";
import { Unfinished } from "../src/unfinished.js";
import { UnfinishedList } from "../src/unfinished-list.js";

let root: HTMLElement;
let cloud: FakeCloud;
let uploader: Uploader;
let unfinished: Unfinished;
let notices: Notices;

/** As after a reload: another tab has begun the uploads. */
beforeEach(async () => {
  root = document.createElement("div");
  document.body.append(root);
  cloud = new FakeCloud();
  begin("film.mov", "2026/raw");
  begin("سيرة.pdf", "");
  uploader = new Uploader({
    apiUrl: API_URL,
    token: () => "token",
    fetch: cloud.fetch,
    transport: cloud.transport,
    hasher: inlineHasher(),
  });
  unfinished = new Unfinished(uploader);
  notices = new Notices();
  await unfinished.load();
  await act(async () => render(<UnfinishedList unfinished={unfinished} notices={notices} />, root));
});

afterEach(() => {
  uploader.close();
  render(null, root);
  root.remove();
});

const CONTENT = new Blob(["hello, files"]);
function begin(name: string, folder: string) {
  const wanted = {
    name,
    folder,
    size: CONTENT.size + name.length,
    sha256: sha256Hex(Buffer.from(name)),
  };
  cloud.api("POST", new URL(`${API_URL}/files`), { files: [wanted] }, "ann");
}

const text = () => (root.textContent ?? "").replace(/\s+/g, " ");

async function press(label: string): Promise<void> {
  const buttons = [...root.querySelectorAll("button")];
  const button = buttons.filter(({ textContent }) => textContent === label).at(-1);
  if (!button) throw new Error(`No button "${label}" in ${text()}`);
  await act(async () => button.click());
}

/** Until all that was begun has been answered. */
async function settled(holds: () => boolean): Promise<void> {
  for (const end = Date.now() + 60_000; !holds(); ) {
    if (Date.now() > end) throw new Error("It took over a minute.");
    await act(async () => void (await new Promise((resolve) => setTimeout(resolve, 1))));
  }
}

test("uploads of before are listed with folder, size and what to do", () => {
  expect(text()).toContain("2 unfinished uploads");
  expect(text()).toContain("Drop a file again to go on where its upload stopped.");
  expect(text()).toMatch(/2026\/raw\/film\.mov *20 bytes *22 Nov 2026, \d\d:\d\d *Discard/);
  expect([...root.querySelectorAll("bdi")].at(0)?.textContent).toBe("سيرة.pdf");
});

test("one is discarded after a question, and the list goes with the last", async () => {
  await press("Discard film.mov");
  expect(root.querySelector("dialog")?.textContent).toContain(
    "The parts of film.mov that were sent",
  );
  await press("Discard");
  await settled(() => unfinished.items.length === 1);

  await settled(() => !text().includes("film.mov"));
  expect([...cloud.sessions.values()].map(({ state }) => state)).toEqual(["aborted", "open"]);
  expect(notices.current.at(-1)?.text).toBe("The upload of film.mov is discarded.");
  await press("Discard سيرة.pdf");
  await press("Discard");
  await settled(() => unfinished.items.length === 0);
  expect(root.querySelector("section")).toBeNull();
});

test("one that can't be discarded stays, and the question says why", async () => {
  cloud.apiFault = () => problem(400, "invalid_request", { detail: "It is refused." });

  await press("Discard film.mov");
  await press("Discard");
  await settled(() => text().includes("It is refused."));

  expect(unfinished.items).toHaveLength(2);
});

test("a list that can't be read says why, and is read again by a button", async () => {
  cloud.apiFault = () => problem(400, "invalid_request", { detail: "It is refused." });
  await act(() => unfinished.load());
  expect(text()).toContain("Unfinished uploads can't be listed. It is refused.");
  expect(unfinished.items).toHaveLength(2);
  cloud.apiFault = () => undefined;

  await press("Try again");
  await settled(() => unfinished.error === null);

  expect(text()).not.toContain("can't be listed");
  expect(text()).toContain("2 unfinished uploads");
});

test("one that another tab has finished is taken off the list", async () => {
  cloud.apiFault = () => problem(409, "upload_completed");

  await unfinished.discard(unfinished.items[0]?.uploadId ?? "");

  expect(unfinished.items.map(({ name }) => name)).toEqual(["film.mov"]);
});

test("an upload that is being completed is not unfinished", async () => {
  const page = await cloud.api("GET", new URL(`${API_URL}/files/uploads`), {}, "ann");
  const { items } = page.body as { items: Record<string, unknown>[] };
  Object.assign(items[0] ?? {}, { state: "completing" });
  cloud.apiFault = () => new Response(JSON.stringify({ items, cursor: null }));

  await unfinished.load();

  expect(unfinished.items).toHaveLength(1);
});

test("one goes off the list when its file is added again, which goes on in its folder", async () => {
  const upload = uploader.upload(CONTENT, { name: "again.txt", folder: "x" });
  await upload.done;
  expect(unfinished.items).toHaveLength(2);

  const [other] = [...cloud.sessions.values()];
  cloud.apiFault = (method, path) =>
    method === "POST" && path === "/files"
      ? new Response(
          JSON.stringify({
            files: [{ upload_id: other?.uploadId, expires_at: "2026-11-29T00:00:00Z" }],
          }),
        )
      : undefined;
  uploader.upload(new Blob(["other content"]), { name: "film.mov" }).done.catch(() => {});
  await settled(() => unfinished.items.length === 1);

  expect(text()).not.toContain("film.mov");
});

test("what this page sends now is not unfinished", async () => {
  const [one] = unfinished.items;
  const sent = vi.spyOn(uploader, "uploads", "get");
  sent.mockReturnValue([{ uploadId: one?.uploadId } as Upload]);

  await unfinished.load();
  sent.mockRestore();

  expect(unfinished.items).toHaveLength(1);
});

test("the folder of an unfinished upload is known by name and size, if there is but one", async () => {
  const size = CONTENT.size + "film.mov".length;
  expect(unfinished.folderOf("film.mov", size)).toBe("2026/raw");
  expect(unfinished.folderOf("film.mov", size + 1)).toBeUndefined();
  expect(unfinished.folderOf("other.mov", size)).toBeUndefined();

  cloud.api(
    "POST",
    new URL(`${API_URL}/files`),
    { files: [{ name: "film.mov", folder: "y", size, sha256: "0".repeat(64) }] },
    "ann",
  );
  await unfinished.load();

  expect(unfinished.folderOf("film.mov", size)).toBeUndefined();
});
