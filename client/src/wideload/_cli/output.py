"""The standard streams: names that are safe to print, JSON lines, readers and disks that fail."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import IO, Any, TextIO

import click

from wideload import FileInfo
from wideload._text import CONTROL_CHARACTERS, SURROGATE

# Paths by which programs write to standard output, besides "-".
_STANDARD_OUTPUT = {"-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"}
_BETWEEN_VALUES = re.compile("[\t\n\r]+")  # within strings these are escaped
_BEYOND_ASCII = re.compile("[^\x00-\x7f]+")


class OutputLostError(Exception):
    """Standard output can't be written to, as on a full disk."""


def printable(text: str) -> str:
    r"""`text` for a person to read: answers and file names may hold anything.

    What steers a terminal becomes `?`, and bytes that are no text are escaped as `\xe9`; nothing
    else changes. `main` has characters escaped that the locale's encoding lacks.
    """
    return SURROGATE.sub(_escaped, CONTROL_CHARACTERS.sub("?", text))


def json_line(value: object) -> str:
    """A value as one line of JSON that neither steers a terminal nor needs its encoding."""
    return json_text_line(json.dumps(value, ensure_ascii=False, separators=(",", ":")))


def json_text_line(text: str) -> str:
    """JSON text as one such line, its numbers as they are spelled."""
    line = _BETWEEN_VALUES.sub(" ", text)
    for unsafe in (CONTROL_CHARACTERS, SURROGATE):
        line = unsafe.sub(_json_escaped, line)
    utf8 = (getattr(sys.stdout, "encoding", None) or "utf-8").lower() in {"utf-8", "utf8"}
    return line if utf8 else _BEYOND_ASCII.sub(_json_escaped, line)


def echo(line: str) -> None:
    """Print a line at once.

    Raises:
        BrokenPipeError: Its reader has left.
        OutputLostError: It can't be written.
    """
    if sys.stdout is None:
        raise OutputLostError("standard output is closed")
    try:
        click.echo(line)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise _lost(error) from error


def print_json(members: Mapping[str, Any], summary: Mapping[str, str] | None = None) -> None:
    """Print one result for a program, at once; bytes of names that are no text as `printable`.

    Args:
        summary: A member `summary` besides, whose values are JSON text.

    Raises:
        BrokenPipeError, OutputLostError: As `echo`.
    """
    line = json_line(_texts(members))
    if summary is not None:
        inner = ",".join(f"{json_line(name)}:{text}" for name, text in summary.items())
        line = f'{line[:-1]},"summary":{{{inner}}}}}'
    echo(line)


def file_members(file: FileInfo) -> dict[str, Any]:
    """A file as members of a `--json` line, the same in all commands."""
    return {name: getattr(file, name) for name in file.__slots__ if name != "answer"}


def is_terminal(stream: TextIO | None) -> bool:
    """Whether a person reads or types there; a stream that is closed is None."""
    return stream is not None and stream.isatty()


def standard_input() -> IO[bytes]:
    """Bytes that come on standard input.

    Raises:
        click.UsageError: It is closed.
    """
    if sys.stdin is None:
        raise click.UsageError("standard input is closed: give a file, or pipe something in")
    return sys.stdin.buffer


def is_standard_output(path: str) -> bool:
    """Whether this path means standard output."""
    return path in _STANDARD_OUTPUT


@contextmanager
def standard_output() -> Iterator[IO[bytes]]:
    """What takes bytes for standard output.

    Raises:
        click.UsageError: It is closed.
        BrokenPipeError, OutputLostError: As `echo`.
    """
    if sys.stdout is None:
        raise click.UsageError("standard output is closed: there is nowhere to write to")
    try:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise _lost(error) from error


@contextmanager
def reader_may_leave() -> Iterator[None]:
    """End quietly and well when the reader goes away, as `head` does: it got what it wanted."""
    try:
        yield
    except BrokenPipeError:
        leave_standard_output()


def leave_standard_output() -> None:
    """Keep Python from complaining when it flushes at exit what nobody reads."""
    if sys.stdout is not None:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _lost(error: OSError) -> OutputLostError:
    leave_standard_output()
    return OutputLostError(f"standard output can't be written: {error.strerror or error}")


def _texts(value: Any) -> Any:
    if isinstance(value, str):
        return SURROGATE.sub(_escaped, value)
    if isinstance(value, Mapping):
        return {name: _texts(member) for name, member in value.items()}
    return value


def _escaped(found: re.Match[str]) -> str:
    number = ord(found[0])
    # As Python decodes bytes of names that are no text: https://peps.python.org/pep-0383/
    return f"\\x{number - 0xDC00:02x}" if 0xDC80 <= number <= 0xDCFF else f"\\u{number:04x}"


def _json_escaped(found: re.Match[str]) -> str:
    return json.dumps(found[0])[1:-1]
