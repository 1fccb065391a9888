"""Check a JSON document as a stream, and find where its records begin and end.

No JSON library for Python both streams and reports byte offsets, which the archive needs to cut
a document between records. So the work is shared: regular expressions find a place to cut that
lies outside strings, the brackets before it show what is open there, and orjson, a strict
parser, checks each piece between brackets that open and close it. Every step runs in C over a
batch of bytes, so that time grows with the size of a document and hardly with its shape. The
choice, with figures, is in docs/adr/0004-streaming-json.md.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import NoReturn

import orjson

from wideload_runtime.core.errors import Refused
from wideload_runtime.core.ingest.json_brackets import (
    OPENERS,
    brackets,
    closed_by,
    first_left_open,
    last_break,
    nth_bracket,
)
from wideload_runtime.core.ingest.json_values import MAX_NUMBER, SPACE, JsonValues
from wideload_runtime.core.ingest.json_window import ATOM, STRING, Run, Steps, without_collector
from wideload_runtime.core.ingest.summary import Summary

WINDOW = 1024 * 1024
BATCH = 256 * 1024
"""Bytes that are checked in one call, and the least bytes of records in one member."""

MAX_MEMBERS = 65_536
"""Members of the top-level object, whose names are remembered to refuse duplicates."""
BATCHES_WITHOUT_GUESS = 8
"""Batches without a guess after a wrong one."""

_PLAIN_LEVELS = 32
_CONTAINER = rb"[\[{](?:[^\[\]{}\"]++|%b)*+[\]}]" % STRING.pattern
for _ in range(_PLAIN_LEVELS - 1):
    _CONTAINER = rb"[\[{](?:[^\[\]{}\"]++|%b|%b)*+[\]}]" % (STRING.pattern, _CONTAINER)
# A member of the top-level object; lenient as the other patterns.
_MEMBER = rb"%b%b%b:%b(%b|%b|%b)%b" % (
    SPACE, STRING.pattern, SPACE, SPACE, STRING.pattern, ATOM.pattern, _CONTAINER, SPACE
)  # fmt: skip
_PLAIN_MEMBER = re.compile(_MEMBER, re.DOTALL)
_PLAIN_MEMBERS = re.compile(rb"(?:%b,)++" % _MEMBER, re.DOTALL)
_FIRST_NAME = re.compile(rb'\{[ \t\r\n]*+"[^"\\]++"')
_DECODER = json.JSONDecoder()
_OTHER_FORMATS = {
    b"\xef\xbb\xbf": "it starts with a byte order mark, which JSON forbids (RFC 8259, 8.1)",
    b"\xff\xfe": "it is UTF-16: send UTF-8",
    b"\xfe\xff": "it is UTF-16: send UTF-8",
    b"{\x00": "it is UTF-16: send UTF-8",
    b"\x00{": "it is UTF-16: send UTF-8",
    b"\x1f\x8b": "it is gzip within gzip: gzip it once",
    b"PK\x03\x04": "it is a zip archive: send JSON or its gzip",
    b"\x28\xb5\x2f\xfd": "it is compressed with zstd: send JSON or its gzip",
    b"BZh": "it is compressed with bzip2: send JSON or its gzip",
    b"\xfd7zXZ": "it is compressed with xz: send JSON or its gzip",
}


class JsonScanner(JsonValues):
    """Scan one document.

    Args:
        chunks: The document's bytes, in pieces of any size.
        records_field: Name of the top-level array whose elements are the records.
        window: Bytes held at once.
        batch: Bytes checked at once, at most `window`; about the bytes of records in one `Run`.

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
        super().__init__(chunks, window=window, batch=batch)
        self.summary = Summary()
        self.records = 0
        self._records_field = records_field
        self._no_guess_before = 0
        self._too_large = -1  # start of an element whose end is not searched for
        self._no_plain_before = 0
        self._names: set[str] = set()

    def runs(self) -> Iterator[Run]:
        """Yield the document's pieces.

        Raises:
            Refused: `invalid_json`, `not_an_object`, `empty_body` or `document_too_large`.
        """
        yield from self._fill()
        yield from self._open_document()
        while (yield from self._next_byte()) != ord("}"):
            if self._fresh or not self._plain_members():
                yield from self._member()
        self._pop()
        yield from self._close_document()

    # The document's frame

    def _open_document(self) -> Steps[None]:
        for start, what in _OTHER_FORMATS.items():
            if self._buffer.startswith(start):
                self._refuse(what)
        yield from self._skip_space()
        if self._at_end():
            raise Refused("empty_body", "There is no document: send one JSON object.")
        first = self._buffer[self._position]
        if first != ord("{"):
            if first == ord("[") or (self._ended and self._is_one_value()):
                kind = "an array" if first == ord("[") else "a single value"
                raise Refused(
                    "not_an_object",
                    f"The document is {kind}; a call log is one JSON object: {{…}}.",
                )
            self._refuse("a JSON object starts with '{'")
        self._push()

    def _is_one_value(self) -> bool:
        try:
            orjson.loads(self._buffer)
        except orjson.JSONDecodeError:
            return False
        return True

    def _close_document(self) -> Steps[None]:
        yield from self._skip_space()
        if not self._at_end():
            self._refuse("something follows the end of the object")
        yield from self._emit()

    # Members of the top-level object

    def _plain_members(self) -> bool:
        """Pass over members with small values, as most have; False if the next has none."""
        start = self._position + 1  # after the comma
        if self._buffer[start - 1] != ord(",") or self._offset + start < self._no_plain_before:
            return False
        found = _PLAIN_MEMBERS.match(self._buffer, start, start + self._batch)
        if not found:
            return False
        end = found.end() - 1
        members = self._prove(start, end, b"{", b"}", around=0)
        tokens = _PLAIN_MEMBER.findall(self._buffer, start, end)
        if (
            len(tokens) != len(members)
            or not self._names.isdisjoint(members)
            or any(len(token) > MAX_NUMBER and token[:1] not in b'"[{' for token in tokens)
            or self._records_field in members
        ):  # one of them needs another step
            self._no_plain_before = self._offset + end
            return False
        if len(self._names) + len(members) > MAX_MEMBERS:
            _refuse_members()
        for (name, value), token in zip(members.items(), tokens, strict=True):
            if isinstance(value, list):
                self.summary.add_array(name, len(value))
            elif not isinstance(value, dict):
                self.summary.add_scalar(name, value, token)
        self._names.update(members)
        self._position = end
        return True

    def _member(self) -> Steps[None]:
        name = yield from self._member_name()
        self._enter_member(name)
        yield from self._member_value(name)
        self._fresh = False

    def _enter_member(self, name: str) -> None:
        if name in self._names:
            self._refuse("a name stands twice at the top level", at=self._name_start)
        if len(self._names) >= MAX_MEMBERS:
            _refuse_members()
        self._names.add(name)

    def _member_value(self, name: str) -> Steps[None]:
        byte = yield from self._next_byte()
        if byte == ord("[") and name == self._records_field:
            yield from self._records_array()
            self.summary.add_array(name, self.records)
        elif byte in OPENERS:
            yield from self._member_container(name)
        else:
            end = yield from self._scalar_end()
            if end is None:
                self.summary.complete = False
            else:
                self._add_scalar(name, end)

    def _add_scalar(self, name: str, end: int) -> None:
        value = self._prove(self._position, end, around=1)
        self.summary.add_scalar(name, value, self._buffer[self._position : end])
        self._position = end

    def _member_container(self, name: str) -> Steps[None]:
        is_array = self._buffer[self._position] == ord("[")
        end = yield from self._container_end()
        if end is None:
            self._length = 0
            self._push()
            yield from self._descend(to=1)
            length = self._length
        else:
            length = len(self._prove(self._position, end, around=1))
            self._position = end
        if is_array:
            self.summary.add_array(name, length)

    def _container_end(self) -> Steps[int | None]:
        """Return where the container at the position ends; None if it is larger than a batch.

        A wrong guess of its size costs a part of the next, so that the total time is linear.
        """
        for size in (self._batch // 64 or 1, self._batch // 8 or 1, self._batch):
            yield from self._ensure(size)
            # One character for each byte, so that positions are kept; orjson checks UTF-8.
            text = self._buffer[self._position : self._position + size].decode("latin-1")
            try:
                with without_collector():
                    return self._position + _DECODER.raw_decode(text)[1]
            except (ValueError, RecursionError):
                continue
        return None

    # Records

    def _records_array(self) -> Steps[None]:
        self._push()
        yield from self._emit(inside_next=True)
        while (yield from self._next_byte()) != ord("]"):
            if not self._fresh:
                yield from self._expect(",", "']'")
                yield from self._next_byte()
            yield from self._emit(cut=True)
            yield from self._ensure(self._batch)
            count = 0
            if self._offset + self._position != self._too_large:
                count = self._guess_elements() or self._elements()
            if not count:
                yield from self._value()
                count = 1
            self._fresh = False
            self._pending_records += count
            self.records += count
            yield from self._emit()
        yield from self._emit(inside_next=False)
        self._pop()

    def _guess_elements(self) -> int:
        """Pass over elements up to one that starts as the first does; return their number.

        Elements of an array mostly start alike, so that the last such start before the limit
        is probably between two elements. orjson shows whether it is: otherwise the text before
        it is no valid JSON.
        """
        buffer, start = self._buffer, self._position
        if self._offset + start < self._no_guess_before:
            return 0
        limit = start + self._batch
        first = _FIRST_NAME.match(buffer, start)
        like_first = first[0] if first else buffer[start : start + 1]
        guess = -1
        if like_first[0] in OPENERS:
            guess = buffer.rfind(like_first, start + len(like_first), limit)
        if guess < 0:
            after = b"}," if first else b","
            guess = buffer.rfind(after, start, limit) + len(after)
        end = start + len(buffer[start : max(guess, start)].rstrip(b" \t\r\n")) - 1
        if end <= start or buffer[end] != ord(","):
            return 0
        try:
            values = self._parse(start, end, b"[", b"]", around=1)
        except orjson.JSONDecodeError:
            self._no_guess_before = self._offset + start + BATCHES_WITHOUT_GUESS * self._batch
            return 0
        self._position = end
        return len(values)

    def _elements(self) -> int:
        """Pass over the elements that are whole within a batch; return their number."""
        buffer, start = self._buffer, self._position
        end = last_break(buffer, start, start + self._batch)
        found = brackets(buffer[start:end])
        opened = self._nested(b"[", found, around=1)
        if opened is None:  # the array ends here, or its brackets don't match, as orjson finds
            ends_at = closed_by(found, 1)
            end = nth_bracket(buffer, start, ends_at) - 1 if ends_at else end
        elif len(opened) > 1:
            # The last element is cut off: those before it end with the comma before it.
            last = nth_bracket(buffer, start, first_left_open(found)) - 1
            if end - last > self._batch // 2:  # tried once; a batch of its own would not help
                self._too_large = self._offset + last
            end = start + len(buffer[start:last].rstrip(b" \t\r\n")) - 1
        if end <= start:
            return 0
        values = self._prove(start, end, b"[", b"]", around=1)
        self._position = end
        return len(values)


def _refuse_members() -> NoReturn:
    raise Refused(
        "document_too_large",
        f"The object has more than {MAX_MEMBERS} members at its top level; put them into an array.",
    )
