import type { FilesApi } from "./api.js";
import { ConflictError } from "./errors.js";
import { unproven } from "./no-answer.js";
import { type SendOptions, sendParts } from "./sender.js";
import type { FileInfo } from "./types.js";

/** How often parts are sent anew that S3 confirmed and the API doesn't find. */
const ROUNDS = 3;

export interface SessionOptions extends SendOptions {
  readonly api: FilesApi;
  readonly uploadId: string;
  /** Ends completing too, which `signal` doesn't: it takes no bandwidth, and is best not torn. */
  readonly stop: AbortSignal;
  readonly onPhase: (phase: "uploading" | "completing") => void;
}

/** Sends what is missing of an upload, and makes it a file. */
export async function sendAndComplete(options: SessionOptions): Promise<FileInfo> {
  const { api, uploadId, parts, stop, onPhase } = options;
  for (let rounds = 1; ; rounds += 1) {
    onPhase("uploading");
    await sendParts(options);
    onPhase("completing");
    try {
      return await api.complete(uploadId, stop);
    } catch (error) {
      if (!(error instanceof ConflictError)) throw error;
      if (error.code !== "parts_missing" && error.code !== "not_uploaded") throw error;
      if (rounds === ROUNDS) throw parts.unproven ? unproven() : error;
      // The error names a hundred at most, the session all that are there.
      const session = await api.session(uploadId, stop);
      if (session.file) return session.file;
      parts.keepOnly(new Set(session.parts.map((part) => part.number)));
    }
  }
}
