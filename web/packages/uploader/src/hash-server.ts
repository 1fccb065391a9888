/** The worker's side: hashes what it is asked for, several files at once if need be. */

import { FileReadError } from "./errors.js";
import { Switch } from "./gate.js";
import { hashBlob } from "./hash.js";
import type { FromWorker, Port, ToWorker } from "./hash-protocol.js";

export function serve(port: Port<ToWorker, FromWorker>): void {
  const jobs = new Map<number, { readonly gate: Switch; readonly abort: AbortController }>();

  port.onmessage = ({ data }) => {
    if (data.type === "hash") void start(data);
    else if (data.type === "gate") jobs.get(data.id)?.gate.set(data.open);
    else jobs.get(data.id)?.abort.abort();
  };

  async function start({
    id,
    blob,
    partSize,
    open,
  }: Extract<ToWorker, { type: "hash" }>): Promise<void> {
    const job = { gate: new Switch(), abort: new AbortController() };
    job.gate.set(open);
    jobs.set(id, job);
    try {
      const hashes = await hashBlob({
        blob,
        partSize,
        signal: job.abort.signal,
        gate: job.gate,
        onProgress: (hashedBytes) => port.postMessage({ type: "progress", id, hashedBytes }),
        onPart: (sha256) => port.postMessage({ type: "part", id, sha256 }),
      });
      port.postMessage({ type: "done", id, hashes });
    } catch (error) {
      // The page has cancelled it and doesn't wait for an answer.
      if (job.abort.signal.aborted) return;
      const cause = error instanceof FileReadError ? error.cause : error;
      const message = cause instanceof Error ? cause.message : String(cause);
      port.postMessage({ type: "error", id, unreadable: error instanceof FileReadError, message });
    } finally {
      jobs.delete(id);
    }
  }
}
