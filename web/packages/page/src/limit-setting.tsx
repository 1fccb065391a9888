import { useId } from "preact/hooks";
import { words } from "./words.js";

const MIB = 1024 * 1024;
const LIMITS = [0.25, 0.5, 1, 2, 5, 10, 25, 50, 100].map((limit) => limit * MIB);

interface Props {
  /** Bytes a second; null: no limit. */
  readonly limit: number | null;
  readonly onChange: (limit: number | null) => void;
}

export function LimitSetting({ limit, onChange }: Props) {
  const id = useId();
  const known = limit === null || LIMITS.includes(limit) ? LIMITS : [...LIMITS, limit];
  return (
    <div class="limit">
      <label for={id}>{words.uploads.limit}</label>
      <select
        id={id}
        value={String(limit ?? "")}
        onChange={({ currentTarget }) => onChange(Number(currentTarget.value) || null)}
      >
        <option value="">{words.uploads.noLimit}</option>
        {known.map((each) => (
          <option key={each} value={String(each)}>
            {words.uploads.rate(each)}
          </option>
        ))}
      </select>
    </div>
  );
}
