import type { ComponentChildren } from "preact";
import { useId, useLayoutEffect, useRef, useState } from "preact/hooks";
import { explain } from "./explain.js";
import { words } from "./words.js";

interface Props {
  readonly title: string;
  /** Label of the button that does it. */
  readonly action: string;
  /** Label of the button that doesn't. Default: Cancel. */
  readonly dismissal?: string;
  readonly dangerous?: boolean;
  readonly children: ComponentChildren;
  /** The dialog stays open, and shows why, when this rejects. */
  readonly onConfirm: (form: FormData) => Promise<void>;
  readonly onClose: () => void;
}

/** A modal question: Escape and the first button close it, and the focus goes back to where it was. */
export function Dialog({
  title,
  action,
  dismissal = words.common.cancel,
  dangerous,
  children,
  onConfirm,
  onClose,
}: Props) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState("");
  const id = useId();

  // At once: an Escape that follows fast must find it open.
  useLayoutEffect(() => {
    dialog.current?.showModal();
  }, []);

  async function confirm(event: SubmitEvent) {
    event.preventDefault();
    if (busy) return;
    setBusy(true);
    setProblem("");
    try {
      await onConfirm(new FormData(event.currentTarget as HTMLFormElement));
      dialog.current?.close();
    } catch (error) {
      setProblem(explain(error));
      setBusy(false);
    }
  }

  return (
    <dialog ref={dialog} class="dialog" aria-labelledby={id} onClose={onClose}>
      <form onSubmit={confirm}>
        <h2 id={id}>{title}</h2>
        {children}
        <p role="alert" class="problem">
          {problem}
        </p>
        <div class="buttons">
          <button type="button" class="button" onClick={() => dialog.current?.close()}>
            {dismissal}
          </button>
          <button
            type="submit"
            class={dangerous ? "button danger" : "button primary"}
            aria-disabled={busy}
          >
            {busy ? words.common.oneMoment : action}
          </button>
        </div>
      </form>
    </dialog>
  );
}
