"""Check a JSON document as a stream, and say where its records begin and end.

No JSON library for Python both streams and tells byte offsets, which the archive needs to cut
a document between records. So the work is shared: a regular expression finds where values end,
and orjson, a strict parser, proves each piece. What doesn't fit into the window is descended
into, so that a document of any size and shape passes in the memory of a few windows. The
choice, with figures, is in docs/adr/0004-streaming-json.md.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable, Iterator
from typing import Any

import orjson

from wideload_runtime.core.errors import Refused
from wideload_runtime.core.ingest.json_window import ATOM, STRING, JsonWindow, Run, Steps, is_json
from wideload_runtime.core.ingest.summary import Summary

WINDOW = 1024 * 1024
BATCH = 256 * 1024
"""Bytes of records that are proved in one call, and at least so many go into one member."""

MAX_DEPTH = 512
"""Levels of nesting: half of what many a parser takes, among them Python's own."""
JUDGES_DEPTH = 1024
"""Levels that orjson takes. Framed in as many as we allow less, a piece is held to our limit."""
MAX_NUMBER = 4096
"""Characters of one number. JSON sets no limit; a parser downstream would."""
MAX_MEMBERS = 65_536
"""Members of the top-level object, whose names are remembered to refuse duplicates."""
_BRACKET = re.compile(
    rb'[^"{}\[\]]*+(?:"[^"\\]*+(?:\\.[^"\\]*+)*+"[^"{}\[\]]*+)*+[{}\[\]]', re.DOTALL
)
_SCALARS = re.compile(
    rb'(?:(?:"[^"\\]*+(?:\\.[^"\\]*+)*+"|[-+.0-9A-Za-z]++)[ \t\r\n]*+,[ \t\r\n]*+)++', re.DOTALL
)
_FIRST_NAME = re.compile(rb'\{[ \t\r\n]*+"[^"\\]++"')
_COMMA = re.compile(rb"[ \t\r\n]*+,[ \t\r\n]*+")
# Strict: the inside of a string too long for the window, which orjson never sees whole.
_STRING_BODY = re.compile(rb'(?:[^"\\\x00-\x1f]++|\\["\\/bfnrt]|\\u[0-9A-Fa-f]{4})*+')
_LONGEST_ESCAPE = 6

_OPEN = b"{["
_CLOSER = {ord("{"): ord("}"), ord("["): ord("]")}


class _Container:
    """An object or array that was descended into."""

    __slots__ = ("closer", "count", "is_array")

    def __init__(self, opener: int) -> None:
        self.is_array = opener == ord("[")
        self.closer = _CLOSER[opener]
        self.count = 0


