"""Standard output: lines, for a reader who may have enough before the end; sizes and times."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import click
import orjson

from wideload import FileInfo


@contextmanager
def reader_may_leave() -> Iterator[None]:
    """End quietly and well when the reader goes away, as `head` does: it got what it wanted."""
    try:
        yield
    except BrokenPipeError:
        leave_standard_output()


def leave_standard_output() -> None:
    """Keep Python from complaining when it flushes at exit what nobody reads."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def echo(line: str) -> None:
    """Print a line at once, whatever characters are in it."""
    # Bytes, since the locale's encoding may lack some of them.
    click.echo(line.encode("utf-8", "replace"))


def print_json(members: Mapping[str, Any]) -> None:
    """Print one result for a program, at once."""
    click.echo(orjson.dumps(members).decode())


def file_members(file: FileInfo) -> dict[str, Any]:
    """A file as members of a `--json` line, the same in all commands."""
    return {name: getattr(file, name) for name in file.__slots__ if name != "answer"}


def local_time(iso: str) -> str:
    """A time as a person reads it, and as options take it: in this machine's time zone."""
    try:
        return f"{datetime.fromisoformat(iso).astimezone():%Y-%m-%d %H:%M}"
    except ValueError:
        return iso


def human_size(size: int) -> str:
    """A size in a few characters, in the powers of 1000 that disks and networks are sold by."""
    if size < 1000:
        return f"{size} B"
    shown, power = size / 1000, 0
    while shown >= 999.95 and power < 3:
        shown, power = shown / 1000, power + 1
    return f"{shown:.1f} {('kB', 'MB', 'GB', 'TB')[power]}"


def human_time(seconds: float) -> str:
    """A duration in its two largest units."""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    minutes, left = divmod(round(seconds), 60)
    if not minutes:
        return f"{left} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {left} s"


def megabytes(size: int) -> str:
    """A size as a person reads it."""
    return f"{size / 1_000_000:.1f} MB" if size >= 100_000 else f"{size:,} bytes"
