import Uppy, { type Meta } from "@uppy/core";
import type { WideloadBody } from "@wideload/uppy";
import { isSystemFile, leftOut } from "./dropped.js";
import { joined } from "./paths.js";

// A step adds this many files at most, and this few at least: each step draws the Dashboard.
const MOST_AT_ONCE = 25;
const FEWEST_AT_ONCE = 5;
// Copies of a file's entry in a step; Uppy copies the whole list for each file that is added.
const COPIES_AT_ONCE = 10_000;

type AddFiles = Uppy<Meta, WideloadBody>["addFiles"];
type Descriptor = Parameters<AddFiles>[0][number];

/**
 * Leaves out what file managers leave behind, puts the others into a folder, and adds many files a
 * few at a time, so that no task keeps the page from answering.
 */
export class PatientUppy extends Uppy<Meta, WideloadBody> {
  /** Path of the folder to put a file into, with the folder it was dropped with, if any. */
  folderOf: (file: Descriptor) => string = () => "";

  override addFiles(files: Parameters<AddFiles>[0]): void {
    const system = files.filter(({ name }) => isSystemFile(name ?? ""));
    if (system.length > 0) {
      this.info(leftOut(system.map(pathOf)), "info", this.opts.infoTimeout);
    }
    this.#add(files.filter(({ name }) => !isSystemFile(name ?? "")).map(this.#placed));
  }

  #add(files: Parameters<AddFiles>[0]): void {
    if (files.length === 0) return;
    const affordable = Math.floor(COPIES_AT_ONCE / (this.getFiles().length + 1));
    const step = Math.max(FEWEST_AT_ONCE, Math.min(MOST_AT_ONCE, affordable));
    super.addFiles(files.slice(0, step));
    setTimeout(() => this.#add(files.slice(step)));
  }

  /** The path is part of a file's id: the same file may go into several folders. */
  readonly #placed = (file: Descriptor): Descriptor => {
    const folder = this.folderOf(file);
    if (folder === "") return file;
    return { ...file, meta: { ...file.meta, relativePath: joined(folder, pathOf(file)) } };
  };
}

function pathOf({ name, meta }: Descriptor): string {
  return String(meta?.["relativePath"] ?? name);
}
