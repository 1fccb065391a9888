/** Messages between the page and the hashing worker. */

import type { FileHashes } from "./types.js";

export type ToWorker =
  | {
      readonly type: "hash";
      readonly id: number;
      readonly blob: Blob;
      readonly partSize: number | null;
      readonly open: boolean;
    }
  | { readonly type: "gate"; readonly id: number; readonly open: boolean }
  | { readonly type: "abort"; readonly id: number };

export type FromWorker =
  | { readonly type: "progress"; readonly id: number; readonly hashedBytes: number }
  /** The hash of the next part. */
  | { readonly type: "part"; readonly id: number; readonly sha256: string }
  | { readonly type: "done"; readonly id: number; readonly hashes: FileHashes }
  /** `unreadable`: it is the file, else it is a defect. */
  | {
      readonly type: "error";
      readonly id: number;
      readonly unreadable: boolean;
      readonly message: string;
    };

/** The half of a Worker or MessagePort that both sides need. */
export interface Port<In, Out> {
  postMessage(message: Out): void;
  onmessage: ((event: { data: In }) => void) | null;
}
