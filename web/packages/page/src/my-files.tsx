import type { FileOrder, FilesApi } from "@wideload/uploader";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { ConflictDialog } from "./conflict-dialog.js";
import type { Conflict, Resolution } from "./conflicts.js";
import { Crumbs } from "./crumbs.js";
import { DeleteDialog } from "./delete-dialog.js";
import { explain } from "./explain.js";
import { FileActions } from "./file-actions.js";
import { FileList } from "./file-list.js";
import type { RowAction } from "./file-row.js";
import { FolderTree } from "./folder-tree.js";
import type { Branch, Folders } from "./folders.js";
import { useChanges } from "./hooks.js";
import type { Listing } from "./listing.js";
import { MoveDialog } from "./move-dialog.js";
import { NameDialog } from "./name-dialog.js";
import type { Notices } from "./notices.js";
import { joined, lastOf } from "./paths.js";
import { hashOf, type Place } from "./place.js";
import { isFile, keyOf, type Row } from "./rows.js";
import { Search } from "./search.js";
import { Selection } from "./selection.js";
import { type BulkAction, SelectionBar } from "./selection-bar.js";
import { words } from "./words.js";
import { ZipProgress } from "./zip-progress.js";
import type { Zipping } from "./zipping.js";

interface Props {
  readonly api: FilesApi;
  readonly place: Place;
  readonly folders: Folders;
  readonly listing: Listing;
  readonly zipping: Zipping;
  readonly notices: Notices;
  /** See `startDownload`. */
  readonly startDownload: (url: string, onRefused: () => void) => void;
}

type Asked =
  | { readonly kind: "rename"; readonly row: Row }
  | { readonly kind: "move" | "delete"; readonly rows: readonly Row[] }
  | { readonly kind: "new folder" }
  | {
      readonly kind: "conflicts";
      readonly rows: readonly Row[];
      readonly to: string;
      readonly conflicts: readonly Conflict[];
    };

interface Searched {
  readonly text: string;
  readonly everywhere: boolean;
}

const NO_ROWS: readonly Row[] = [];

