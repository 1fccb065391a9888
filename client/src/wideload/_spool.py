"""Errors of temporary files."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def naming_temporary_directory() -> Iterator[None]:
    """Name the temporary directory in an `OSError`, which names no file."""
    try:
        yield
    except OSError as error:
        directory = tempfile.gettempdir()
        raise OSError(
            error.errno,
            f"{error.strerror} in the temporary directory: the environment variable TMPDIR "
            "chooses another",
            directory,
        ) from error
