"""Standard output: lines, for a reader who may have enough before the end, and sizes."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import click


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


def megabytes(size: int) -> str:
    """A size as a person reads it."""
    return f"{size / 1_000_000:.1f} MB" if size >= 100_000 else f"{size:,} bytes"
