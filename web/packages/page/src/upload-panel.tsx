import { useEffect, useRef, useState } from "preact/hooks";
import { Dialog } from "./dialog.js";
import { explain } from "./explain.js";
import { FailureList } from "./failure-list.js";
import { LimitSetting } from "./limit-setting.js";
import type { Notices } from "./notices.js";
import type { UploadingView } from "./progress.js";
import { showShare } from "./tabs.js";
import { UnfinishedList } from "./unfinished-list.js";
import { UploadConflicts } from "./upload-conflicts.js";
import type { Uploading, UploadingOptions } from "./uploading.js";
import { words } from "./words.js";

const REDRAW_MS = 500;

interface Props {
  readonly options: Omit<UploadingOptions, "target">;
  /** Called once uploads can be started. */
  readonly onReady: (uploading: Uploading) => void;
}

export function UploadPanel({ options, onReady }: Props) {
  const target = useRef<HTMLDivElement>(null);
  const [uploading, setUploading] = useState<Uploading | null>(null);
  const [failed, setFailed] = useState(false);

  useEffect(() => {
    let started: Uploading | undefined;
    async function start(element: HTMLElement) {
      try {
        const { startUploading } = await import("./uploading.js");
        started = startUploading({ ...options, target: element });
        setUploading(started);
        onReady(started);
      } catch (error) {
        reportError(error);
        setFailed(true);
      }
    }
    if (target.current) void start(target.current);
    // Signed out. Parts that S3 holds are kept for the next sign-in.
    return () => started?.uploader.close();
  }, []);

  return (
    <section class="upload" aria-labelledby="upload">
      <h2 id="upload" class="unseen">
        {words.common.upload}
      </h2>
      <div ref={target} class="drop" aria-busy={uploading === null && !failed}>
        {uploading === null && !failed && <p class="state">{words.common.loading}</p>}
        {failed && (
          <p class="state" role="alert">
            {words.uploads.partMissing}
          </p>
        )}
      </div>
      {uploading && (
        <>
          <UploadBar uploading={uploading} notices={options.notices} />
          <UploadConflicts conflicts={uploading.conflicts} />
          <UnfinishedList unfinished={uploading.unfinished} notices={options.notices} />
          <FailureList failures={uploading.failures} notices={options.notices} />
        </>
      )}
    </section>
  );
}

interface BarProps {
  readonly uploading: Uploading;
  readonly notices: Notices;
}

/** State of all uploads, and the buttons for all files. */
export function UploadBar({ uploading, notices }: BarProps) {
  const [view, setView] = useState<UploadingView>(() => uploading.view());
  const [cancelling, setCancelling] = useState(false);
  function draw() {
    const now = uploading.view();
    setView(now);
    if (now.files === 0) setCancelling(false);
  }

  useEffect(() => {
    // By the clock, since bytes move far more often than anyone reads.
    const timer = setInterval(draw, REDRAW_MS);
    return () => {
      clearInterval(timer);
      showShare(null);
    };
  }, [uploading]);
  useEffect(() => showShare(view.share), [view.share]);

  async function notify() {
    try {
      const answer = await uploading.notification.ask();
      if (answer === "granted") notices.done(words.uploads.willNotify);
      else notices.problem(words.uploads.notifyRefused);
    } catch (error) {
      notices.problem(explain(error));
    }
    draw();
  }

  function button(label: string, press: () => void) {
    return (
      <button
        type="button"
        class="button"
        onClick={() => {
          press();
          draw();
        }}
      >
        {label}
      </button>
    );
  }

  return (
    <div class="upload-bar">
      <p class="progress">{view.text}</p>
      {uploading.notification.offered && button(words.uploads.notify, () => void notify())}
      {view.state === "sending" && button(words.uploads.pause, uploading.pause)}
      {view.state === "paused" && button(words.uploads.resume, uploading.resume)}
      {(view.state === "sending" || view.state === "paused") &&
        button(words.uploads.cancelAll, () => setCancelling(true))}
      {view.state === "ended" && button(words.uploads.clear, uploading.clear)}
      <LimitSetting
        limit={uploading.limitRate}
        onChange={(limit) => {
          uploading.limitRate = limit;
          draw();
        }}
      />
      {cancelling && (
        <Dialog
          title={words.uploads.cancelTitle(view.files)}
          action={words.uploads.cancelAll}
          dismissal={words.uploads.keepUploading}
          dangerous
          onConfirm={async () => {
            // The last one may have ended since the list was drawn.
            if (uploading.view().files > 0) uploading.clear();
          }}
          onClose={() => setCancelling(false)}
        >
          <p>{words.uploads.cancelText}</p>
        </Dialog>
      )}
    </div>
  );
}
