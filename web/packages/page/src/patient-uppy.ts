import Uppy, { type Meta } from "@uppy/core";
import type { WideloadBody } from "@wideload/uppy";
import { isSystemFile, leftOut } from "./dropped.js";

// A step adds this many files at most, and this few at least: each step draws the Dashboard.
const MOST_AT_ONCE = 25;
const FEWEST_AT_ONCE = 5;
// Copies of a file's entry in a step; Uppy copies the whole list for each file that is added.
const COPIES_AT_ONCE = 10_000;

type AddFiles = Uppy<Meta, WideloadBody>["addFiles"];

/**
 * Leaves out what file managers leave behind, and adds many files a few at a time, so that no task
 * keeps the page from answering.
 */
export class PatientUppy extends Uppy<Meta, WideloadBody> {
  override addFiles(files: Parameters<AddFiles>[0]): void {
    const system = files.filter(({ name }) => isSystemFile(name ?? ""));
    if (system.length > 0) {
      const paths = system.map(({ name, meta }) => String(meta?.["relativePath"] ?? name));
      this.info(leftOut(paths), "info", this.opts.infoTimeout);
    }
    this.#add(files.filter(({ name }) => !isSystemFile(name ?? "")));
  }

  #add(files: Parameters<AddFiles>[0]): void {
    if (files.length === 0) return;
    const affordable = Math.floor(COPIES_AT_ONCE / (this.getFiles().length + 1));
    const step = Math.max(FEWEST_AT_ONCE, Math.min(MOST_AT_ONCE, affordable));
    super.addFiles(files.slice(0, step));
    setTimeout(() => this.#add(files.slice(step)));
  }
}
