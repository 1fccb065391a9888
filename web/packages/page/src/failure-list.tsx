import type { Failures } from "./failures.js";
import { count } from "./format.js";
import { useChanges } from "./hooks.js";
import type { Notices } from "./notices.js";

/** At most this many failures are shown; "Copy the list" copies all of them. */
const SHOWN = 100;

interface Props {
  readonly failures: Failures;
  readonly notices: Notices;
}

/** Which files were not uploaded, and why: all in one place, until they are tried again. */
export function FailureList({ failures, notices }: Props) {
  useChanges(failures);
  const { all } = failures;

  async function copy() {
    try {
      await navigator.clipboard.writeText(failures.text);
      notices.done("The list is in the clipboard.");
    } catch {
      notices.problem("The browser did not allow the copy. Select the list and copy it manually.");
    }
  }

  return (
    <>
      {/* There from the start: a screen reader hears only what changes within. */}
      <div role="alert">
        {all.length > 0 && (
          <h3 class="failures-title">{`${count(all.length, "file")} not uploaded`}</h3>
        )}
      </div>
      {all.length > 0 && (
        <div class="failures">
          {/* biome-ignore lint/a11y/noNoninteractiveTabindex: so that the keyboard can scroll it. */}
          <ul class="failures-list" tabIndex={0} aria-label="Files that were not uploaded">
            {all.slice(0, SHOWN).map(({ fileId, name, reason }) => (
              <li key={fileId}>
                <bdi>{name}</bdi>: {reason}
              </li>
            ))}
            {all.length > SHOWN && <li>{`And ${count(all.length - SHOWN, "more file")}.`}</li>}
          </ul>
          <div class="failures-buttons">
            <button type="button" class="button" onClick={copy}>
              Copy the list
            </button>
            {all.some(({ passing }) => passing) && (
              <button type="button" class="button" onClick={() => failures.retry()}>
                Try again
              </button>
            )}
            <button type="button" class="button" onClick={() => failures.clear()}>
              Dismiss
            </button>
          </div>
        </div>
      )}
    </>
  );
}
