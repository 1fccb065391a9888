import { useEffect, useReducer } from "preact/hooks";

interface Changing {
  subscribe(listener: () => void): () => void;
}

/** Draws the component again whenever the subject changes. */
export function useChanges(subject: Changing): void {
  const [, redraw] = useReducer((times: number, _action: undefined) => times + 1, 0);
  useEffect(() => subject.subscribe(() => redraw(undefined)), [subject]);
}
