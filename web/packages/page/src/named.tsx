interface Props {
  readonly text: (name: string) => string;
  readonly name: string;
}

/** A sentence with a name in it, whose direction doesn't change that of the sentence. */
export function Named({ text, name }: Props) {
  const [before, after] = text("\ufffc").split("\ufffc");
  return (
    <>
      {before}
      <bdi>{name}</bdi>
      {after}
    </>
  );
}
