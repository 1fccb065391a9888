/** An uploader against the fake cloud, and files to send. */

import { inlineHasher } from "../src/hash.js";
import { type Upload, Uploader, type UploaderOptions, type UploadState } from "../src/index.js";
import { API_URL, FakeCloud, FakeNetwork, FakePacing } from "./fake-cloud.js";

export interface Setting {
  readonly cloud: FakeCloud;
  readonly network: FakeNetwork;
  readonly pacing: FakePacing;
  readonly uploader: Uploader;
}

/** `partSize`: files larger than this are multipart, with parts of this size. */
export function setting(
  options: Partial<UploaderOptions> & { partSize?: number; cloud?: FakeCloud } = {},
): Setting {
  const { partSize } = options;
  const pacing = new FakePacing();
  const network = new FakeNetwork();
  const cloud = options.cloud ?? new FakeCloud(partSize ?? null, () => pacing.now());
  const uploader = new Uploader({
    apiUrl: API_URL,
    token: () => "token",
    fetch: cloud.fetch,
    transport: cloud.transport,
    hasher: inlineHasher(),
    pacing,
    network,
    partSizeOf: partSize === undefined ? undefined : (size) => (size > partSize ? partSize : null),
    ...options,
  });
  return { cloud, network, pacing, uploader };
}

const BLOCK = 64 * 1024;

/** Bytes that differ from seed to seed and from block to block. */
export function bytes(size: number, seed = 1): Uint8Array<ArrayBuffer> {
  const content = new Uint8Array(size);
  let state = seed * 2654435761;
  for (let index = 0; index < Math.min(size, BLOCK); index += 1) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    content[index] = state >>> 24;
  }
  for (let start = BLOCK; start < size; start += BLOCK) {
    content.set(content.subarray(0, Math.min(BLOCK, size - start)), start);
    new DataView(content.buffer).setUint8(start, (start / BLOCK) % 251);
  }
  return content;
}

export function fileOf(size: number, seed = 1, name = `file-${seed}.bin`): File {
  return new File([bytes(size, seed)], name, { type: "video/mp4" });
}

/** Settles when the upload is in this state. */
export function reached(uploader: Uploader, upload: Upload, state: UploadState): Promise<void> {
  return happens(uploader, upload, () => upload.state === state);
}

/** Settles when `holds` after a change or progress of the upload. */
export function happens(uploader: Uploader, upload: Upload, holds: () => boolean): Promise<void> {
  return new Promise((resolve) => {
    if (holds()) return resolve();
    const unsubscribe = [uploader.on("change", look), uploader.on("progress", look)];
    function look(changed: Upload) {
      if (changed !== upload || !holds()) return;
      for (const each of unsubscribe) each();
      resolve();
    }
  });
}
