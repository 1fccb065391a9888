"""Sources of uploads, as content that can be read at any offset."""

from __future__ import annotations

import io
import os
import stat
import threading
from datetime import UTC, datetime, timedelta
from typing import IO, Protocol

from wideload._files.models import Source
from wideload._files.shared_file import SharedFile
from wideload.errors import ConfigurationError, DocumentError, FileChangedError


class Content(Protocol):
    """The bytes to upload. Threads may read them at once.

    Attributes:
        size: Their number; of a pipe, as far as it has been read.
        rereadable: Whether all bytes can be read again at any time.
    """

    size: int
    rereadable: bool

    def read_next(self, offset: int, view: memoryview) -> int:
        """Read the next bytes, from `offset`, into `view`; 0 only at the end.

        Raises:
            FileChangedError, DocumentError, OSError: As `read_into`, or for pipes.
        """
        ...

    def read_into(self, offset: int, view: memoryview) -> None:
        """Fill `view` with the bytes from `offset`.

        Raises:
            FileChangedError: It has become shorter.
            OSError: It can't be read.
        """
        ...

    def check_unchanged(self) -> None:
        """Check that its size and its time of modification are those at the opening.

        Raises:
            FileChangedError: They differ.
        """
        ...

    def release(self, offset: int) -> None:
        """Note that the part at `offset` has been sent, and isn't read again."""
        ...

    def close(self) -> None:
        """Close the file if it was opened here."""
        ...


def name_of(source: Source) -> str:
    """The name of a source's file.

    Raises:
        ConfigurationError: The source has none.
    """
    if isinstance(source, (str, os.PathLike)):
        # The API takes no bytes that aren't UTF-8, which names from older systems can hold.
        return os.fsencode(os.path.basename(os.fsdecode(source))).decode("utf-8", "replace")
    name = getattr(source, "name", None)
    # "<stdin>" and the number of a descriptor are no names of files.
    if isinstance(name, (str, bytes)) and name and not os.fsdecode(name).startswith("<"):
        return os.path.basename(os.fsdecode(name))
    raise ConfigurationError("the file object has no name of its own: give one as name")


def modified_at_of(source: Source) -> str | None:
    """The time at which a file was last changed, as the API takes it; None if it isn't known."""
    try:
        status = os.stat(source if isinstance(source, (str, os.PathLike)) else source.fileno())
        if not stat.S_ISREG(status.st_mode):
            return None
        since = timedelta(milliseconds=status.st_mtime_ns // 1_000_000)
        time = datetime(1970, 1, 1, tzinfo=UTC) + since
    except (AttributeError, TypeError, ValueError, OSError, OverflowError):
        return None
    return time.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def fill(file: IO[bytes] | io.FileIO, view: memoryview) -> int:
    """Read from a file object until `view` is full; fewer bytes only at its end.

    Raises:
        DocumentError: It isn't a blocking binary file.
        OSError: It can't be read.
    """
    done = 0
    while done < len(view):
        count = read_some(file, view[done:])
        if not count:
            break
        done += count
    return done


def read_some(file: IO[bytes] | io.FileIO, view: memoryview) -> int:
    """Read at least one byte from a file object into `view`; 0 at its end. Raises as `fill`."""
    if isinstance(file, (io.FileIO, io.BufferedIOBase)):
        count: int | None = file.readinto(view)
        if count is None:
            raise DocumentError("the file object gave nothing: it must be a blocking one")
        return count
    block: object = file.read(len(view))
    if isinstance(block, str):
        raise DocumentError("the file object is in text mode: open it in binary mode, 'rb'")
    if not isinstance(block, (bytes, bytearray, memoryview)):
        raise DocumentError("the file object gave no bytes: it must be a blocking binary file")
    view[: len(block)] = block
    return len(block)


class _Rereadable:
    size: int
    rereadable = True

    def read_into(self, offset: int, view: memoryview) -> None:
        raise NotImplementedError

    def read_next(self, offset: int, view: memoryview) -> int:
        view = view[: self.size - offset]
        self.read_into(offset, view)
        return len(view)

    def release(self, offset: int) -> None:
        """Do nothing."""


class FileContent(_Rereadable):
    """A file of the file system, or a temporary one."""

    def __init__(self, file: io.FileIO) -> None:
        self._shared_file = SharedFile(file)
        self._stamp = self._stamped()
        self.size = self._stamp[0]

    def read_into(self, offset: int, view: memoryview) -> None:
        if self._shared_file.read_into(offset, view) != len(view):
            raise _changed()

    def check_unchanged(self) -> None:
        # The size of files in /proc and the like is 0, whatever they hold.
        if self._stamped() != self._stamp or self._shared_file.read_into(
            self.size, memoryview(bytearray(1))
        ):
            raise _changed()

    def close(self) -> None:
        self._shared_file.close()

    def _stamped(self) -> tuple[int, int]:
        status = os.fstat(self._shared_file.fileno())
        return status.st_size, status.st_mtime_ns


class ObjectContent(_Rereadable):
    """A caller's file object, read in place by one thread at a time."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._lock = threading.Lock()
        self._start = file.tell()
        self.size = max(0, file.seek(0, os.SEEK_END) - self._start)

    def read_into(self, offset: int, view: memoryview) -> None:
        with self._lock:
            self._file.seek(self._start + offset)
            if fill(self._file, view) != len(view):
                raise _changed()

    def check_unchanged(self) -> None:
        with self._lock:
            if self._file.seek(0, os.SEEK_END) != self._start + self.size:
                raise _changed()

    def close(self) -> None:
        """Do nothing: the caller closes it."""


def _changed() -> FileChangedError:
    return FileChangedError(
        "the file changed while it was uploaded; nothing of it is stored: upload it again when "
        "no program writes to it any more"
    )
