"""Pass over values of any size and shape, and check each piece of them.

A value larger than a batch is passed over in pieces; only its open brackets are kept. Each piece
is parsed by orjson between brackets that open and close it.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable
from typing import Any, NoReturn

import orjson

from wideload_runtime.core.ingest.json_brackets import (
    OPENERS,
    brackets,
    closed_by,
    closers,
    last_break,
    nested,
    nth_bracket,
)
from wideload_runtime.core.ingest.json_window import (
    ATOM,
    STRING,
    JsonWindow,
    Steps,
    without_collector,
)

MAX_DEPTH = 512
"""Levels of nesting: half of the limit of many parsers, such as Python's."""
JUDGES_DEPTH = 1024
"""Levels that orjson accepts. A frame of as many levels as ours are fewer enforces our limit."""
_SHORT_PIECE = 16 * 1024
"""Bytes up to which counting a piece's brackets takes less time than frames around it."""
MAX_NUMBER = 4096
"""Characters of one number. JSON sets no limit, but parsers downstream do."""

SPACE = rb"[ \t\r\n]*+"
_MEMBER_NAME = re.compile(rb"%b(,?)%b(%b)%b:" % (SPACE, SPACE, STRING.pattern, SPACE), re.DOTALL)
# Strict: the inside of a string too long for the window, which orjson never sees whole. An escaped
# surrogate stands in a pair, or isn't a character.
_STRING_BODY = re.compile(
    rb'(?:[^"\\\x00-\x1f]++|\\["\\/bfnrt]|\\u(?![dD][89a-fA-F])[0-9a-fA-F]{4}'
    rb"|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2})*+"
)
_LONGEST_ESCAPE = 12
_REASONS = {
    "no low surrogate in string": "a string has half a surrogate pair",
    "invalid high surrogate in string": "a string has half a surrogate pair",
    "number is infinity when parsed as double": "a number is beyond the range of IEEE 754 doubles "
    "(1.8e308), which is what JSON's readers agree on (RFC 8259, 6): send it as a string",
}