export function MyFiles({ api, place, folders, listing, zipping, notices, startDownload }: Props) {
  const selection = useMemo(() => new Selection(), []);
  useChanges(place);
  useChanges(folders);
  useChanges(listing);
  useChanges(selection);
  useChanges(zipping);
  const { folder } = place;
  const [sort, setSort] = useState<FileOrder>("-created_at");
  const [searched, setSearched] = useState<Searched>({ text: "", everywhere: true });
  const [asked, setAsked] = useState<Asked | null>(null);
  const section = useRef<HTMLElement>(null);
  const heading = useRef<HTMLHeadingElement>(null);
  const opened = useRef(folder);
  /** Where rows were that are deleted or moved. */
  const removed = useRef<number | null>(null);
  const actions = useMemo(
    () => new FileActions({ api, folders, listing, selection, notices, startDownload }),
    [api, folders, listing, selection, notices, startDownload],
  );

  const searching = searched.text !== "";
  const branch = folders.branch(folder);
  const subfolders = searching ? NO_ROWS : (branch?.items ?? NO_ROWS);
  const rows = useMemo(() => [...subfolders, ...listing.items], [subfolders, listing.items]);
  const chosen = useMemo(() => {
    if (selection.size === 0) return NO_ROWS;
    if (selection.size === rows.length) return rows;
    return rows.filter((row) => selection.has(keyOf(row)));
  }, [rows, selection.keys]);

  const everywhere = searching && searched.everywhere;
  const stopSearch = () =>
    setSearched((before) => (before.text === "" ? before : { ...before, text: "" }));

  useEffect(() => {
    stopSearch();
    void folders.load(folder);
    if (opened.current !== folder) {
      // The link that was followed is gone with its list.
      focusLater(() => document.getElementById("open-folder") ?? heading.current);
    }
    opened.current = folder;
  }, [folder]);
  useEffect(() => {
    selection.clear();
    const within = everywhere ? null : folder;
    void listing.show({ folder: within, sort, search: searched.text });
  }, [folder, sort, searched.text, everywhere]);

  function act(action: RowAction, row: Row) {
    if (action === "rename") setAsked({ kind: "rename", row });
    else if (action === "move" || action === "delete") ask(action, [row]);
    else if (!isFile(row)) return;
    else if (action === "download") void actions.download(row);
    else void actions.copyHash(row);
  }

  function actOnAll(action: BulkAction) {
    const [first] = chosen;
    if (action === "copy") return first && act("copy", first);
    if (action !== "zip") return ask(action, chosen);
    const only = chosen.length === 1 && first ? first.name : lastOf(folder);
    void zipping.download(chosen, everywhere ? "" : folder, words.zip.fileName(only));
  }

  function ask(kind: "move" | "delete", of: readonly Row[]) {
    const [first] = of;
    removed.current = first ? rows.indexOf(first) : null;
    setAsked({ kind, rows: of });
  }

  async function selectAll() {
    await listing.loadAll();
    selection.set([...subfolders, ...listing.items].map(keyOf));
  }

  function press(event: KeyboardEvent) {
    const target = event.target as HTMLElement;
    if (target.closest("dialog, [role=tree], select, input:not([type=checkbox])")) return;
    const { key } = event;
    if (key.toLowerCase() === "a" && (event.ctrlKey || event.metaKey)) {
      selection.set(rows.map(keyOf));
    } else if (key === "Escape") selection.clear();
    else if (key === "Delete") {
      const index = target.closest<HTMLElement>("[data-index]")?.dataset["index"];
      const row = index === undefined ? undefined : rows[Number(index)];
      if (chosen.length > 0) ask("delete", chosen);
      else if (row) ask("delete", [row]);
    } else return;
    event.preventDefault();
  }

  function close() {
    // A dialog tells late that it is closed: the next one may be open by then.
    setAsked((current) => (current === asked ? null : current));
    const index = removed.current ?? 0;
    removed.current = null;
    // The row whose button had the focus may be gone: go on with the one that took its place.
    focusLater(() => {
      const drawn = [...(section.current?.querySelectorAll<HTMLElement>("[data-index]") ?? [])];
      const next = drawn.find((row) => Number(row.dataset["index"]) >= index) ?? drawn.at(-1);
      return next?.querySelector("button") ?? heading.current;
    });
  }

  async function move(of: readonly Row[], to: string) {
    const conflicts = await actions.move(of, to);
    if (conflicts.length > 0) setAsked({ kind: "conflicts", rows: of, to, conflicts });
  }

  function resolve(resolved: readonly Conflict[], resolution: Resolution) {
    if (asked?.kind !== "conflicts") return;
    const left = asked.conflicts.filter((conflict) => !resolved.includes(conflict));
    setAsked(left.length > 0 ? { ...asked, conflicts: left } : null);
    const ids = new Set(resolved.map(({ fileId }) => fileId));
    const files = asked.rows.filter(isFile).filter(({ fileId }) => ids.has(fileId));
    if (resolution !== "skip") void actions.resolveMove(files, asked.to, resolution);
  }

  const end = () => {
    if (listing.state === "ready" && listing.more && !listing.paused) void listing.loadMore();
  };
  return (
    <section ref={section} class="files" aria-labelledby="my-files" onKeyDown={press}>
      <nav class="sidebar" aria-label={words.folders.title}>
        <FolderTree
          folders={folders}
          current={folder}
          label={words.folders.title}
          onOpen={(path) => {
            stopSearch();
            place.open(path);
          }}
        />
      </nav>
      <div class="files-main" aria-busy={listing.state === "loading"}>
        <div class="files-top">
          <h2 id="my-files" ref={heading} tabIndex={-1}>
            {words.files.title}
          </h2>
          <button type="button" class="button" onClick={() => setAsked({ kind: "new folder" })}>
            {words.folders.new}
          </button>
          <Search
            text={searched.text}
            everywhere={searched.everywhere}
            onSearch={(text, everywhere) => setSearched({ text, everywhere })}
          />
        </div>
        {folder !== "" && <Crumbs folder={folder} onFollow={stopSearch} />}
        <p class="unseen" role="status">
          {listing.state === "ready" &&
            words.files.summary(
              listing.items.length,
              subfolders.length,
              searched.text,
              listing.more,
            )}
        </p>
        <ZipProgress zipping={zipping} />
        <SelectionBar
          rows={chosen}
          moreToSelect={listing.more && chosen.length === rows.length}
          zipping={zipping.active}
          onAction={actOnAll}
          onSelectAll={selectAll}
          onClear={() => selection.clear()}
        />
        {rows.length > 0 && (
          <FileList
            rows={rows}
            more={listing.more}
            busy={listing.state === "loading"}
            sort={searching ? null : sort}
            selection={selection}
            placed={everywhere}
            onSort={setSort}
            onAction={act}
            onEnd={end}
            onPlace={stopSearch}
          />
        )}
        <Foot folder={folder} branch={branch} listing={listing} folders={folders} />
      </div>
      {asked?.kind === "rename" && (
        <NameDialog
          title={isFile(asked.row) ? words.files.rename : words.folders.rename}
          action={words.files.rename}
          label={words.files.newName}
          name={asked.row.name}
          isFile={isFile(asked.row)}
          onName={(name) => actions.rename(asked.row, name)}
          onClose={close}
        />
      )}
      {asked?.kind === "new folder" && (
        <NameDialog
          title={words.folders.new}
          action={words.folders.make}
          label={words.folders.name}
          name=""
          isFile={false}
          onName={(name) => actions.makeFolder(joined(folder, name), name)}
          onClose={close}
        />
      )}
      {asked?.kind === "move" && (
        <MoveDialog
          folders={folders}
          rows={asked.rows}
          from={folder}
          onMove={(to) => move(asked.rows, to)}
          onClose={close}
        />
      )}
      {asked?.kind === "delete" && (
        <DeleteDialog
          api={api}
          rows={asked.rows}
          onDelete={() => actions.delete(asked.rows)}
          onClose={close}
        />
      )}
      {asked?.kind === "conflicts" && (
        <ConflictDialog
          conflicts={asked.conflicts}
          onResolve={(conflict, resolution, all) =>
            resolve(all ? asked.conflicts : [conflict], resolution)
          }
          onClose={close}
        />
      )}
    </section>
  );
}

