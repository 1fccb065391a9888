import { FilesApi } from "@wideload/uploader";
import { useMemo, useRef, useState } from "preact/hooks";
import type { Config } from "./config.js";
import { Dialog } from "./dialog.js";
import { startDownload } from "./download.js";
import { useChanges } from "./hooks.js";
import icon from "./icon.svg";
import { Listing } from "./listing.js";
import { MyFiles } from "./my-files.js";
import { NoticeList } from "./notice-list.js";
import { Notices } from "./notices.js";
import type { Session } from "./session.js";
import { anyTabUploads } from "./tabs.js";
import { UploadPanel } from "./upload-panel.js";
import type { Uploading } from "./uploading.js";
import { explain } from "./words.js";

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
      await session.signIn();
    } catch (error) {
      reportError(error);
      setFailure("The sign-in page can't be reached. Check your connection, then try again.");
    }
  }
  return (
    <main class="welcome">
      <h1>
        <Brand />
      </h1>
      <p>
        Send files of any size. They go directly from your browser to storage; an interrupted upload
        resumes where it stopped.
      </p>
      <p role="alert" class="problem">
        {failure}
      </p>
      <button type="button" class="button primary large" onClick={signIn}>
        Sign in
      </button>
    </main>
  );
}

function SignedIn({ config, session, guard }: Omit<Props, "problem">) {
  const uploading = useRef<Uploading | null>(null);
  const [leaving, setLeaving] = useState(false);
  const { notices, api, listing, options } = useMemo(() => {
    const connection = { apiUrl: config.api_url, token: session.token };
    const api = new FilesApi(connection);
    const notices = new Notices();
    const listing = new Listing(api);
    guard(() => uploading.current?.uploader.active ?? false);
    return {
      notices,
      api,
      listing,
      options: {
        uploader: connection,
        notices,
        locks: navigator.locks,
        onStored: listing.add.bind(listing),
      },
    };
  }, [config, session]);

  async function signOut() {
    if (await anyTabUploads(navigator.locks)) setLeaving(true);
    else await session.signOut();
  }

  return (
    <div class="frame">
      <a class="skip" href="#my-files">
        Skip to my files
      </a>
      <header>
        <h1>
          <Brand />
        </h1>
        <p class="person">
          <span class="unseen">Signed in as </span>
          {session.person}
        </p>
        <button type="button" class="button" onClick={signOut}>
          Sign out
        </button>
      </header>
      <main>
        {session.state === "ended" && <SignInAgain session={session} />}
        <UploadPanel
          options={options}
          onReady={(started) => {
            uploading.current = started;
          }}
        />
        <MyFiles api={api} listing={listing} notices={notices} startDownload={startDownload} />
      </main>
      <NoticeList notices={notices} />
      {leaving && (
        <Dialog
          title="Sign out while files are being sent?"
          action="Sign out"
          onConfirm={() => session.signOut()}
          onClose={() => setLeaving(false)}
        >
          <p>
            {uploading.current?.uploader.active
              ? "Uploads stop, in every tab of this browser that has this page open."
              : "Uploads in another tab of this browser stop."}{" "}
            To resume them later, sign in and drop the files again.
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
      setFailure(
        `${explain(error)} If no window opened, allow this page to open one, or sign out and in.`,
      );
    }
  }
  return (
    <div class="ended" role="alert">
      <p>
        Your sign-in has ended. Sign in again in a separate window to continue.
        {failure && ` ${failure}`}
      </p>
      <button type="button" class="button primary" onClick={signIn}>
        Sign in again
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
