interface Props {
  readonly text: (name: string, folder: string) => string;
  readonly name: string;
  readonly folder?: string | undefined;
}

const MARKS = /([\ufffb\ufffc])/;

/** A sentence with names in it, whose direction doesn't change that of the sentence. */
export function Named({ text, name, folder = "" }: Props) {
  const names: Readonly<Record<string, string>> = { "\ufffc": name, "\ufffb": folder };
  const pieces = text("\ufffc", "\ufffb").split(MARKS);
  return (
    <>{pieces.map((piece) => (piece in names ? <bdi key={piece}>{names[piece]}</bdi> : piece))}</>
  );
}
