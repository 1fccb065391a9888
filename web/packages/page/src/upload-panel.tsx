import { useEffect, useRef, useState } from "preact/hooks";
import type { Uploading, UploadingOptions } from "./uploading.js";

const REDRAW_MS = 500;

interface Props {
  readonly options: Omit<UploadingOptions, "target">;
  /** Called once uploads can be started. */
  readonly onReady: (uploading: Uploading) => void;
}

export function UploadPanel({ options, onReady }: Props) {
  const target = useRef<HTMLDivElement>(null);
  const [state, setState] = useState<"loading" | "ready" | "failed">("loading");
  const [progress, setProgress] = useState("");

  useEffect(() => {
    let timer: ReturnType<typeof setInterval>;
    let started: Uploading | undefined;
    async function start(element: HTMLElement) {
      try {
        const { startUploading } = await import("./uploading.js");
        const uploading = startUploading({ ...options, target: element });
        started = uploading;
        // By the clock, since bytes move far more often than anyone reads.
        timer = setInterval(() => setProgress(uploading.describe()), REDRAW_MS);
        setState("ready");
        onReady(uploading);
      } catch (error) {
        reportError(error);
        setState("failed");
      }
    }
    if (target.current) void start(target.current);
    return () => {
      clearInterval(timer);
      // Nobody is signed in any more. What S3 holds stays for the next time.
      started?.uploader.close();
    };
  }, []);

  return (
    <section class="upload" aria-labelledby="upload">
      <h2 id="upload" class="unseen">
        Upload
      </h2>
      <div ref={target} class="drop" aria-busy={state === "loading"}>
        {state === "loading" && <p class="state">Loading…</p>}
        {state === "failed" && (
          <p class="state" role="alert">
            A part of this page could not be loaded. Check your connection, then load the page
            again.
          </p>
        )}
      </div>
      <p class="progress">{progress}</p>
    </section>
  );
}
