/** The page's side of the hashing workers. */

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

/** As many files are hashed at a time as there are processors. */
export const PROCESSORS = globalThis.navigator?.hardwareConcurrency ?? 1;

/**
 * Hashes each file in a worker, and as many files at a time as there are processors. Workers are
 * started when needed, and ended by `close`.
 *
 * Their file must be served from the page's own origin, with a Content-Security-Policy that allows
 * `worker-src 'self'` to the page and `script-src 'wasm-unsafe-eval'` to the worker.
 *
 * @param createWorker - Default: `hash-worker.js` from beside this module.
 * @param most - How many workers there are at most. Default: the number of processors.
 */
export function workerHasher(
  createWorker: () => WorkerLike | Worker = bundledWorker,
  most: number = PROCESSORS,
): Hasher {
  const workers: HashWorker[] = [];

  function leastBusy(): HashWorker {
    const [idlest] = workers.toSorted((a, b) => a.jobs - b.jobs);
    if (idlest && (idlest.jobs === 0 || workers.length >= most)) return idlest;
    const started = new HashWorker(createWorker() as WorkerLike, () => {
      workers.splice(workers.indexOf(started), 1);
    });
    workers.push(started);
    return started;
  }

  return {
    hash: async (request) => leastBusy().hash(request),
    close: () => {
      const closed = new WideloadError("The uploader was closed.", { code: "closed" });
      for (const worker of [...workers]) worker.stop(closed);
    },
  };
}

class HashWorker {
  readonly #jobs = new Map<number, Job>();
  readonly #port: WorkerLike;
  readonly #onStop: () => void;
  #lastId = 0;

  constructor(port: WorkerLike, onStop: () => void) {
    this.#port = port;
    this.#onStop = onStop;
    port.onmessage = ({ data }) => this.#receive(data);
    port.onerror = (event) => {
      event.preventDefault?.();
      this.stop(
        new ConfigurationError(
          `The hashing worker failed${event.message ? ` (${event.message})` : ", or could not start"}. ` +
            "Check that hash-worker.js is served from this origin, and that the Content-Security-Policy " +
            "has worker-src 'self' and script-src 'wasm-unsafe-eval'.",
          { code: "hash_worker" },
        ),
      );
    };
  }

  /** How many files it is hashing. */
  get jobs(): number {
    return this.#jobs.size;
  }

  /** Fails its jobs with the error. */
  stop(error: WideloadError): void {
    this.#port.terminate?.();
    this.#onStop();
    for (const job of [...this.#jobs.values()]) job.reject(error);
  }

  hash(request: HashRequest): Promise<FileHashes> {
    const { blob, partSize, signal, gate } = request;
    return new Promise<FileHashes>((resolve, reject) => {
      signal.throwIfAborted();
      const id = ++this.#lastId;
      const port = this.#port;
      const unsubscribe = gate.subscribe((open) => port.postMessage({ type: "gate", id, open }));
      const abort = () => {
        port.postMessage({ type: "abort", id });
        end(() => reject(signal.reason));
      };
      const end = (settle: () => void) => {
        this.#jobs.delete(id);
        unsubscribe();
        signal.removeEventListener("abort", abort);
        settle();
      };
      signal.addEventListener("abort", abort, { once: true });
      this.#jobs.set(id, {
        request,
        resolve: (hashes) => end(() => resolve(hashes)),
        reject: (error) => end(() => reject(error)),
      });
      port.postMessage({ type: "hash", id, blob, partSize, open: gate.open });
    });
  }

  #receive(message: FromWorker): void {
    const job = this.#jobs.get(message.id);
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
}
