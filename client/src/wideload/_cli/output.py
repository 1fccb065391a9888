"""Standard input and output: text that is safe to print, JSON lines, and output that fails."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict
from typing import IO, Any, TextIO

import click

from wideload import FileInfo, FolderInfo, UploadInfo
from wideload._text import CONTROL_CHARACTERS, SURROGATE

# Paths that mean standard output.
_STANDARD_OUTPUT = {"-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"}
_BETWEEN_VALUES = re.compile("[\t\n\r]+")  # within strings these are escaped
_BEYOND_ASCII = re.compile("[^\x00-\x7f]+")


class OutputLostError(Exception):
    """Standard output can't be written to, as on a full disk."""


class ReaderLeftError(OutputLostError):
    """The reader of standard output, such as `head`, has closed the pipe."""

    def __init__(self) -> None:
        super().__init__("standard output's reader has left")


def printable(text: str) -> str:
    r"""Make text from file names and answers safe to print on a terminal.

    Control characters become `?`, and bytes that aren't text are escaped as `\xe9`; nothing else
    changes. Characters that the locale's encoding lacks are escaped by `main`'s error handler.
    """
    return SURROGATE.sub(_escaped, CONTROL_CHARACTERS.sub("?", text))


def json_line(value: object) -> str:
    """A value as one line of JSON, safe on any terminal and in any encoding."""
    return json_text_line(json.dumps(value, ensure_ascii=False, separators=(",", ":")))


def json_text_line(text: str) -> str:
    """JSON text as one such line; numbers keep their digits."""
    line = _BETWEEN_VALUES.sub(" ", text)
    for unsafe in (CONTROL_CHARACTERS, SURROGATE):
        line = unsafe.sub(_json_escaped, line)
    utf8 = (getattr(sys.stdout, "encoding", None) or "utf-8").lower() in {"utf-8", "utf8"}
    return line if utf8 else _BEYOND_ASCII.sub(_json_escaped, line)


def echo(line: str) -> None:
    """Print a line on standard output, and flush it.

    Raises:
        ReaderLeftError: The reader has closed the pipe.
        OutputLostError: It can't be written.
    """
    if sys.stdout is None:
        raise OutputLostError("standard output is closed")
    try:
        click.echo(line)
    except OSError as error:
        raise _lost(error) from error


def print_json(members: Mapping[str, Any], summary: Mapping[str, str] | None = None) -> None:
    """Print a JSON object as one line; bytes of names that aren't text are escaped as `\\xe9`.

    Args:
        summary: Values of a further member `summary`, as JSON text.

    Raises:
        ReaderLeftError, OutputLostError: As for `echo`.
    """
    line = json_line(_texts(members))
    if summary is not None:
        inner = ",".join(f"{json_line(name)}:{text}" for name, text in summary.items())
        line = f'{line[:-1]},"summary":{{{inner}}}}}'
    echo(line)


def members_of(item: FileInfo | FolderInfo) -> dict[str, Any]:
    """The members of a file or a folder in a `--json` line, the same in all commands."""
    members = {name: getattr(item, name) for name in item.__slots__ if name != "answer"}
    if members.get("quarantined"):
        members["quarantined"] = asdict(members["quarantined"])
    return members


def file_state(file: FileInfo) -> str:
    """The state of a file's content in a word."""
    if file.quarantined:
        return "quarantined"
    return "corrupt" if file.corrupt else "verified" if file.verified else "unverified"


def path_of(item: FileInfo | UploadInfo | FolderInfo) -> str:
    """The path of a file or an upload, or of a folder with / at its end."""
    if isinstance(item, FolderInfo):
        return f"{item.folder}/"
    return f"{item.folder}/{item.name}" if item.folder else item.name


def is_terminal(stream: TextIO | None) -> bool:
    """Whether a stream is a terminal; Python's closed standard streams are None."""
    return stream is not None and stream.isatty()


def standard_input() -> IO[bytes]:
    """Standard input as bytes.

    Raises:
        click.UsageError: It is closed.
    """
    if sys.stdin is None:
        raise click.UsageError("standard input is closed: give a file, or pipe something in")
    return sys.stdin.buffer


def is_standard_output(path: str) -> bool:
    """Whether a path means standard output."""
    return path in _STANDARD_OUTPUT


def check_standard_output() -> None:
    """Refuse a standard output that is closed.

    Raises:
        click.UsageError: It is.
    """
    if sys.stdout is None:
        raise click.UsageError("standard output is closed: give --output a file")


@contextmanager
def standard_output() -> Iterator[IO[bytes]]:
    """Give standard output for bytes, and flush it at the end.

    Raises:
        ReaderLeftError, OutputLostError: As for `echo`.
    """
    try:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
    except OSError as error:
        if error.filename:  # another file's
            raise
        raise _lost(error) from error


@contextmanager
def end_when_reader_leaves() -> Iterator[None]:
    """End without an error when the reader closes the pipe: `head` has read enough."""
    with suppress(ReaderLeftError):
        yield


def discard_standard_output() -> None:
    """Write to the null device from now on, so that Python's flush at exit can't fail."""
    if sys.stdout is not None:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _lost(error: OSError) -> OutputLostError:
    discard_standard_output()
    if isinstance(error, BrokenPipeError):
        return ReaderLeftError()
    return OutputLostError(f"standard output can't be written: {error.strerror or error}")


def _texts(value: Any) -> Any:
    if isinstance(value, str):
        return SURROGATE.sub(_escaped, value)
    if isinstance(value, Mapping):
        return {name: _texts(member) for name, member in value.items()}
    return value


def _escaped(found: re.Match[str]) -> str:
    number = ord(found[0])
    # Python decodes bytes of names that aren't text so: https://peps.python.org/pep-0383/
    return f"\\x{number - 0xDC00:02x}" if 0xDC80 <= number <= 0xDCFF else f"\\u{number:04x}"


def _json_escaped(found: re.Match[str]) -> str:
    return json.dumps(found[0])[1:-1]
