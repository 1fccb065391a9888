import type { Failures } from "./failures.js";
import { useChanges } from "./hooks.js";
import type { Notices } from "./notices.js";
import { words } from "./words.js";

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
      notices.done(words.uploads.listCopied);
    } catch {
      notices.problem(words.uploads.copyRefused);
    }
  }

  return (
    <>
      {/* There from the start: a screen reader hears only what changes within. */}
      <div role="alert">
        {all.length > 0 && (
          <h3 class="failures-title">{words.uploads.failuresTitle(all.length)}</h3>
        )}
      </div>
      {all.length > 0 && (
        <div class="failures">
          {/* biome-ignore lint/a11y/noNoninteractiveTabindex: so that the keyboard can scroll it. */}
          <ul class="failures-list" tabIndex={0} aria-label={words.uploads.failuresList}>
            {all.slice(0, SHOWN).map(({ fileId, name, reason }) => (
              <li key={fileId}>
                <bdi>{name}</bdi>: {reason}
              </li>
            ))}
            {all.length > SHOWN && <li>{words.uploads.moreFailures(all.length - SHOWN)}</li>}
          </ul>
          <div class="failures-buttons">
            <button type="button" class="button" onClick={copy}>
              {words.uploads.copyList}
            </button>
            {all.some(({ passing }) => passing) && (
              <button type="button" class="button" onClick={() => failures.retry()}>
                {words.common.tryAgain}
              </button>
            )}
            <button type="button" class="button" onClick={() => failures.clear()}>
              {words.common.dismiss}
            </button>
          </div>
        </div>
      )}
    </>
  );
}
