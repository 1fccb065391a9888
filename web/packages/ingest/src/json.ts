/** Texts within the JSON of answers: a document as it was sent, and numbers with all digits. */

/** Name and text of each member of a JSON object, spaces around the text included. */
export function* membersOf(text: string): Generator<[name: string, value: string]> {
  for (const part of parts(text, "{", "}")) {
    const start = part.length - part.trimStart().length;
    const end = endOfString(part, start) + 1;
    const colon = part.indexOf(":", end);
    const name: unknown = JSON.parse(part.slice(start, end));
    if (typeof name !== "string" || colon < 0 || part.slice(end, colon).trim())
      throw new SyntaxError("a member has no name");
    yield [name, part.slice(colon + 1)];
  }
}

/** Text of each element of a JSON array. */
export function* elementsOf(text: string): Generator<string> {
  for (const part of parts(text, "[", "]")) yield part.trim();
}

/** What is between the brackets of an object or array, cut at its commas. */
function* parts(text: string, open: string, close: string): Generator<string> {
  const whole = text.trim();
  if (!whole.startsWith(open) || !whole.endsWith(close) || whole.length < 2)
    throw new SyntaxError(`no ${open}…${close}`);
  let depth = 0;
  let start = 1;
  for (let at = 1; at < whole.length - 1; at += 1) {
    const character = whole[at];
    if (character === '"') at = endOfString(whole, at);
    else if (character === "{" || character === "[") depth += 1;
    else if (character === "}" || character === "]") depth -= 1;
    else if (character === "," && depth === 0) {
      yield whole.slice(start, at);
      start = at + 1;
    }
  }
  const last = whole.slice(start, -1);
  if (start > 1 || last.trim()) yield last;
}

/** Offset of the quote that ends the string which begins at `at`. */
function endOfString(text: string, at: number): number {
  for (let end = at + 1; end < text.length; end += 1) {
    if (text[end] === "\\") end += 1;
    else if (text[end] === '"') return end;
  }
  throw new SyntaxError("a string has no end");
}
