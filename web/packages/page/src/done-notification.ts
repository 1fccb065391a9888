/** A notification of the operating system when all uploads have ended. */

import { words } from "./words.js";

/** Uploads that take longer are worth a notification. */
const LONG_MS = 5_000;

export interface DoneNotificationOptions {
  /** Undefined where the browser has none. */
  readonly notifications: typeof Notification | undefined;
  /** Whether the person sees the page. */
  readonly visible: () => boolean;
  /** Milliseconds since some fixed moment. */
  readonly now: () => number;
}

export class DoneNotification {
  readonly #options: DoneNotificationOptions;
  #since: number | null = null;

  constructor(options: DoneNotificationOptions) {
    this.#options = options;
  }

  /** Whether to offer to notify: uploads take long, and the browser was not asked yet. */
  get offered(): boolean {
    const { notifications, now } = this.#options;
    if (this.#since === null || notifications?.permission !== "default") return false;
    return now() - this.#since > LONG_MS;
  }

  /** Asks the person through the browser, which wants a press of a button for that. */
  async ask(): Promise<NotificationPermission> {
    return (await this.#options.notifications?.requestPermission()) ?? "denied";
  }

  /** Uploads are under way. */
  begin(): void {
    this.#since ??= this.#options.now();
  }

  /** They have ended: tells the person, if allowed, and unless they see the page. */
  end(text: string): void {
    const began = this.#since !== null;
    this.#since = null;
    const { notifications, visible } = this.#options;
    if (!began || text === "" || notifications?.permission !== "granted" || visible()) return;
    try {
      // With the same tag, the next takes its place.
      const shown = new notifications(words.uploads.ended, { body: text, tag: "wideload-done" });
      shown.onclick = () => {
        window.focus();
        shown.close();
      };
    } catch {
      // Chrome on Android has the constructor, and refuses its use outside of a service worker.
    }
  }
}
