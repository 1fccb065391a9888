import type { FilesApi } from "./api.js";
import { ConflictError } from "./errors.js";
import type { Hashing } from "./hashing.js";
import { unproven } from "./no-answer.js";
import { partsSha256 } from "./parts.js";
import { type SendOptions, sendParts, UploadGone } from "./sender.js";
import type { ContentHashes, FileInfo } from "./types.js";

/** How often parts are sent anew that S3 confirmed and the API doesn't find. */
const ROUNDS = 3;

/** Codes of refused completions after which parts are sent again. */
const REPAIRABLE = new Set(["parts_missing", "not_uploaded", "parts_differ"]);

/** Another client sends a file of the same size and first part to this upload, too. */
export class UploadShared extends Error {}

export interface SessionOptions extends SendOptions {
  readonly api: FilesApi;
  readonly uploadId: string;
  /** Of the names of the upload, the one of which the file is to be returned. */
  readonly place: { readonly folder: string; readonly name: string };
  /** Of an upload that was created with the hash of its first part; null: with that of its content. */
  readonly hashing: Hashing | null;
  /** Ends completing too, which `signal` doesn't: it takes no bandwidth, and is best not torn. */
  readonly stop: AbortSignal;
  readonly onPhase: (phase: "uploading" | "completing") => void;
}

/** Sends the missing parts of an upload, and makes it a file. */
export async function sendAndComplete(options: SessionOptions): Promise<FileInfo> {
  const { api, uploadId, place, parts, hashing, signal, stop, onPhase } = options;
  for (let rounds = 1; ; rounds += 1) {
    onPhase("uploading");
    await sendParts(options);
    const content = hashing ? await contentOf(hashing, signal) : undefined;
    onPhase("completing");
    try {
      return await api.complete(uploadId, stop, content, place);
    } catch (error) {
      if (!(error instanceof ConflictError) || !REPAIRABLE.has(error.code ?? "")) throw error;
      // Parts that another client overwrites would differ each time.
      if (error.code === "parts_differ" && rounds > 1) throw new UploadShared();
      if (rounds === ROUNDS) throw parts.unproven ? unproven() : error;
      // The error names a hundred at most, the session all that are there.
      const session = await api.session(uploadId, stop);
      if (content && session.file && session.file.sha256 !== content.sha256) throw new UploadGone();
      if (session.file) return session.file;
      parts.hold(session.parts);
    }
  }
}

async function contentOf(hashing: Hashing, signal: AbortSignal): Promise<ContentHashes> {
  const { sha256, parts } = await hashing.whole(signal);
  return { sha256, partsSha256: await partsSha256(parts) };
}
