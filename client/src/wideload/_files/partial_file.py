"""The partial file of a download: its content, its state, its lock and its final name."""

from __future__ import annotations

import errno
import io
import os
import stat
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from wideload._files.models import FileInfo
from wideload._files.names import shortened
from wideload._files.shared_file import SharedFile
from wideload._files.target import permissions_for, refuse_existing

try:
    import fcntl
except ImportError:  # Windows, which doesn't let two processes rename what both have open
    fcntl = None  # type: ignore[assignment]

_MIB = 1024 * 1024
_SMALLEST_RANGE = 8 * _MIB
_MOST_RANGES = 10_000

# The state follows the content: a line of so many bytes with the content's SHA-256 and the object's
# ETag in S3, by which a replaced object is noticed, and a byte for each range, 1 if it is written.
_LINE = 256
_PRESENT = b"\1"


class PartialFile:
    """The file `.<name>.<file_id>.part` beside the target, which only its user can read.

    A context manager that closes it. An unfinished one stays, and the next download resumes it.

    Attributes:
        range_size: Bytes of each range but the last.
        ranges: Number of ranges.
        present: Numbers, from 0, of the ranges that an earlier download has written.
        etag: The object's ETag in S3 at that download, or None.

    Raises:
        BlockingIOError: Another download is writing to it.
        OSError: It can't be made, or isn't this user's (`PermissionError`).
    """

    def __init__(self, target: Path, file: FileInfo) -> None:
        self._target = target
        self._file = file
        ending = f".{file.file_id}.part"
        self._path = target.with_name(f".{shortened(target.name, 254 - len(ending))}{ending}")
        self.range_size = max(_SMALLEST_RANGE, -(-file.size // _MOST_RANGES // _MIB) * _MIB)
        self.ranges = -(-file.size // self.range_size)
        self._shared_file = SharedFile(_locked(self._path))
        self.present, self.etag = self._read_state()
        if self.etag is None:
            self._begin()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._shared_file.close()

    def size_of(self, number: int) -> int:
        """Bytes of a range."""
        return min(self.range_size, self._file.size - number * self.range_size)

    def write(self, offset: int, block: bytes) -> None:
        """Write bytes of the content at `offset`."""
        try:
            self._shared_file.write(offset, block)
        except OSError as error:  # such as a full disk; the error has no file name yet
            raise OSError(error.errno, error.strerror, str(self._path)) from error

    def read_into(self, offset: int, view: memoryview) -> int:
        """Read bytes of the content from `offset`."""
        return self._shared_file.read_into(offset, view)

    def keep(self, number: int) -> None:
        """Record that all of a range is written."""
        self._shared_file.write(self._file.size + _LINE + number, _PRESENT)

    def keep_etag(self, etag: str) -> None:
        """Record the ETag of the object that the ranges are of."""
        line = _line_of(self._file, etag).encode()
        if etag.isascii() and len(line) <= _LINE:
            self._shared_file.write(self._file.size, line.ljust(_LINE, b"\0"))

    def finish(self, *, overwrite: bool, modified_ns: int | None) -> None:
        """Give it the target's name. It can't be used afterwards.

        Args:
            modified_ns: The time of its last change, in nanoseconds since 1970; None for now.

        Raises:
            FileExistsError: A file has that name, and `overwrite` isn't set.
            OSError: It can't be renamed.
        """
        refuse_existing(self._target, overwrite=overwrite)
        self._shared_file.truncate(self._file.size)
        if os.name != "nt":  # which has none
            with suppress(OSError):  # nor have some file systems
                os.fchmod(self._shared_file.fileno(), permissions_for(self._target))
        if os.name == "nt":  # where no open file can be renamed
            self._shared_file.close()
        if modified_ns is not None:
            with suppress(OSError, OverflowError):  # not every file system has every time
                os.utime(self._path, ns=(time.time_ns(), modified_ns))
        # Elsewhere it stays locked until it has its name, so that no other process resumes it.
        if overwrite:
            os.replace(self._path, self._target)
        else:
            _rename_to_new(self._path, self._target)

    def discard(self) -> None:
        """Drop the content, and begin at zero."""
        self._begin()
        self.present, self.etag = frozenset(), None

    def remove(self) -> None:
        """Delete the file."""
        if os.name == "nt":
            self._shared_file.close()
        with suppress(FileNotFoundError):
            os.unlink(self._path)

    def _begin(self) -> None:
        self._shared_file.truncate(0)
        self._shared_file.truncate(self._file.size + _LINE + self.ranges)

    def _read_state(self) -> tuple[frozenset[int], str | None]:
        """The state that an earlier download of the same content left."""
        state = bytearray(_LINE + self.ranges + 1)
        if self._shared_file.read_into(self._file.size, memoryview(state)) != len(state) - 1:
            return frozenset(), None
        line = bytes(state[:_LINE]).rstrip(b"\0").decode("ascii", "replace")
        begin = _line_of(self._file, "")[:-1]
        if not line.startswith(begin) or not line.endswith("\n") or line.strip() == begin.strip():
            return frozenset(), None
        present = (number for number in range(self.ranges) if state[_LINE + number] == _PRESENT[0])
        return frozenset(present), line[len(begin) : -1]


def _line_of(file: FileInfo, etag: str) -> str:
    return f"wideload part 1 {file.sha256} {etag}\n"


def _locked(path: Path) -> io.FileIO:
    """Open or create the file, and lock it.

    Raises:
        BlockingIOError: Another download is writing to it.
        PermissionError: It isn't this user's, or no regular file.
        OSError: It can't be opened.
    """
    while True:
        file, made = _opened(path)
        if file is None:
            continue
        try:
            _lock(file, path)
            status = os.fstat(file.fileno())
            if not made:
                _check_own(status, path)
            if status.st_nlink == 1 and _is_at(status, path):
                return file
            # Another process has just renamed it, or it has a second name: make a new one.
            if _is_at(status, path):
                os.unlink(path)
        except BaseException:
            file.close()
            raise
        file.close()


def _opened(path: Path) -> tuple[io.FileIO | None, bool]:
    """The file, and whether it was created; None if another process deleted it meanwhile."""
    flags = os.O_RDWR | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
    with suppress(FileExistsError):
        # Other users must not read or change it until it is checked and has its name.
        return io.FileIO(os.open(path, flags | os.O_CREAT | os.O_EXCL, 0o600), "rb+"), True
    with suppress(FileNotFoundError):
        _check_own(os.lstat(path), path)
        return io.FileIO(os.open(path, flags), "rb+"), False
    return None, False


def _check_own(status: os.stat_result, path: Path) -> None:
    """Refuse a file by which another user could read or change the download.

    Raises:
        PermissionError: It isn't this user's, or no regular file.
    """
    if not stat.S_ISREG(status.st_mode):
        why = "it is a link or no regular file"
    elif hasattr(os, "geteuid") and status.st_uid != os.geteuid():
        why = "it belongs to another user"
    else:
        return
    raise PermissionError(
        errno.EPERM,
        f"the partial file can't be used, since {why}: remove it, or download to another directory",
        str(path),
    )


def _lock(file: io.FileIO, path: Path) -> None:
    if fcntl is None:
        return
    try:
        fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise BlockingIOError(
            errno.EAGAIN, "another download of the same file to here is under way", str(path)
        ) from None
    except OSError:
        pass  # some network file systems have no locks


def _is_at(status: os.stat_result, path: Path) -> bool:
    try:
        return os.path.samestat(status, os.lstat(path))
    except FileNotFoundError:
        return False


def _rename_to_new(path: Path, target: Path) -> None:
    """Rename without replacing a file that was created there meanwhile."""
    try:
        os.link(path, target)
    except FileExistsError:
        raise FileExistsError(errno.EEXIST, "it exists already", str(target)) from None
    except (AttributeError, NotImplementedError, OSError):  # no hard links here
        refuse_existing(target, overwrite=False)
        os.rename(path, target)
    else:
        os.unlink(path)
