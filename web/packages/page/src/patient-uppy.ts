import Uppy, { type Meta } from "@uppy/core";
import type { WideloadBody } from "@wideload/uppy";
import { isSystemFile, leftOut } from "./dropped.js";

const ADDED_AT_ONCE = 25;

type AddFiles = Uppy<Meta, WideloadBody>["addFiles"];

/** Leaves out what file managers leave behind, and adds many files a few at a time. */
export class PatientUppy extends Uppy<Meta, WideloadBody> {
  override addFiles(files: Parameters<AddFiles>[0]): void {
    const system = files.filter(({ name }) => isSystemFile(name ?? ""));
    if (system.length > 0) {
      const paths = system.map(({ name, meta }) => String(meta?.["relativePath"] ?? name));
      this.info(leftOut(paths), "info", this.opts.infoTimeout);
    }
    this.#add(files.filter(({ name }) => !isSystemFile(name ?? "")));
  }

  /** For each file, Uppy copies the list of all. */
  #add(files: Parameters<AddFiles>[0]): void {
    if (files.length === 0) return;
    super.addFiles(files.slice(0, ADDED_AT_ONCE));
    setTimeout(() => this.#add(files.slice(ADDED_AT_ONCE)));
  }
}
