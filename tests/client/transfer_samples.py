"""Files and other things that the tests of transfers begin with."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

# Bytes of a part of an upload, and of a range of a download, in most tests.
PART = RANGE = 64 * 1024


def bytes_of(size: int, seed: int = 1) -> bytes:
    """Bytes as good as random, always the same ones."""
    return random.Random(seed).randbytes(size)


def file_of(folder: Path, content: bytes, name: str = "film.bin") -> Path:
    """A file that holds them."""
    path = folder / name
    path.write_bytes(content)
    return path


def chain(error: BaseException | None) -> Iterator[BaseException]:
    """An error, and those that led to it."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
