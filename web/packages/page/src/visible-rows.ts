/** Which rows of a long list are in sight. Rows have one height, which the style sheet sets. */

import type { RefObject } from "preact";
import { useLayoutEffect, useState } from "preact/hooks";

/** Rows that are drawn before and after those in sight. */
const SPARE = 5;
/** Rows that are drawn where there is no layout. */
const WITHOUT_LAYOUT = 100;

export interface Range {
  readonly first: number;
  /** Not drawn any more. */
  readonly end: number;
}

/**
 * @param top - Of the list, in pixels below the top of the window; negative above it.
 * @param height - Of the whole list, in pixels.
 */
export function rangeOf(top: number, height: number, count: number, windowHeight: number): Range {
  if (height === 0) return { first: 0, end: Math.min(count, WITHOUT_LAYOUT) };
  const row = height / count;
  // In steps, so that not each row that comes into sight draws the list again.
  const first = Math.floor(-top / row / SPARE) * SPARE - SPARE;
  const end = first + (Math.ceil(windowHeight / row / SPARE) + 3) * SPARE;
  const bounded = (index: number) => Math.min(count, Math.max(0, index));
  return { first: bounded(first), end: bounded(end) };
}

export function useVisibleRows(list: RefObject<HTMLElement>, count: number): Range {
  const [range, setRange] = useState<Range>({ first: 0, end: 0 });

  useLayoutEffect(() => {
    const element = list.current;
    if (!element) return;
    const update = () => {
      const { top, height } = element.getBoundingClientRect();
      const now = rangeOf(top, height, count, window.innerHeight);
      setRange((before) => (before.first === now.first && before.end === now.end ? before : now));
    };
    update();
    // Of whatever scrolls.
    const listening = { capture: true, passive: true } as const;
    document.addEventListener("scroll", update, listening);
    window.addEventListener("resize", update);
    // What is above the list may grow and shrink.
    const sizes = new ResizeObserver(update);
    for (const section of element.closest("main")?.children ?? []) sizes.observe(section);
    return () => {
      document.removeEventListener("scroll", update, listening);
      window.removeEventListener("resize", update);
      sizes.disconnect();
    };
  }, [count]);

  return range;
}
