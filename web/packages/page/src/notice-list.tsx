import { useChanges } from "./hooks.js";
import type { Notice, Notices } from "./notices.js";
import { words } from "./words.js";

/**
 * The newest comes first. Both regions are there from the start: a screen reader hears only what
 * changes within one.
 */
export function NoticeList({ notices }: { readonly notices: Notices }) {
  useChanges(notices);
  const draw = (kind: Notice["kind"]) =>
    notices.current
      .filter((notice) => notice.kind === kind)
      .reverse()
      .map(({ id, text }) => (
        <div key={id} class={`notice ${kind}`}>
          <p>{text}</p>
          <button type="button" class="link" onClick={() => notices.dismiss(id)}>
            {words.common.dismiss}
            <span class="unseen">: {text}</span>
          </button>
        </div>
      ));
  return (
    <div class="notices">
      <div role="alert">{draw("problem")}</div>
      <div role="status">{draw("done")}</div>
    </div>
  );
}
