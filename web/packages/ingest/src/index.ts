/** Sends JSON documents of any size to a Wideload deployment, and reads them back. */

export { IngestClient } from "./client.js";
export * from "./errors.js";
export type * from "./types.js";
