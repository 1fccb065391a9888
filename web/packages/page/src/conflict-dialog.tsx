import { useId, useState } from "preact/hooks";
import type { Conflict, Resolution } from "./conflicts.js";
import { Modal } from "./dialog.js";
import { Named } from "./named.js";
import { words } from "./words.js";

interface Props {
  /** At least one. */
  readonly conflicts: readonly Conflict[];
  /** `all`: of all files whose name is taken, else of the first. */
  readonly onResolve: (conflict: Conflict, resolution: Resolution, all: boolean) => void;
  /** The person closed the dialog without an answer. */
  readonly onClose: () => void;
}

/** Asks what becomes of files whose name another file of the folder has, one after the other. */
export function ConflictDialog({ conflicts, onResolve, onClose }: Props) {
  const [all, setAll] = useState(false);
  const id = useId();
  const [conflict] = conflicts;
  if (conflict === undefined) return null;
  const { name, size, existing } = conflict;
  const others = conflicts.length - 1;
  const button = (resolution: Resolution, label: string, kind = "") => (
    <button
      type="button"
      class={`button ${kind}`}
      onClick={() => onResolve(conflict, resolution, all)}
    >
      {label}
    </button>
  );
  return (
    <Modal title={words.conflicts.title} onClose={onClose}>
      {() => (
        <div class="conflict">
          {/* Read again when the next file takes its place. */}
          <div aria-live="polite" aria-atomic="true">
            <p>
              <Named
                text={
                  existing === null || existing.folder === ""
                    ? words.conflicts.existsAtTop
                    : words.conflicts.exists
                }
                name={name}
                folder={existing?.folder}
              />
            </p>
            <dl>
              {existing && (
                <>
                  <dt>{words.conflicts.there}</dt>
                  <dd>
                    {words.formats.bytes(existing.size)}, {words.formats.moment(existing.createdAt)}
                  </dd>
                </>
              )}
              <dt>{words.conflicts.yours}</dt>
              <dd>{words.formats.bytes(size)}</dd>
            </dl>
          </div>
          {others > 0 && (
            <label class="choice" for={id}>
              <input
                id={id}
                type="checkbox"
                checked={all}
                onChange={({ currentTarget }) => setAll(currentTarget.checked)}
              />
              {words.conflicts.all(others)}
            </label>
          )}
          <div class="buttons">
            {button("skip", words.conflicts.skip)}
            {existing && button("replace", words.conflicts.replace, "danger")}
            {button("keep_both", words.conflicts.keepBoth, "primary")}
          </div>
        </div>
      )}
    </Modal>
  );
}
