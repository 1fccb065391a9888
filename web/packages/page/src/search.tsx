import { useEffect, useId, useRef } from "preact/hooks";
import { words } from "./words.js";

const TYPING_PAUSE_MS = 300;

interface Props {
  /** What is searched for. */
  readonly text: string;
  /** In all folders, else in the one that is open. */
  readonly everywhere: boolean;
  readonly onSearch: (text: string, everywhere: boolean) => void;
}

/** The field that searches by name, and where it searches. */
export function Search({ text, everywhere, onSearch }: Props) {
  const timer = useRef<ReturnType<typeof setTimeout>>();
  const field = useRef<HTMLInputElement>(null);
  const id = useId();

  // The search was ended elsewhere.
  useEffect(() => {
    clearTimeout(timer.current);
    if (text === "" && field.current) field.current.value = "";
  }, [text]);

  function search(where = everywhere) {
    clearTimeout(timer.current);
    onSearch(field.current?.value.trim() ?? "", where);
  }

  function type() {
    clearTimeout(timer.current);
    timer.current = setTimeout(search, TYPING_PAUSE_MS);
  }

  function submit(event: SubmitEvent) {
    event.preventDefault();
    search();
  }

  return (
    <search>
      <form onSubmit={submit}>
        <label for={id} class="unseen">
          {words.files.search}
        </label>
        <input
          id={id}
          ref={field}
          name="q"
          type="search"
          placeholder={words.files.search}
          autocomplete="off"
          maxLength={255}
          onInput={type}
        />
        <select
          aria-label={words.files.searchWhere}
          value={everywhere ? "all" : "folder"}
          onChange={({ currentTarget }) => search(currentTarget.value === "all")}
        >
          <option value="all">{words.files.everywhere}</option>
          <option value="folder">{words.files.thisFolder}</option>
        </select>
      </form>
    </search>
  );
}