class JsonValues(JsonWindow):
    """
    Args:
        chunks: The document's bytes, in pieces of any size.
        window: Bytes held at once.
        batch: Bytes checked at once, at most `window`.
    """

    def __init__(self, chunks: Iterable[bytes], *, window: int, batch: int) -> None:
        super().__init__(chunks, window=window)
        self._batch = batch
        self._open = bytearray()  # the opening brackets of the containers around the position
        self._fresh = True  # the innermost of them is empty so far
        self._length = 0  # elements of the top-level array around the position
        self._name_start = 0  # position of the last name in the document

    def _value(self) -> Steps[None]:
        """Pass over one value."""
        if (yield from self._next_byte()) in OPENERS:
            depth = len(self._open)
            self._push()
            yield from self._descend(to=depth)
            return
        end = yield from self._scalar_end()
        if end is not None:
            self._prove(self._position, end, around=len(self._open))
            self._position = end

    def _descend(self, *, to: int) -> Steps[None]:
        """Pass over all containers open deeper than `to` levels."""
        while len(self._open) > to:
            yield from self._ensure(self._batch)
            if not self._piece(to):
                yield from self._step()

    def _piece(self, base: int) -> bool:
        """Pass over as much of the values open below `base` as a batch holds; False if nothing."""
        buffer, start = self._buffer, self._position
        inner = bytes(self._open[base:])
        # Try a small piece first: the rest of a container is often small.
        for size in (self._batch // 64 or 1, self._batch):
            end = last_break(buffer, start, start + size)
            found = brackets(buffer[start:end])
            opened = self._nested(inner, found, around=base)
            if opened is None:
                break
        if end <= start:
            return False
        if opened is None:
            ends_at = closed_by(found, len(inner))
            # If brackets don't match, none may end it: then orjson finds the error.
            end = nth_bracket(buffer, start, ends_at) if ends_at else end
            opened = b""
        value = self._prove(start, end, self._prefix(inner), closers(opened), around=base)
        if base == 1 and isinstance(value, list):
            self._length += len(value) - (not self._fresh or len(inner) > 1)
        self._open[base:] = opened
        last = buffer[start:end].rstrip(b" \t\r\n")[-1:]
        if last:
            self._fresh = last in OPENERS
        self._position = end
        return True

    def _nested(self, now_open: bytes, found: bytes, *, around: int) -> bytes | None:
        opened = nested(now_open, found)
        if opened and around + len(opened) > MAX_DEPTH:
            self._refuse_depth()
        return opened

    def _prefix(self, inner: bytes) -> bytes:
        """Return JSON after which a parser is within `inner`.

        Its last value is a string, which no following text can continue, as `.5` could continue
        a number.
        """
        around = inner[:-1].replace(b"{", b'{"":')
        innermost = inner[-1:]
        if self._fresh:
            return around + innermost
        return around + (b'[""' if innermost == b"[" else b'{"":""')

    def _step(self) -> Steps[None]:
        """Pass over, or into, one member or element whose token is too long for a batch."""
        byte = yield from self._next_byte()
        innermost = self._open[-1]
        if byte == closers(self._open[-1:])[0]:
            self._pop()
            return
        if innermost == ord("{"):
            yield from self._member_name()
        elif not self._fresh:
            yield from self._expect(",", "']'")
        self._length += len(self._open) == 2
        if (yield from self._next_byte()) in OPENERS:
            self._push()
            return
        yield from self._value()
        self._fresh = False

    def _member_name(self) -> Steps[str]:
        """Pass over the text before a member's value: comma, name, colon."""
        found = _MEMBER_NAME.match(self._buffer, self._position)
        if found and bool(found[1]) != self._fresh:
            self._name_start = self._offset + found.start(2)
            name: str = self._prove(*found.span(2), around=1)
            self._position = found.end()
            return name
        # Step by step: it is invalid, or cut off at the window's end.
        if not self._fresh:
            yield from self._expect(",", "'}'")
        if (yield from self._next_byte()) != ord('"'):
            self._refuse("a member's name in double quotes is expected")
        end = yield from self._token_end(STRING)
        if end is None:
            self._refuse(f"a member's name is longer than {self._window} bytes")
        self._name_start = self._offset + self._position
        name = self._prove(self._position, end, around=1)
        self._position = end
        yield from self._expect(":")
        return name

    def _scalar_end(self) -> Steps[int | None]:
        """Return where the string, number or word ends; None after passing a longer string."""
        if (yield from self._next_byte()) == ord('"'):
            end = yield from self._token_end(STRING)
            if end is None:
                yield from self._long_string()
            return end
        end = yield from self._token_end(ATOM)
        if end is None or end - self._position > MAX_NUMBER:
            self._refuse(f"a number has more than {MAX_NUMBER} characters")
        if end == self._position:
            self._refuse("a value is expected")
        return end

    def _long_string(self) -> Steps[None]:
        """Pass over a string longer than the window, in the memory of one window."""
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

    # Open containers

    def _push(self) -> None:
        if len(self._open) >= MAX_DEPTH:
            self._refuse_depth()
        self._open.append(self._buffer[self._position])
        self._fresh = True
        self._position += 1

    def _pop(self) -> None:
        del self._open[-1]
        self._fresh = False
        self._position += 1

    # Checks

    def _prove(
        self, start: int, end: int, before: bytes = b"", after: bytes = b"", *, around: int
    ) -> Any:
        """Parse a piece with orjson, which refuses anything but strict JSON."""
        try:
            return self._parse(start, end, before, after, around=around)
        except orjson.JSONDecodeError as error:
            if "depth" in error.msg:
                self._refuse_depth()
            try:  # orjson doesn't say where
                self._buffer[start:end].decode()
            except UnicodeDecodeError as not_utf8:
                self._position = start + not_utf8.start
                self._refuse("a string is not UTF-8")
            self._position = start + min(max(0, error.pos), end - start)
            self._refuse(_REASONS.get(error.msg, error.msg))

    def _parse(self, start: int, end: int, before: bytes, after: bytes, *, around: int) -> Any:
        """Return the value of a piece within the brackets around it.

        Args:
            around: Levels of nesting around all of it.

        Raises:
            orjson.JSONDecodeError: It is invalid there, at `pos` of the piece.
        """
        piece = self._buffer[start:end]
        levels = before.count(b"[") + before.count(b"{") if before else 0
        deepest = around + levels + len(piece)
        if MAX_DEPTH < deepest < _SHORT_PIECE:
            deepest = around + levels + piece.count(b"[") + piece.count(b"{")
        # Additional brackets around it make orjson refuse too deep nesting. Each of them must hold
        # one value, else the piece has closed some of them and opened others.
        frames = JUDGES_DEPTH - MAX_DEPTH + around if deepest > MAX_DEPTH else 0
        try:
            with without_collector():
                value = orjson.loads(
                    b"".join((b"[" * frames, before, piece, after, b"]" * frames))  # one copy
                )
        except orjson.JSONDecodeError as error:
            place = len(error.doc[: error.pos].encode()) - frames - len(before)
            raise orjson.JSONDecodeError(error.msg, "", place) from None
        try:
            for _ in range(frames):
                [value] = value
        except ValueError:
            raise orjson.JSONDecodeError("brackets do not match", "", 0) from None
        return value

    def _refuse_depth(self) -> NoReturn:
        self._refuse(f"it is nested deeper than {MAX_DEPTH} levels")