/** Moves the focus, if it is lost when the page is drawn again. */
function focusLater(find: () => HTMLElement | null): void {
  requestAnimationFrame(() => {
    if (document.activeElement === document.body) find()?.focus();
  });
}

interface FootProps {
  readonly folder: string;
  readonly branch: Branch | undefined;
  readonly listing: Listing;
  readonly folders: Folders;
}

/** Below the list: why there is nothing, or how to go on. */
function Foot({ folder, branch, listing, folders }: FootProps) {
  const { search } = listing.view;
  if (branch?.state === "failed" && (branch.error as { code?: string }).code === "unknown_folder") {
    return (
      <div class="state" role="alert">
        <p>{words.folders.missing}</p>
        <a class="link" href={hashOf("")}>
          {words.folders.toTop}
        </a>
      </div>
    );
  }
  if (listing.state === "failed" || branch?.state === "failed") {
    return (
      <div class="state" role="alert">
        <p>{explain(listing.error ?? branch?.error)}</p>
        <button
          type="button"
          class="button"
          onClick={() => {
            if (listing.state === "failed") void listing.loadMore();
            if (branch?.state === "failed") void folders.load(folder);
          }}
        >
          {words.common.tryAgain}
        </button>
      </div>
    );
  }
  if (listing.state === "loading") return <p class="state">{words.common.loading}</p>;
  if (listing.paused) {
    return (
      <div class="state">
        {listing.items.length === 0 && <p>{words.files.noNewer(search)}</p>}
        <button type="button" class="button" onClick={() => void listing.loadMore()}>
          {search === "" ? words.files.more : words.files.searchOlder}
        </button>
      </div>
    );
  }
  if (listing.items.length > 0 || (search === "" && branch && branch.items.length > 0)) return null;
  if (search !== "") return <p class="state">{words.files.noMatch(search)}</p>;
  return <p class="state">{folder === "" ? words.files.none : words.folders.empty}</p>;
}
