import type { FileInfo, FilesApi } from "@wideload/uploader";
import { useEffect, useId, useLayoutEffect, useRef, useState } from "preact/hooks";
import { Dialog } from "./dialog.js";
import { explain } from "./explain.js";
import { type FileAction, FileRow } from "./file-row.js";
import { useChanges } from "./hooks.js";
import type { Listing } from "./listing.js";
import { Named } from "./named.js";
import type { Notices } from "./notices.js";
import { words } from "./words.js";

const TYPING_PAUSE_MS = 300;

interface Props {
  readonly api: FilesApi;
  readonly listing: Listing;
  readonly notices: Notices;
  /** See `startDownload`. */
  readonly startDownload: (url: string, onRefused: () => void) => void;
}

export function MyFiles({ api, listing, notices, startDownload }: Props) {
  useChanges(listing);
  const [asked, setAsked] = useState<{ action: FileAction; file: FileInfo } | null>(null);
  const heading = useRef<HTMLHeadingElement>(null);
  const list = useRef<HTMLUListElement>(null);
  const removed = useRef<number | null>(null);

  useEffect(() => {
    void listing.load();
  }, [listing]);

  async function download(file: FileInfo) {
    try {
      const { action } = await api.download(file.fileId);
      startDownload(action.href, () => notices.problem(words.files.downloadFailed(file.name)));
      notices.done(words.files.downloading(file.name));
    } catch (error) {
      notices.problem(words.files.downloadRefused(file.name, explain(error)));
    }
  }

  async function copy(file: FileInfo) {
    try {
      await navigator.clipboard.writeText(file.sha256);
      notices.done(words.files.hashCopied(file.name));
    } catch {
      // No permission: it can still be copied by hand.
      notices.problem(words.files.hashShown(file.name, file.sha256));
    }
  }

  function act(action: FileAction, file: FileInfo) {
    if (action === "download") void download(file);
    else if (action === "copy") void copy(file);
    else setAsked({ action, file });
  }

  async function rename(file: FileInfo, name: string) {
    if (name === file.name) return;
    listing.replace(await api.rename(file.fileId, name));
    notices.done(words.files.renamed(name));
  }

  async function remove(file: FileInfo) {
    try {
      await api.delete(file.fileId);
    } catch (error) {
      // Gone already is what was wanted.
      if ((error as { code?: string }).code !== "unknown_file") throw error;
    }
    removed.current = listing.items.findIndex((item) => item.fileId === file.fileId);
    listing.remove(file.fileId);
    notices.done(words.files.deleted(file.name));
  }

  function close() {
    // A dialog tells late that it is closed: the next one may be open by then.
    setAsked((current) => (current === asked ? null : current));
    const row = removed.current;
    removed.current = null;
    if (row === null) return;
    // The row whose button had the focus is gone: go on with the one that took its place.
    requestAnimationFrame(() => {
      const rows = list.current?.querySelectorAll<HTMLElement>("li") ?? [];
      const next = rows[Math.min(row, rows.length - 1)]?.querySelector("button");
      (next ?? heading.current)?.focus();
    });
  }

  return (
    <section class="files" aria-labelledby="my-files">
      <div class="files-top">
        <h2 id="my-files" ref={heading} tabIndex={-1}>
          {words.files.title}
        </h2>
        <Search onSearch={(text) => void listing.find(text)} />
      </div>
      <p class="unseen" role="status">
        {summary(listing)}
      </p>
      {/* biome-ignore lint/a11y/noRedundantRoles: Safari takes a list without markers for none. */}
      <ul ref={list} class="file-list" role="list" aria-busy={listing.state === "loading"}>
        {listing.items.map((file) => (
          <FileRow key={file.fileId} file={file} onAction={act} />
        ))}
      </ul>
      <Foot listing={listing} />
      {asked?.action === "rename" && (
        <RenameDialog
          file={asked.file}
          onRename={(name) => rename(asked.file, name)}
          onClose={close}
        />
      )}
      {asked?.action === "delete" && (
        <Dialog
          title={words.files.deleteTitle}
          action={words.files.delete}
          dangerous
          onConfirm={() => remove(asked.file)}
          onClose={close}
        >
          <p>
            <Named text={words.files.deleteText} name={asked.file.name} />
          </p>
        </Dialog>
      )}
    </section>
  );
}

function Search({ onSearch }: { readonly onSearch: (text: string) => void }) {
  const timer = useRef<ReturnType<typeof setTimeout>>();
  const last = useRef("");

  function search(text: string) {
    clearTimeout(timer.current);
    if (text === last.current) return;
    last.current = text;
    onSearch(text);
  }

  function type(event: Event) {
    const text = (event.currentTarget as HTMLInputElement).value.trim();
    clearTimeout(timer.current);
    timer.current = setTimeout(() => search(text), TYPING_PAUSE_MS);
  }

  function submit(event: SubmitEvent) {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    search(String(form.get("q")).trim());
  }

  return (
    <search>
      <form onSubmit={submit}>
        <label for="search" class="unseen">
          {words.files.search}
        </label>
        <input
          id="search"
          name="q"
          type="search"
          placeholder={words.files.search}
          autocomplete="off"
          maxLength={255}
          onInput={type}
        />
      </form>
    </search>
  );
}

interface RenameProps {
  readonly file: FileInfo;
  readonly onRename: (name: string) => Promise<void>;
  readonly onClose: () => void;
}

function RenameDialog({ file, onRename, onClose }: RenameProps) {
  const input = useRef<HTMLInputElement>(null);
  const id = useId();

  useLayoutEffect(() => {
    // The extension seldom changes: leave it out of what typing replaces.
    const dot = file.name.lastIndexOf(".");
    input.current?.focus();
    input.current?.setSelectionRange(0, dot > 0 ? dot : file.name.length);
  }, [file]);

  return (
    <Dialog
      title={words.files.rename}
      action={words.files.rename}
      onConfirm={(form) => onRename(String(form.get("name")).trim())}
      onClose={onClose}
    >
      <label for={id}>{words.files.newName}</label>
      <input
        id={id}
        ref={input}
        name="name"
        type="text"
        dir="auto"
        defaultValue={file.name}
        required
        maxLength={255}
        autocomplete="off"
        spellcheck={false}
      />
    </Dialog>
  );
}

function Foot({ listing }: { readonly listing: Listing }) {
  if (listing.state === "failed") {
    return (
      <div class="state" role="alert">
        <p>{explain(listing.error)}</p>
        <button type="button" class="button" onClick={() => void listing.loadMore()}>
          {words.common.tryAgain}
        </button>
      </div>
    );
  }
  if (listing.state === "loading") return <p class="state">{words.common.loading}</p>;
  if (listing.more) {
    return (
      <div class="state">
        {listing.items.length === 0 && <p>{words.files.noNewer(listing.search)}</p>}
        <button type="button" class="button" onClick={() => void listing.loadMore()}>
          {listing.search === "" ? words.files.more : words.files.searchOlder}
        </button>
      </div>
    );
  }
  if (listing.items.length > 0) return null;
  return (
    <p class="state">
      {listing.search === "" ? words.files.none : words.files.noMatch(listing.search)}
    </p>
  );
}

function summary({ state, items, more, search }: Listing): string {
  return state === "ready" ? words.files.summary(items.length, search, more) : "";
}
