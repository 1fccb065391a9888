import type { ComponentChildren } from "preact";
import { useId, useLayoutEffect, useRef, useState } from "preact/hooks";
import { explain } from "./explain.js";
import { words } from "./words.js";

interface ModalProps {
  readonly title: string;
  /** Drawn with what closes the dialog. */
  readonly children: (close: () => void) => ComponentChildren;
  readonly onClose: () => void;
}

/** A modal dialog: Escape closes it, and the focus goes back to where it was. */
export function Modal({ title, children, onClose }: ModalProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  const shown = useRef(true);
  const id = useId();

  // At once: an Escape that follows fast must find it open.
  useLayoutEffect(() => {
    const element = dialog.current;
    element?.showModal();
    return () => {
      shown.current = false;
      // Else the focus would be lost with it.
      element?.close();
    };
  }, []);

  return (
    <dialog
      ref={dialog}
      class="dialog"
      aria-labelledby={id}
      onClose={() => {
        if (shown.current) onClose();
      }}
    >
      <h2 id={id}>{title}</h2>
      {children(() => dialog.current?.close())}
    </dialog>
  );
}

interface Props {
  readonly title: string;
  /** Label of the button that does it. */
  readonly action: string;
  /** Label of the button that doesn't. Default: Cancel. */
  readonly dismissal?: string;
  readonly dangerous?: boolean;
  /** Whether what the question says is not known yet. */
  readonly pending?: boolean;
  readonly children: ComponentChildren;
  /** The dialog stays open, and shows why, when this rejects. */
  readonly onConfirm: (form: FormData) => Promise<void>;
  readonly onClose: () => void;
}

/** A modal question with two answers; the first button closes it. */
export function Dialog({
  title,
  action,
  dismissal = words.common.cancel,
  dangerous,
  pending,
  children,
  onConfirm,
  onClose,
}: Props) {
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState("");

  async function confirm(event: SubmitEvent, close: () => void) {
    event.preventDefault();
    if (busy || pending) return;
    setBusy(true);
    setProblem("");
    try {
      await onConfirm(new FormData(event.currentTarget as HTMLFormElement));
      close();
    } catch (error) {
      setProblem(explain(error));
      setBusy(false);
    }
  }

  return (
    <Modal title={title} onClose={onClose}>
      {(close) => (
        <form onSubmit={(event) => confirm(event, close)}>
          {children}
          <p role="alert" class="problem">
            {problem}
          </p>
          <div class="buttons">
            <button type="button" class="button" onClick={close}>
              {dismissal}
            </button>
            <button
              type="submit"
              class={dangerous ? "button danger" : "button primary"}
              aria-disabled={busy || pending}
            >
              {busy ? words.common.oneMoment : action}
            </button>
          </div>
        </form>
      )}
    </Modal>
  );
}
