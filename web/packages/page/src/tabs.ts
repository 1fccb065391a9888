/** The tab's title, and messages between the tabs of this browser that have the page open. */

import { words } from "./words.js";

const UPLOADING = "wideload-uploading";

/** Shows in the tab's title how much of the uploads is sent; null: none are under way. */
export function showShare(share: number | null): void {
  document.title = share === null ? words.title : words.uploads.tabTitle(share);
}

/** A sign for other tabs that this one sends files. It goes with the tab, however that ends. */
export class UploadingSign {
  readonly #locks: LockManager;
  #lower: (() => void) | null = null;

  constructor(locks: LockManager) {
    this.#locks = locks;
  }

  show(uploading: boolean): void {
    if (uploading === (this.#lower !== null)) return;
    this.#lower?.();
    this.#lower = null;
    if (!uploading) return;
    const lowered = new Promise<void>((resolve) => {
      this.#lower = resolve;
    });
    void this.#locks.request(UPLOADING, { mode: "shared" }, () => lowered);
  }
}

/** Whether any tab sends files. */
export async function anyTabUploads(locks: LockManager): Promise<boolean> {
  const { held = [] } = await locks.query();
  return held.some(({ name }) => name === UPLOADING);
}
