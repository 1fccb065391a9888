/** Uploads files of any size straight to S3 through Wideload's file transfer API. */

export { FilesApi } from "./api.js";
export * from "./errors.js";
export { type WorkerLike, workerHasher } from "./hasher.js";
export { fetchTransport, type XhrTransportOptions, xhrTransport } from "./transport.js";
export type * from "./types.js";
export { Uploader } from "./uploader.js";
