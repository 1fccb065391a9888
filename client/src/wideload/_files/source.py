"""Sources of uploads, as content that can be read at any offset, more than once."""

from __future__ import annotations

import io
import os
import stat
import tempfile
import threading
from contextlib import ExitStack
from typing import IO, Any, Protocol, cast

from wideload._files.cancel_scope import CancelScope
from wideload._files.models import Source
from wideload._files.shared_file import SharedFile
from wideload._spool import naming_temporary_directory
from wideload.errors import ConfigurationError, DocumentError, FileChangedError

_SPOOL_BLOCK = 1024 * 1024


class Content(Protocol):
    """The bytes to upload. Threads may read them at once.

    Attributes:
        size: Their number.
    """

    size: int

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


def open_source(source: Source, spool_limit: int, scope: CancelScope) -> Content:
    """Open `source` for reading at any offset; copy it first if it can be read only once.

    Raises:
        ConfigurationError: It is neither a path nor a binary file object.
        DocumentError: It gives text, nothing at all, or more than `spool_limit` bytes.
        OSError: It can't be opened or read, or the copy can't be written.
        CancelledError, Stopped: As `CancelScope.check`.
    """
    if isinstance(source, (str, os.PathLike)):
        with ExitStack() as opened:
            file = opened.enter_context(open(source, "rb", buffering=0))
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):  # a named pipe, a terminal
                return _spooled(file, spool_limit, scope)
            opened.pop_all()
        return _FileContent(file)
    if isinstance(source, io.TextIOBase):
        raise DocumentError("the file object is in text mode: open it in binary mode, 'rb'")
    if not callable(getattr(source, "read", None)):
        raise ConfigurationError(
            f"a source is a path or a binary file object, not {type(source).__name__}"
        )
    seekable = getattr(source, "seekable", None)
    if seekable and seekable():
        return _ObjectContent(source)
    return _spooled(source, spool_limit, scope)


class _FileContent:
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


class _ObjectContent:
    """A caller's file object, read in place by one thread at a time."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._lock = threading.Lock()
        self._start = file.tell()
        self.size = max(0, file.seek(0, os.SEEK_END) - self._start)

    def read_into(self, offset: int, view: memoryview) -> None:
        with self._lock:
            self._file.seek(self._start + offset)
            while view:
                count = self._read(view)
                if not count:
                    raise _changed()
                view = view[count:]

    def check_unchanged(self) -> None:
        with self._lock:
            if self._file.seek(0, os.SEEK_END) != self._start + self.size:
                raise _changed()

    def close(self) -> None:
        """Do nothing: the caller closes it."""

    def _read(self, view: memoryview) -> int:
        if hasattr(self._file, "readinto"):
            count: int | None = cast(Any, self._file).readinto(view)
            if count is None:
                raise DocumentError("the file object gave nothing: it must be a blocking one")
            return count
        block = _bytes_of(self._file.read(len(view)))
        view[: len(block)] = block
        return len(block)


def _spooled(file: IO[bytes] | io.FileIO, limit: int, scope: CancelScope) -> Content:
    """Copy a source that can be read only once to a temporary file, deleted after the upload."""
    with ExitStack() as opened:
        spool = opened.enter_context(tempfile.TemporaryFile(buffering=0))
        size = 0
        while block := _bytes_of(file.read(_SPOOL_BLOCK)):
            scope.check()
            size += len(block)
            if size > limit:
                raise DocumentError(
                    f"a pipe is copied to a temporary file first, and this one gives more than "
                    f"the {limit} bytes that spool_limit allows: raise that, or upload a file"
                )
            view = memoryview(block)
            with naming_temporary_directory():
                while view:
                    view = view[spool.write(view) :]
        opened.pop_all()
    return _FileContent(spool)


def _bytes_of(block: object) -> bytes | bytearray | memoryview:
    if isinstance(block, (bytes, bytearray, memoryview)):
        return block
    if isinstance(block, str):
        raise DocumentError("the file object is in text mode: open it in binary mode, 'rb'")
    raise DocumentError("the file object gave no bytes: it must be a blocking binary file")


def _changed() -> FileChangedError:
    return FileChangedError(
        "the file changed while it was uploaded; nothing of it is stored: upload it again when "
        "no program writes to it any more"
    )
