import { useId, useLayoutEffect, useRef } from "preact/hooks";
import { Dialog } from "./dialog.js";

interface Props {
  readonly title: string;
  readonly action: string;
  readonly label: string;
  /** Name that is there; of a file, the extension is left out of what typing replaces. */
  readonly name: string;
  readonly isFile: boolean;
  readonly onName: (name: string) => Promise<void>;
  readonly onClose: () => void;
}

/** Asks for the name of a file or a folder. */
export function NameDialog({ title, action, label, name, isFile, onName, onClose }: Props) {
  const input = useRef<HTMLInputElement>(null);
  const id = useId();

  useLayoutEffect(() => {
    const dot = isFile ? name.lastIndexOf(".") : -1;
    input.current?.focus();
    input.current?.setSelectionRange(0, dot > 0 ? dot : name.length);
  }, []);

  return (
    <Dialog
      title={title}
      action={action}
      onConfirm={(form) => onName(String(form.get("name")).trim())}
      onClose={onClose}
    >
      <label for={id}>{label}</label>
      <input
        id={id}
        ref={input}
        name="name"
        type="text"
        dir="auto"
        defaultValue={name}
        required
        maxLength={255}
        autocomplete="off"
        spellcheck={false}
      />
    </Dialog>
  );
}
