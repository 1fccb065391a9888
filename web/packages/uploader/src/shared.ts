import type { FilesApi } from "./api.js";
import type { Batcher } from "./batcher.js";
import type { RateLimit } from "./limit.js";
import type { Places } from "./places.js";
import type { Slots } from "./slots.js";
import type { Created, FileInfo, Hasher, Network, NewFile, Pacing, Transport } from "./types.js";

/** State that all uploads of an uploader share. */
export interface Shared<U> {
  readonly api: FilesApi;
  readonly hasher: Hasher;
  readonly transport: Transport;
  readonly fetch: typeof fetch;
  readonly pacing: Pacing;
  readonly network: Network;
  readonly parallel: number;
  readonly partRetries: number;
  readonly partSizeOf: (size: number) => number | null;
  /** Files being hashed. */
  readonly hashing: Slots;
  /** Uploads open at the API. */
  readonly open: Places;
  /** PUTs under way. */
  readonly puts: Slots;
  readonly limit: RateLimit;
  readonly creates: Batcher<NewFile, Created>;
  readonly checks: Batcher<{ readonly sha256: string; readonly size: number }, FileInfo | null>;
  /** Ids of the uploads that are being sent to. */
  readonly sending: Set<string>;
  /** `entered`: a new state, else `paused` or `waiting`. */
  readonly onChange: (upload: U, entered: boolean) => void;
  readonly onProgress: (upload: U) => void;
}
