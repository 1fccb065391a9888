import type { OpenUpload } from "@wideload/uploader";
import { useRef, useState } from "preact/hooks";
import { Dialog } from "./dialog.js";
import { explain } from "./explain.js";
import { useChanges } from "./hooks.js";
import { Named } from "./named.js";
import type { Notices } from "./notices.js";
import { joined } from "./paths.js";
import type { Unfinished } from "./unfinished.js";
import { words } from "./words.js";

interface Props {
  readonly unfinished: Unfinished;
  readonly notices: Notices;
}

/** Uploads that were interrupted: each goes on when its file is added again. */
export function UnfinishedList({ unfinished, notices }: Props) {
  useChanges(unfinished);
  const [asked, setAsked] = useState<OpenUpload | null>(null);
  const heading = useRef<HTMLHeadingElement>(null);
  const { items, error } = unfinished;

  async function discard({ uploadId, name }: OpenUpload) {
    await unfinished.discard(uploadId);
    notices.done(words.unfinished.discarded(name));
  }

  return (
    <>
      {error !== null && (
        <div class="unfinished" role="alert">
          <p>{words.unfinished.unlisted(explain(error))}</p>
          <button type="button" class="button" onClick={() => void unfinished.load()}>
            {words.common.tryAgain}
          </button>
        </div>
      )}
      {items.length > 0 && (
        <section class="unfinished" aria-labelledby="unfinished">
          <h3 id="unfinished" ref={heading} tabIndex={-1}>
            {words.unfinished.title(items.length)}
          </h3>
          <p>{words.unfinished.hint}</p>
          {/* biome-ignore lint/a11y/noRedundantRoles: Safari takes a list without markers for none. */}
          <ul role="list">
            {items.map((upload) => (
              <li key={upload.uploadId}>
                <div class="unfinished-name">
                  <bdi>{joined(upload.folder, upload.name)}</bdi>
                </div>
                <div class="file-facts">
                  {upload.size !== null && <span>{words.formats.bytes(upload.size)}</span>}
                  <time dateTime={upload.createdAt}>{words.formats.moment(upload.createdAt)}</time>
                </div>
                <button type="button" class="link danger" onClick={() => setAsked(upload)}>
                  {words.unfinished.discard}
                  <span class="unseen">{words.files.of(upload.name)}</span>
                </button>
              </li>
            ))}
          </ul>
        </section>
      )}
      {asked && (
        <Dialog
          title={words.unfinished.discardTitle}
          action={words.unfinished.discard}
          dangerous
          onConfirm={() => discard(asked)}
          onClose={() => {
            setAsked(null);
            // The button that had the focus may be gone with its row.
            requestAnimationFrame(() => {
              if (document.activeElement === document.body) heading.current?.focus();
            });
          }}
        >
          <p>
            <Named text={words.unfinished.discardText} name={asked.name} />
          </p>
        </Dialog>
      )}
    </>
  );
}
