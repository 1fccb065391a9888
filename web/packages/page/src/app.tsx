import { type FileInfo, FilesApi, type Folder } from "@wideload/uploader";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import type { Config } from "./config.js";
import { Dialog } from "./dialog.js";
import { startDownload } from "./download.js";
import { explain } from "./explain.js";
import { Folders } from "./folders.js";
import { useChanges } from "./hooks.js";
import icon from "./icon.svg";
import { Listing } from "./listing.js";
import { MyFiles } from "./my-files.js";
import { NoticeList } from "./notice-list.js";
import { Notices } from "./notices.js";
import { keepHash, Place } from "./place.js";
import { Preferences } from "./preferences.js";
import type { Session } from "./session.js";
import { anyTabUploads } from "./tabs.js";
import { UploadPanel } from "./upload-panel.js";
import type { Uploading } from "./uploading.js";
import { words } from "./words.js";
import { saveBlob, Zipping } from "./zipping.js";

interface Props {
  readonly config: Config;
  readonly session: Session;
  /** Error of the return from the sign-in page, if any. */
  readonly problem: string;
  /** Asks before the page is left, while `active` says so. */
  readonly guard: (active: () => boolean) => void;
}

export function App({ config, session, problem, guard }: Props) {
  useChanges(session);
  return (
    <>
      {session.state === "out" ? (
        <SignedOut session={session} problem={problem} />
      ) : (
        <SignedIn config={config} session={session} guard={guard} />
      )}
    </>
  );
}

function SignedOut({ session, problem }: { readonly session: Session; readonly problem: string }) {
  const [failure, setFailure] = useState(problem);
  async function signIn() {
    try {
      keepHash(window.sessionStorage, window.location.hash);
      await session.signIn();
    } catch (error) {
      reportError(error);
      setFailure(words.signIn.pageUnreachable);
    }
  }
  return (
    <main class="welcome">
      <h1>
        <Brand />
      </h1>
      <p>{words.signIn.welcome}</p>
      <p role="alert" class="problem">
        {failure}
      </p>
      <button type="button" class="button primary large" onClick={signIn}>
        {words.signIn.signIn}
      </button>
    </main>
  );
}

function SignedIn({ config, session, guard }: Omit<Props, "problem">) {
  const uploading = useRef<Uploading | null>(null);
  const [leaving, setLeaving] = useState(false);
  const { notices, api, place, folders, listing, zipping, options } = useMemo(() => {
    const connection = { apiUrl: config.api_url, token: session.token };
    const api = new FilesApi(connection);
    const notices = new Notices();
    const place = new Place(window);
    const folders = new Folders(api);
    const listing = new Listing(api);
    const zipping = new Zipping({
      api,
      notices,
      pick: window.showSaveFilePicker?.bind(window),
      save: saveBlob,
      fetch: window.fetch.bind(window),
    });
    guard(() => zipping.active || (uploading.current?.uploader.active ?? false));
    // Files go into the folder that is open when they are added.
    place.subscribe(() => {
      if (uploading.current) uploading.current.folder = place.folder;
    });
    return {
      notices,
      api,
      place,
      folders,
      listing,
      zipping,
      options: {
        uploader: connection,
        notices,
        locks: navigator.locks,
        preferences: new Preferences(() => window.localStorage),
        ifExists: "fail" as const,
        onStored: (file: FileInfo) => {
          folders.add(file.folder);
          listing.add(file);
        },
        onFolder: ({ folder }: Folder) => folders.add(folder),
      },
    };
  }, [config, session]);
  useEffect(() => () => place.close(), [place]);

  async function signOut() {
    if (await anyTabUploads(navigator.locks)) setLeaving(true);
    else await session.signOut();
  }

  return (
    <div class="frame">
      <a class="skip" href="#my-files">
        {words.files.skip}
      </a>
      <header>
        <h1>
          <Brand />
        </h1>
        <p class="person">
          <span class="unseen">{words.signIn.signedInAs} </span>
          {session.person}
        </p>
        <button type="button" class="button" onClick={signOut}>
          {words.signIn.signOut}
        </button>
      </header>
      <main>
        {session.state === "ended" && <SignInAgain session={session} />}
        <UploadPanel
          options={options}
          onReady={(started) => {
            started.folder = place.folder;
            uploading.current = started;
          }}
        />
        <MyFiles
          api={api}
          place={place}
          folders={folders}
          listing={listing}
          zipping={zipping}
          notices={notices}
          startDownload={startDownload}
        />
      </main>
      <NoticeList notices={notices} />
      {leaving && (
        <Dialog
          title={words.signIn.leavingTitle}
          action={words.signIn.signOut}
          onConfirm={() => session.signOut()}
          onClose={() => setLeaving(false)}
        >
          <p>
            {uploading.current?.uploader.active
              ? words.signIn.leavingHere
              : words.signIn.leavingElsewhere}{" "}
            {words.signIn.leavingResume}
          </p>
        </Dialog>
      )}
    </div>
  );
}

function SignInAgain({ session }: { readonly session: Session }) {
  const [failure, setFailure] = useState("");
  async function signIn() {
    try {
      await session.signInAgain();
    } catch (error) {
      setFailure(`${explain(error)} ${words.signIn.noWindow}`);
    }
  }
  return (
    <div class="ended" role="alert">
      <p>
        {words.signIn.ended}
        {failure && ` ${failure}`}
      </p>
      <button type="button" class="button primary" onClick={signIn}>
        {words.signIn.signInAgain}
      </button>
    </div>
  );
}

function Brand() {
  return (
    <span class="brand">
      <img src={icon} alt="" width="32" height="32" /> Wideload
    </span>
  );
}
