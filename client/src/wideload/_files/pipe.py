"""Pipes as sources of uploads: a temporary file holds the bytes that aren't sent yet."""

from __future__ import annotations

import io
import tempfile
import threading
from collections.abc import Callable
from typing import IO

from wideload._files.cancel_scope import CancelScope
from wideload._files.shared_file import SharedFile
from wideload._files.source import FileContent, fill, read_some
from wideload._spool import naming_temporary_directory
from wideload.errors import DocumentError

_BLOCK = 1024 * 1024
# S3's limit: https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html
_MOST_PARTS = 10_000


class Pipe:
    """The bytes of a source that can be read only once; each part can be read until its release.

    The temporary file is divided into slots of one part. A part's slot is used again after its
    release.

    Args:
        close: Closes `file`, if it was opened for the upload.

    Attributes:
        size: Bytes that have been read so far.
        rereadable: False.
    """

    rereadable = False

    def __init__(self, file: IO[bytes] | io.FileIO, close: Callable[[], None]) -> None:
        self.size = 0
        self._file = file
        self._close = close
        with naming_temporary_directory():
            self._spool = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 - closed by `close`
        self._shared_file = SharedFile(self._spool)
        self._part_size = 0
        self._slots: dict[int, int] = {}
        self._free: list[int] = []
        self._lock = threading.Lock()

    def spool(self, most: int, scope: CancelScope) -> bool:
        """Copy bytes until `most` are in the temporary file; False if the pipe ends before.

        Raises:
            DocumentError: The source isn't a blocking binary file.
            OSError: It can't be read, or the copy can't be written.
            CancelledError, Stopped: As `CancelScope.check`.
        """
        buffer = memoryview(bytearray(_BLOCK))
        while self.size < most:
            scope.check()
            count = read_some(self._file, buffer[: most - self.size])
            if not count:
                return False
            self._write(self.size, buffer[:count])
            self.size += count
        return True

    def spooled(self, limit: int, scope: CancelScope) -> FileContent:
        """All bytes, as a temporary file of at most `limit` bytes; it replaces this object.

        Raises:
            DocumentError: There are more; or as `spool`.
        """
        if self.spool(limit + 1, scope):
            raise DocumentError(
                f"a pipe is copied to a temporary file first, and this one gives more than the "
                f"{limit} bytes that spool_limit allows: raise that, or upload a file"
            )
        self._close()
        return FileContent(self._spool)

    def divide(self, part_size: int) -> None:
        """Divide the temporary file into slots; no part has been released yet."""
        self._part_size = part_size
        self._slots = {number: number for number in range(-(-self.size // part_size))}

    def read_next(self, offset: int, view: memoryview) -> int:
        """Read the next bytes, from `offset`, into `view`, within one part; 0 only at the end.

        Raises:
            DocumentError: The source isn't a blocking binary file, or gives too many bytes.
            OSError: It can't be read, or the copy can't be written.
        """
        if count := min(self.size - offset, len(view)):  # copied already
            self.read_into(offset, view[:count])
            return count
        count = fill(self._file, view)
        if count and offset >= self._part_size * _MOST_PARTS:
            raise DocumentError(
                f"the pipe gives more than {offset} bytes, which are {_MOST_PARTS} parts, the "
                "most that S3 takes: give the size to expect (expected_size, --expected-size)"
            )
        self._write(self._position(offset), view[:count])
        self.size += count
        return count

    def read_into(self, offset: int, view: memoryview) -> None:
        """Fill `view`, within one part that isn't released, with the bytes from `offset`."""
        self._shared_file.read_into(self._position(offset), view)

    def release(self, offset: int) -> None:
        """Use the slot of the part at `offset` for another one."""
        with self._lock:
            self._free.append(self._slots.pop(offset // self._part_size))

    def check_unchanged(self) -> None:
        """Do nothing: a pipe gives its bytes once."""

    def close(self) -> None:
        """Delete the temporary file."""
        self._shared_file.close()
        self._close()

    def _position(self, offset: int) -> int:
        """The position in the temporary file of a byte of the pipe."""
        if not self._part_size:
            return offset
        number, within = divmod(offset, self._part_size)
        with self._lock:
            if number not in self._slots:
                new = len(self._slots)
                self._slots[number] = self._free.pop() if self._free else new
            return self._slots[number] * self._part_size + within

    def _write(self, position: int, block: memoryview) -> None:
        with naming_temporary_directory():
            self._shared_file.write(position, block)
