import { useEffect, useReducer } from "preact/hooks";
import { useChanges } from "./hooks.js";
import { words } from "./words.js";
import type { Zipping } from "./zipping.js";

const REDRAW_MS = 500;

/** How far the ZIP is that is being written. */
export function ZipProgress({ zipping }: { readonly zipping: Zipping }) {
  useChanges(zipping);
  const [, redraw] = useReducer((times: number, _action: undefined) => times + 1, 0);
  const { active } = zipping;

  useEffect(() => {
    if (!active) return;
    // By the clock, since bytes move far more often than anyone reads.
    const timer = setInterval(() => redraw(undefined), REDRAW_MS);
    return () => clearInterval(timer);
  }, [active]);

  if (!active) return null;
  const { doneBytes, totalBytes } = zipping.progress;
  return (
    <div class="upload-bar">
      <p class="progress">
        {totalBytes === 0 ? words.zip.preparing : words.zip.progress(doneBytes, totalBytes)}
      </p>
      <button type="button" class="button" onClick={() => zipping.cancel()}>
        {words.zip.cancel}
      </button>
    </div>
  );
}
