/** `uppy.use(WideloadUppy, { apiUrl, token })`: uploads through Wideload's file transfer API. */

export { locale } from "./locale.js";
export type { WideloadBody, WideloadUppyOptions } from "./plugin.js";
export { default, WideloadUppy } from "./plugin.js";
