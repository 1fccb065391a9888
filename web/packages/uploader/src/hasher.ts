/** The page's side of the hashing worker. */

import { ConfigurationError, FileReadError, WideloadError } from "./errors.js";
import type { FromWorker, ToWorker } from "./hash-protocol.js";
import type { FileHashes, Hasher, HashRequest } from "./types.js";

interface Job {
  readonly request: HashRequest;
  readonly resolve: (hashes: FileHashes) => void;
  readonly reject: (error: unknown) => void;
}

/** As much of a Worker as is used, so that a MessagePort can stand for one. */
export interface WorkerLike {
  postMessage(message: ToWorker): void;
  onmessage: ((event: MessageEvent<FromWorker>) => void) | null;
  onerror?: ((event: ErrorEvent) => void) | null;
  terminate?(): void;
}

function bundledWorker(): Worker {
  return new Worker(new URL("./hash-worker.js", import.meta.url), { type: "module" });
}

/**
 * Hashes in a worker, which is started with the first file and ended by `close`.
 *
 * Its file must be served from the page's own origin, with a Content-Security-Policy that allows
 * `worker-src 'self'` to the page and `script-src 'wasm-unsafe-eval'` to the worker.
 *
 * @param createWorker - Default: `hash-worker.js` from beside this module.
 */
export function workerHasher(createWorker: () => WorkerLike | Worker = bundledWorker): Hasher {
  const jobs = new Map<number, Job>();
  let worker: WorkerLike | null = null;
  let lastId = 0;

  function start(): WorkerLike {
    if (worker) return worker;
    const started = createWorker() as WorkerLike;
    started.onmessage = ({ data }) => receive(data);
    started.onerror = (event) => {
      event.preventDefault?.();
      stop(
        new ConfigurationError(
          `The hashing worker failed${event.message ? ` (${event.message})` : ", or could not start"}. ` +
            "Check that hash-worker.js is served from this origin, and that the Content-Security-Policy " +
            "has worker-src 'self' and script-src 'wasm-unsafe-eval'.",
          { code: "hash_worker" },
        ),
      );
    };
    worker = started;
    return started;
  }

  function stop(error: WideloadError): void {
    worker?.terminate?.();
    worker = null;
    for (const job of [...jobs.values()]) job.reject(error);
  }

  function receive(message: FromWorker): void {
    const job = jobs.get(message.id);
    if (!job) return;
    if (message.type === "progress") job.request.onProgress(message.hashedBytes);
    else if (message.type === "part") job.request.onPart?.(message.sha256);
    else if (message.type === "done") job.resolve(message.hashes);
    else if (message.unreadable) job.reject(new FileReadError(message.message));
    else
      job.reject(
        new WideloadError(
          `Hashing failed: ${message.message}. Reload the page, then add the file again.`,
        ),
      );
  }

  function hash(request: HashRequest): Promise<FileHashes> {
    const { blob, partSize, signal, gate } = request;
    return new Promise<FileHashes>((resolve, reject) => {
      signal.throwIfAborted();
      const id = ++lastId;
      const port = start();
      const unsubscribe = gate.subscribe((open) => port.postMessage({ type: "gate", id, open }));
      const abort = () => {
        port.postMessage({ type: "abort", id });
        end(() => reject(signal.reason));
      };
      const end = (settle: () => void) => {
        jobs.delete(id);
        unsubscribe();
        signal.removeEventListener("abort", abort);
        settle();
      };
      signal.addEventListener("abort", abort, { once: true });
      jobs.set(id, {
        request,
        resolve: (hashes) => end(() => resolve(hashes)),
        reject: (error) => end(() => reject(error)),
      });
      port.postMessage({ type: "hash", id, blob, partSize, open: gate.open });
    });
  }

  return {
    hash,
    close: () => stop(new WideloadError("The uploader was closed.", { code: "closed" })),
  };
}