class JsonScanner(JsonWindow):
    """Scan one document.

    Args:
        chunks: The document's bytes, in pieces of any size.
        records_field: Name of the top-level array whose elements are the records.
        window: Bytes held at once. A value that fits is proved whole by orjson.
        batch: Bytes of records in one `Run`, about.

    Attributes (complete once `runs()` is exhausted):
        summary: Top-level scalars, and lengths of top-level arrays.
        records: Number of elements of the records' array.
    """

    def __init__(
        self,
        chunks: Iterable[bytes],
        *,
        records_field: str,
        window: int = WINDOW,
        batch: int = BATCH,
    ) -> None:
        super().__init__(chunks, window=window)
        self.summary = Summary()
        self.records = 0
        self._records_field = records_field
        self._batch = batch
        self._stack: list[_Container] = []
        self._unfit: set[int] = set()  # offsets of brackets known not to close within a window
        self._no_guess_before = 0
        self._names: set[str] = set()
        self._name = ""

    def runs(self) -> Iterator[Run]:
        """Yield the document's pieces.

        Raises:
            Refused: `invalid_json`, `not_an_object`, `empty_body` or `document_too_large`.
        """
        yield from self._fill()
        yield from self._open_document()
        while self._stack:
            container = self._stack[-1]
            if container.is_array:
                yield from self._array_step(container)
            else:
                yield from self._object_step(container)
        yield from self._close_document()

    # The document's frame

    def _open_document(self) -> Steps[None]:
        if self._buffer.startswith(codecs.BOM_UTF8):
            self._refuse("it starts with a byte order mark, which JSON forbids (RFC 8259, 8.1)")
        yield from self._skip_space()
        if self._at_end():
            raise Refused("empty_body", "There is no document: send one JSON object.")
        first = self._buffer[self._position]
        if first != ord("{"):
            if first == ord("[") or (self._ended and is_json(self._buffer)):
                kind = "an array" if first == ord("[") else "a single value"
                raise Refused(
                    "not_an_object",
                    f"The document is {kind}; a call log is one JSON object: {{…}}.",
                )
            self._refuse("a JSON object starts with '{'")
        self._push()

    def _close_document(self) -> Steps[None]:
        yield from self._skip_space()
        if not self._at_end():
            self._refuse("something follows the end of the object")
        yield from self._emit()

    # One step in a container: a member, or elements, or its end

    def _object_step(self, container: _Container) -> Steps[None]:
        byte = yield from self._next_byte()
        if byte == container.closer:
            yield from self._pop()
            return
        if container.count:
            yield from self._expect(",", "'}'")
            byte = yield from self._next_byte()
        if byte != ord('"'):
            self._refuse("a member's name in double quotes is expected")
        if len(self._stack) > 1 and self._guess_members():
            container.count += 1
            return
        end = yield from self._token_end(STRING)
        if end is None:
            self._refuse(f"a member's name is longer than {self._window} bytes")
        name = self._prove(self._position, end)
        self._position = end
        container.count += 1
        yield from self._expect(":")
        if len(self._stack) == 1:
            self._enter_member(name)
        yield from self._value()

    def _guess_members(self) -> bool:
        """Pass over many members of an inner object, up to a comma that may end one.

        As with elements, orjson tells whether it does. Where no guess is right, none is made
        for a batch: members are passed one by one.
        """
        start = self._position
        limit = start + self._batch
        if self._offset + start < self._no_guess_before:
            return False
        for mark in (b"},", b"],", b","):
            comma = self._buffer.rfind(mark, start, limit) + len(mark) - 1
            piece = self._buffer[start : max(comma, start)]
            if comma > start and self._framed(b"{", piece, b"}") is not None:
                self._position = comma
                return True
        self._no_guess_before = self._offset + limit
        return False

    def _enter_member(self, name: str) -> None:
        if name in self._names:
            self._refuse(f"the member {name[:64]!r} stands twice at the top level")
        if len(self._names) >= MAX_MEMBERS:
            raise Refused(
                "document_too_large",
                f"The object has more than {MAX_MEMBERS} members at its top level; "
                "put them into an array.",
            )
        self._names.add(name)
        self._name = name

    def _array_step(self, container: _Container) -> Steps[None]:
        byte = yield from self._next_byte()
        if byte == container.closer:
            yield from self._pop()
            return
        if container.count:
            yield from self._expect(",", "']'")
            yield from self._next_byte()
        at_record = self._inside and len(self._stack) == 2
        if at_record:
            yield from self._emit(cut=True)
        count = yield from self._elements()
        if count:
            container.count += count
            if at_record:
                self._pending_records += count
                self.records += count
                yield from self._emit()
            return
        container.count += 1
        depth = len(self._stack)
        yield from self._value()
        while at_record and len(self._stack) > depth:  # a record larger than the window
            inner = self._stack[-1]
            yield from self._array_step(inner) if inner.is_array else self._object_step(inner)
        if at_record:
            self._pending_records += 1
            self.records += 1

    def _elements(self) -> Steps[int]:
        """Pass over the elements that are complete in the window; returns how many."""
        start = self._position
        while True:
            guessed = self._guess_elements(start)
            if guessed:
                return guessed
            end = self._elements_end(start)
            if end > start:
                values = self._prove(start, end, b"[%b]")
                self._position = end
                return len(values)
            if start == 0 or self._ended or self._offset + start in self._unfit:
                return 0
            yield from self._fill()
            start = self._position

    def _guess_elements(self, start: int) -> int:
        """Pass over elements up to one that starts as the first does; returns how many.

        Elements of an array mostly start alike, so that the last such start before the limit
        is the end of those before it. orjson tells whether it was: a guess that isn't between
        two elements leaves no valid JSON before it.
        """
        buffer = self._buffer
        limit = start + self._batch
        first = _FIRST_NAME.match(buffer, start)
        like_first = first[0] if first else buffer[start : start + 1]
        guess = -1
        if like_first[0] in _OPEN:
            guess = buffer.rfind(like_first, start + len(like_first), limit)
        if guess < 0:
            after = b"}," if first else b","
            guess = buffer.rfind(after, start, limit) + len(after)
        end = len(buffer[start : max(guess, start)].rstrip(b" \t\r\n")) + start - 1
        if end <= start or buffer[end] != ord(","):
            return 0
        values = self._framed(b"[", buffer[start:end], b"]")
        if values is None:
            return 0
        self._position = end
        return len(values)

    def _framed(self, opening: bytes, piece: bytes, closing: bytes) -> Any:
        """What a piece holds between two brackets; None if it isn't valid there.

        The more brackets around it make orjson refuse what is nested too deep for us. Each of
        them must hold one value, or the piece has closed some, and opened others.
        """
        frames = JUDGES_DEPTH - (MAX_DEPTH - len(self._stack)) - 1
        try:
            value = orjson.loads(b"[" * frames + opening + piece + closing + b"]" * frames)
        except orjson.JSONDecodeError:
            return None
        for _ in range(frames):
            if len(value) != 1:
                return None
            value = value[0]
        return value

    def _elements_end(self, start: int) -> int:
        buffer = self._buffer
        position = last = start
        limit = start + self._batch
        while position < limit and position < len(buffer):
            scalars = _SCALARS.match(buffer, position, max(limit, position + self._batch))
            if scalars:
                last = buffer.rfind(b",", position, scalars.end())
                position = scalars.end()
                continue
            end = self._value_end(position)
            if end is None:
                break
            last = end
            comma = _COMMA.match(buffer, end)
            if not comma:
                break
            position = comma.end()
        return last

    def _value_end(self, position: int) -> int | None:
        """Where the value that starts at `position` ends, if the window shows it."""
        buffer = self._buffer
        byte = buffer[position]
        if byte in _OPEN:
            return self._container_end(position)
        token = (STRING if byte == ord('"') else ATOM).match(buffer, position)
        if not token or (token.end() == len(buffer) and not self._ended and byte != ord('"')):
            return None
        return token.end()

    def _container_end(self, start: int) -> int | None:
        if self._offset + start in self._unfit:
            return None
        match = _BRACKET.match
        buffer = self._buffer
        allowed = MAX_DEPTH - len(self._stack)
        open_at: list[int] = []
        position = start
        while found := match(buffer, position):
            position = found.end()
            if buffer[position - 1] in _OPEN:
                open_at.append(position - 1)
                if len(open_at) > allowed:
                    self._position = position - 1
                    self._refuse(f"it is nested deeper than {MAX_DEPTH} levels")
            else:
                open_at.pop()
                if not open_at:
                    return position
        if start == 0:  # a whole window was seen: descend into what is open, without another look
            self._unfit = {self._offset + at for at in open_at}
        return None

    # Values

    def _value(self) -> Steps[None]:
        byte = yield from self._next_byte()
        top_level = len(self._stack) == 1
        is_records = top_level and byte == ord("[") and self._name == self._records_field
        if byte in _OPEN:
            end = None if is_records else (yield from self._container_end_filled())
            if end is None:
                self._push()
                if is_records:
                    yield from self._emit(inside_next=True)
                return
            value = self._prove(self._position, end)
            self._position = end
            if top_level and isinstance(value, list):
                self.summary.add_array(self._name, len(value))
            return
        if byte == ord('"'):
            end = yield from self._token_end(STRING)
            if end is None:
                yield from self._long_string()
                if top_level:
                    self.summary.complete = False
                return
        else:
            end = yield from self._token_end(ATOM)
            if end is None or end - self._position > MAX_NUMBER:
                self._refuse(f"a number has more than {MAX_NUMBER} characters")
            if end == self._position:
                self._refuse("a value is expected")
        value = self._prove(self._position, end)
        if top_level:
            self.summary.add_scalar(self._name, value, self._buffer[self._position : end])
        self._position = end

    def _container_end_filled(self) -> Steps[int | None]:
        end = self._container_end(self._position)
        known_unfit = self._offset + self._position in self._unfit
        if end is None and self._position > 0 and not self._ended and not known_unfit:
            yield from self._fill()
            end = self._container_end(self._position)
        return end

    def _long_string(self) -> Steps[None]:
        """Pass over a string longer than the window, in the memory of one."""
        utf8 = codecs.getincrementaldecoder("utf-8")()
        self._position += 1
        while True:
            body = _STRING_BODY.match(self._buffer, self._position)
            end = body.end() if body else self._position
            try:
                utf8.decode(self._buffer[self._position : end])
            except UnicodeDecodeError:
                self._refuse("a string is not UTF-8")
            self._position = end
            rest = len(self._buffer) - end
            if rest and self._buffer[end] == ord('"'):
                break
            if self._ended or rest >= _LONGEST_ESCAPE:
                self._refuse("it ends within a string" if not rest else "a string has a bad escape")
            yield from self._fill()
        try:
            utf8.decode(b"", final=True)
        except UnicodeDecodeError:
            self._refuse("a string is not UTF-8")
        self._position += 1

    # The stack

    def _push(self) -> None:
        if len(self._stack) >= MAX_DEPTH:
            self._refuse(f"it is nested deeper than {MAX_DEPTH} levels")
        self._stack.append(_Container(self._buffer[self._position]))
        self._position += 1

    def _pop(self) -> Steps[None]:
        container = self._stack.pop()
        if len(self._stack) == 1 and container.is_array:
            self.summary.add_array(self._name, container.count)
            if self._inside:
                yield from self._emit(inside_next=False)
        self._position += 1
