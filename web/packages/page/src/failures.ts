/** Files on the list that were not uploaded. */

import type { Meta, Uppy } from "@uppy/core";
import { ConfigurationError, NameExistsError, RefusedError } from "@wideload/uploader";
import type { WideloadBody } from "@wideload/uppy";
import { explain } from "./explain.js";
import { Subject } from "./subject.js";

export interface Failure {
  readonly fileId: string;
  readonly name: string;
  /** Cause and remedy. */
  readonly reason: string;
  /** Whether the same may succeed another time. */
  readonly passing: boolean;
}

export class Failures extends Subject {
  readonly #uppy: Uppy<Meta, WideloadBody>;
  readonly #byFile = new Map<string, Failure>();

  constructor(uppy: Uppy<Meta, WideloadBody>) {
    super();
    this.#uppy = uppy;
    uppy.on("upload-error", (file, error) => {
      // Those are `Conflicts`, which the person is asked about.
      if (file === undefined || error instanceof NameExistsError) return;
      this.#byFile.set(file.id, {
        fileId: file.id,
        name: file.name ?? "",
        reason: explain(error),
        passing: !(error instanceof RefusedError || error instanceof ConfigurationError),
      });
      this.tell();
    });
    const forget = (file: { readonly id: string } | undefined) => {
      if (file && this.#byFile.delete(file.id)) this.tell();
    };
    uppy.on("upload-retry", forget);
    uppy.on("file-added", forget);
    uppy.on("file-removed", forget);
  }

  get all(): readonly Failure[] {
    return [...this.#byFile.values()];
  }

  /** A line for each. */
  get text(): string {
    return this.all.map(({ name, reason }) => `${name}: ${reason}\n`).join("");
  }

  /** Tries again what may succeed. */
  retry(): void {
    for (const [fileId, { passing }] of [...this.#byFile]) {
      if (passing) void this.#uppy.retryUpload(fileId);
    }
  }

  /** Takes them off the list. */
  clear(): void {
    this.#uppy.removeFiles([...this.#byFile.keys()]);
  }
}
