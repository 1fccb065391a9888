/** Sizes, times and rates as people read them. */

import { prettierBytes } from "@transloadit/prettier-bytes";

/** `1.2 GB`, with the same rounding as Uppy's Dashboard above the list. */
export function bytes(size: number): string {
  return prettierBytes(Math.round(size));
}

/** `40 s`, `4 min`, `2 h 10 min`. */
export function timeLeft(seconds: number): string {
  if (seconds < 60) return `${Math.max(1, Math.ceil(seconds))} s`;
  const minutes = Math.ceil(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  const rest = minutes % 60;
  return `${Math.floor(minutes / 60)} h${rest > 0 ? ` ${rest} min` : ""}`;
}

// Once: making one takes longer than drawing a row.
const MOMENT = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "short" });

/** `12 Mar 2026, 14:05`, in the person's own time zone. */
export function moment(iso: string): string {
  return MOMENT.format(new Date(iso));
}

/** `1 file`, `2 files`. */
export function count(number: number, what: string): string {
  return `${number.toLocaleString("en")} ${what}${number === 1 ? "" : "s"}`;
}
