/** Numbers, sizes, times and plural forms of a language, by `Intl`. */

/** Texts by the plural categories of the language; `#` stands for the number. */
export type Forms = { readonly other: string } & Partial<Record<Intl.LDMLPluralRule, string>>;

export interface Formats {
  /** `1,200`. */
  number(value: number): string;
  /** `42%`, of a share of 0.42. */
  percent(share: number): string;
  /** `1.2 GB`; a kB is 1,024 bytes, rounded as in Uppy's Dashboard and on the command line. */
  bytes(size: number): string;
  /** `40 secs`, `4 mins`, `2 hrs 10 mins`. */
  duration(seconds: number): string;
  /** `12 Mar 2026, 14:05`, in the person's own time zone. */
  moment(iso: string): string;
  /** The form of a text for a number. */
  plural(value: number, forms: Forms): string;
}

const UNITS = ["byte", "kilobyte", "megabyte", "gigabyte", "terabyte", "petabyte"];

/** @param tag - BCP 47 tag of the language. */
export function formatsOf(tag: string): Formats {
  const numbers = new Intl.NumberFormat(tag);
  const percents = new Intl.NumberFormat(tag, { style: "percent" });
  // Once: to make one takes longer than to draw a row.
  const moments = new Intl.DateTimeFormat(tag, { dateStyle: "medium", timeStyle: "short" });
  const rules = new Intl.PluralRules(tag);
  const units = new Map<string, Intl.NumberFormat>();

  function unit(value: number, name: string, maximumFractionDigits = 0): string {
    const key = `${name} ${maximumFractionDigits}`;
    let format = units.get(key);
    if (!format) {
      // Whole words for bytes, as the abbreviation "byte" has no plural.
      const unitDisplay = name === "byte" ? "long" : "short";
      const style = { style: "unit", unit: name, unitDisplay, maximumFractionDigits } as const;
      format = new Intl.NumberFormat(tag, style);
      units.set(key, format);
    }
    return format.format(value);
  }

  return {
    number: (value) => numbers.format(value),
    percent: (share) => percents.format(share),
    bytes(size) {
      const whole = Math.round(size);
      const power = whole < 1 ? 0 : Math.floor(Math.log(whole) / Math.log(1024));
      const exponent = Math.min(power, UNITS.length - 1);
      const value = whole / 1024 ** exponent;
      const digits = exponent < 3 ? Number(value < 10) : 2;
      return unit(value, UNITS[exponent] ?? "byte", digits);
    },
    duration(seconds) {
      if (seconds < 60) return unit(Math.max(1, Math.ceil(seconds)), "second");
      const minutes = Math.ceil(seconds / 60);
      if (minutes < 60) return unit(minutes, "minute");
      const hours = unit(Math.floor(minutes / 60), "hour");
      const rest = minutes % 60;
      return rest > 0 ? `${hours} ${unit(rest, "minute")}` : hours;
    },
    moment: (iso) => moments.format(new Date(iso)),
    plural: (value, forms) =>
      (forms[rules.select(value)] ?? forms.other).replace("#", numbers.format(value)),
  };
}

// Letters that are written from right to left: Hebrew, Arabic and others of their blocks.
const RIGHT_TO_LEFT =
  /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc\u{10800}-\u{10fff}\u{1e800}-\u{1efff}]/u;

/** A name within a sentence: if it is written from right to left, so that the rest stays in order. */
export function isolated(name: string): string {
  return RIGHT_TO_LEFT.test(name) ? `\u2068${name}\u2069` : name;
}
