"""Moving window over a JSON document."""

from __future__ import annotations

import gc
import re
from collections.abc import Generator, Iterable
from typing import NamedTuple, NoReturn, TypeAlias, TypeVar

from wideload_runtime.core.errors import Refused

_SPACE = re.compile(rb"[ \t\r\n]*+")
# Lenient on purpose: these only find ends; orjson checks the text between.
STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL)
ATOM = re.compile(rb"[-+.0-9A-Za-z]++")


class Run(NamedTuple):
    """A piece of the document; the pieces in order are exactly the document."""

    data: bytes
    records: int
    """Number of records that end in this piece."""
    inside: bool
    """Whether the piece lies within the brackets of the records' array."""
    cut: bool
    """Whether a new archive member may start with this piece."""


_T = TypeVar("_T")
Steps: TypeAlias = Generator[Run, None, _T]
"""A part of the scan: it yields runs whenever the window moves, and returns its result."""


class JsonWindow:
    """A window over a document, which yields the passed pieces as runs.

    Args:
        chunks: The document's bytes, in pieces of any size.
        window: Bytes held at once.
    """

    def __init__(self, chunks: Iterable[bytes], *, window: int) -> None:
        self._chunks = iter(chunks)
        self._window = window
        self._buffer = b""
        self._position = 0
        self._emitted = 0  # the text before it has been yielded as runs
        self._offset = 0  # position of the buffer's first byte in the document
        self._ended = False
        self._inside = False
        self._cut = False
        self._pending_records = 0

    def _emit(self, *, cut: bool = False, inside_next: bool | None = None) -> Steps[None]:
        """Yield the text before the position. `cut`: the next piece may start a member."""
        if self._position > self._emitted:
            data = self._buffer[self._emitted : self._position]
            self._emitted = self._position
            yield Run(data, self._pending_records, self._inside, self._cut)
            self._pending_records = 0
            self._cut = False
        if inside_next is not None:
            self._inside = inside_next
        if cut or inside_next is not None:
            self._cut = True

    def _fill(self) -> Steps[None]:
        """Drop passed bytes and read until the window is full or the document ends."""
        yield from self._emit()
        pieces = [self._buffer[self._position :]]
        held = len(pieces[0])
        while held < self._window or len(pieces) == 1:
            piece = next(self._chunks, None)
            if piece is None:
                self._ended = True
                break
            pieces.append(piece)
            held += len(piece)
        self._offset += self._position
        self._buffer = b"".join(pieces)
        self._position = self._emitted = 0

    def _ensure(self, size: int) -> Steps[None]:
        """Read until so many bytes follow the position, or the document ends."""
        if not self._ended and len(self._buffer) - self._position < size:
            yield from self._fill()

    def _next_byte(self) -> Steps[int]:
        """Return the next byte that isn't white space, without passing it."""
        yield from self._skip_space()
        if self._at_end():
            self._refuse("it ends too early: the upload may have been cut off")
        return self._buffer[self._position]

    def _skip_space(self) -> Steps[None]:
        while True:
            space = _SPACE.match(self._buffer, self._position)
            self._position = space.end() if space else self._position
            if self._position < len(self._buffer) or self._ended:
                return
            yield from self._fill()

    def _at_end(self) -> bool:
        return self._ended and self._position == len(self._buffer)

    def _expect(self, wanted: str, alternative: str = "") -> Steps[None]:
        byte = yield from self._next_byte()
        if byte != ord(wanted):
            or_else = f" or {alternative}" if alternative else ""
            self._refuse(f"'{wanted}'{or_else} is expected")
        self._position += 1

    def _refuse(self, reason: str, *, at: int | None = None) -> NoReturn:
        """
        Args:
            reason: Kinds of tokens and positions only: no text of the document.
            at: Byte of the document. Default: the position.
        """
        place = self._offset + self._position if at is None else at
        raise Refused(
            "invalid_json", f"The document is not valid JSON near byte {place}: {reason}."
        )

    def _token_end(self, pattern: re.Pattern[bytes]) -> Steps[int | None]:
        """Return where the token at the position ends; None if it is longer than the window."""
        while True:
            token = pattern.match(self._buffer, self._position)
            whole = token and (self._ended or pattern is STRING or token.end() < len(self._buffer))
            if token and whole:
                return token.end()
            if self._ended:
                if pattern is STRING:
                    self._refuse("it ends within a string")
                return self._position
            if not token and pattern is ATOM and self._position < len(self._buffer):
                return self._position
            if self._position == 0 and len(self._buffer) >= self._window:
                return None
            yield from self._fill()


class without_collector:  # noqa: N801 - used as a function
    """Parse without the cyclic garbage collector, which would visit each new container repeatedly;
    values of JSON have no cycles. With it, parsing of nested arrays took twice as long.
    """

    def __enter__(self) -> None:
        self._was_enabled = gc.isenabled()
        gc.disable()

    def __exit__(self, *_: object) -> None:
        if self._was_enabled:
            gc.enable()
