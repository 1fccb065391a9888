"""An open file that several threads read and write at once, each at its own offset."""

from __future__ import annotations

import io
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class SharedFile:
    """An unbuffered file, which is closed only when no thread is using it."""

    def __init__(self, file: io.FileIO) -> None:
        self._file = file
        self._lock = threading.Lock()
        self._users = 0
        self._closing = False

    def fileno(self) -> int:
        """The file's descriptor."""
        return self._file.fileno()

    def read_into(self, offset: int, view: memoryview) -> int:
        """Read into `view` from `offset`; fewer bytes than its length only at the end of the file.

        Raises:
            OSError: It can't be read.
            ValueError: It is closed.
        """
        done = 0
        with self._in_use():
            while done < len(view):
                count = self._read(offset + done, view[done:])
                if not count:
                    break
                done += count
        return done

    def write(self, offset: int, block: bytes | memoryview) -> None:
        """Write all of `block` at `offset`.

        Raises:
            OSError: It can't be written.
            ValueError: It is closed.
        """
        view = memoryview(block)
        with self._in_use():
            while view:
                count = self._write(offset, view)
                offset += count
                view = view[count:]

    def truncate(self, size: int) -> None:
        """Set the size of the file to so many bytes.

        Raises:
            OSError: The size can't be set.
            ValueError: It is closed.
        """
        with self._in_use():
            self._file.truncate(size)

    def close(self) -> None:
        """Close the file as soon as no thread uses it."""
        with self._lock:
            self._closing = True
            if not self._users:
                self._file.close()

    @contextmanager
    def _in_use(self) -> Iterator[None]:
        with self._lock:
            if self._closing:
                raise ValueError("the file is closed")
            self._users += 1
        try:
            yield
        finally:
            with self._lock:
                self._users -= 1
                if self._closing and not self._users:
                    self._file.close()

    if hasattr(os, "preadv") and hasattr(os, "pwrite"):

        def _read(self, offset: int, view: memoryview) -> int:
            return os.preadv(self.fileno(), [view], offset)

        def _write(self, offset: int, view: memoryview) -> int:
            return os.pwrite(self.fileno(), view, offset)

    else:  # Windows has neither; all threads share the file's position

        def _read(self, offset: int, view: memoryview) -> int:
            with self._lock:
                self._file.seek(offset)
                return self._file.readinto(view)

        def _write(self, offset: int, view: memoryview) -> int:
            with self._lock:
                self._file.seek(offset)
                return self._file.write(view)
