"""Files and other things that the tests of transfers begin with."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from pathlib import Path

from tests.fake_aws.files import FilesService

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


def change_file(path: Path, how: str) -> None:
    """Change a file: `grow`, `shrink`, `touch`, or `write` another byte in its first half."""
    size = path.stat().st_size
    stamp = path.stat().st_mtime_ns
    with open(path, "r+b") as file:
        if how == "grow":
            file.truncate(size + 1)
        elif how == "shrink":
            file.truncate(size - 1)
        elif how == "write":
            file.seek(size // 3)
            byte = file.read(1)[0]
            file.seek(size // 3)
            file.write(bytes([byte ^ 1]))
    # Without waiting for the clock of the file system; "write" shows in the bytes alone.
    os.utime(path, ns=(stamp, stamp if how == "write" else stamp + 1_000_000_000))


def chain(error: BaseException | None) -> Iterator[BaseException]:
    """An error, and those that led to it."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def check_nothing_is_stored(server: FilesService) -> None:
    """Check that all uploads were aborted, and left nothing in S3."""
    assert server.files == {}
    assert server.s3.objects == {}
    assert server.bucket.multiparts == {}
    assert {upload.state for upload in server.uploads.values()} == {"aborted"}
