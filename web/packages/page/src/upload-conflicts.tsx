import { useState } from "preact/hooks";
import { ConflictDialog } from "./conflict-dialog.js";
import type { Conflicts } from "./conflicts.js";
import { useChanges } from "./hooks.js";
import { words } from "./words.js";

/** Uploads that wait for an answer, as their name is taken. */
export function UploadConflicts({ conflicts }: { readonly conflicts: Conflicts }) {
  useChanges(conflicts);
  /** Conflicts whose question was closed without an answer. */
  const [putOff, setPutOff] = useState<ReadonlySet<string>>(new Set());
  const { all } = conflicts;
  const asked = all.filter(({ fileId }) => !putOff.has(fileId));
  return (
    <>
      {all.length > 0 && (
        <div class="upload-bar">
          <p class="progress">{words.conflicts.waiting(all.length)}</p>
          <button type="button" class="button" onClick={() => setPutOff(new Set())}>
            {words.conflicts.decide}
          </button>
        </div>
      )}
      {asked.length > 0 && (
        <ConflictDialog
          conflicts={asked}
          onResolve={({ fileId }, resolution, forAll) => {
            if (forAll) conflicts.resolveAll(resolution);
            else conflicts.resolve(fileId, resolution);
          }}
          onClose={() => setPutOff(new Set(conflicts.all.map(({ fileId }) => fileId)))}
        />
      )}
    </>
  );
}
