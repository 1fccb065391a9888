"""Targets of downloads: a path that the caller named, or a name within a directory."""

from __future__ import annotations

import errno
import io
import os
import re
import stat
import unicodedata
from collections.abc import Iterator
from pathlib import Path

from wideload._files.names import LONGEST_ON_DISK, safe_name, shortened

# On Linux, opening one of these again would write at the file's beginning, over what it holds.
_DESCRIPTOR = re.compile(r"/(?:dev|proc/self)/fd/(\d{1,9})")
_NAMED_DESCRIPTORS = {"/dev/stdout": 1, "/dev/stderr": 2}
_READ_AND_WRITE_BY_ALL = 0o666
_PERMISSIONS = 0o777


class Folder(os.PathLike[str]):
    """A directory for downloads, each by the name that the API gave.

    Downloads that share a folder never get the same path: the second `a.txt` is `a (2).txt`.

    Args:
        ignores_case: Whether the file system takes names that differ only in case for the same,
            also for those of files that aren't there yet.
    """

    def __init__(self, path: str | os.PathLike[str], *, ignores_case: bool = False) -> None:
        self._path = os.fspath(path)
        self._ignores_case = ignores_case
        self._taken: dict[str, list[Path]] = {}

    def __fspath__(self) -> str:
        return self._path

    def place(self, name: str, *, overwrite: bool = False) -> Path:
        """A path for a file of this name that no other file of this folder got.

        Args:
            overwrite: Whether an existing file may be replaced. Never a file with a number that
                was added here: then the next free number is used.
        """
        for number, candidate in enumerate(_numbered(safe_name(name))):
            path = Path(self._path, candidate)
            # File systems that ignore case, or how accents are encoded, give both one file.
            alike = self._taken.setdefault(unicodedata.normalize("NFC", candidate).casefold(), [])
            if alike and self._ignores_case:
                continue
            if any(path == other or _same_file(path, other) for other in alike):
                continue
            if not (number and overwrite and os.path.lexists(path)):
                break
        alike.append(path)
        return path

    def make(self, name: str) -> Folder:
        """A directory of this name within it, made unless it is there.

        Raises:
            NotADirectoryError: A file is there, or a link, which could lead out of the directory.
            OSError: It can't be made.
        """
        path = self.place(name)
        try:
            os.mkdir(path)
        except FileExistsError:
            if not stat.S_ISDIR(os.lstat(path).st_mode):
                why = "it is no directory, or a link to one, which isn't followed"
                raise _refused(errno.ENOTDIR, why, path) from None
        return Folder(path, ignores_case=self._ignores_case)


def target_of(to: str | os.PathLike[str], name: str, *, overwrite: bool) -> Path:
    """The path to download a file to.

    Args:
        to: Path of the file, or of a directory.
        name: The file's name, as the API gave it. It is never resolved through a link.
        overwrite: Whether it may replace a file. If `to` is a link, its target is replaced.

    Raises:
        NotADirectoryError: `to` ends with a slash, and there is no such directory.
    """
    if isinstance(to, Folder):
        return to.place(name, overwrite=overwrite)
    text = os.fspath(to)
    if os.path.isdir(text):
        return Folder(text).place(name, overwrite=overwrite)
    if text.endswith(("/", os.sep)):
        raise NotADirectoryError(errno.ENOTDIR, "there is no such directory", text)
    return Path(os.path.realpath(text) if overwrite else text)


def opened_stream(to: str | os.PathLike[str]) -> io.FileIO | None:
    """Open a named pipe or a device, which take bytes in order; None for files and directories.

    A path such as `/dev/fd/3` is the open file 3 of this process. If that is a regular file,
    writing continues at its position.

    Raises:
        OSError: It can't be opened.
    """
    descriptor = _descriptor(to)
    if descriptor is not None and not os.path.isdir(to):
        try:
            return io.FileIO(os.dup(descriptor), "wb")
        except OSError as error:
            raise _refused(error.errno or errno.EBADF, "it isn't open", to) from None
    try:
        mode = os.stat(to).st_mode
    except OSError:
        return None
    if stat.S_ISREG(mode) or stat.S_ISDIR(mode):
        return None
    if stat.S_ISSOCK(mode):
        raise _refused(errno.EPERM, "it is a socket, which nothing can be written to", to)
    return io.FileIO(os.open(to, os.O_WRONLY), "wb")


def refuse_existing(target: Path, *, overwrite: bool) -> None:
    """Check that a file may get this path. A link there would be replaced, not followed.

    Raises:
        FileExistsError: A file is there, and `overwrite` isn't set.
        IsADirectoryError, PermissionError: A directory, pipe, socket or device is there.
    """
    try:
        mode = os.lstat(target).st_mode
    except FileNotFoundError:
        return
    if stat.S_ISDIR(mode):
        raise _refused(errno.EISDIR, "it is a directory", target)
    if not stat.S_ISREG(mode) and not stat.S_ISLNK(mode):
        raise _refused(errno.EPERM, "it is a pipe, a socket or a device: it isn't replaced", target)
    if not overwrite:
        raise _refused(errno.EEXIST, "it exists already", target)


def permissions_for(target: str | os.PathLike[str]) -> int:
    """The permissions of the file that is to be replaced, or else those of a new file."""
    try:
        status = os.lstat(target)
    except FileNotFoundError:
        pass
    else:
        if stat.S_ISREG(status.st_mode):
            return status.st_mode & _PERMISSIONS
    # The mask can only be read by setting it: to a strict one, since other threads go on.
    mask = os.umask(0o077)
    os.umask(mask)
    return _READ_AND_WRITE_BY_ALL & ~mask


def _descriptor(path: str | os.PathLike[str]) -> int | None:
    text = os.fspath(path)
    found = _DESCRIPTOR.fullmatch(text)
    return int(found[1]) if found else _NAMED_DESCRIPTORS.get(text)


def _numbered(name: str) -> Iterator[str]:
    yield name
    stem, extension = os.path.splitext(name)
    number = 2
    while True:
        ending = f" ({number}){extension}"
        yield shortened(stem, LONGEST_ON_DISK - len(ending.encode())) + ending
        number += 1


def _same_file(path: Path, other: Path) -> bool:
    try:
        return os.path.samestat(os.lstat(path), os.lstat(other))
    except FileNotFoundError:
        return False


def _refused(number: int, why: str, path: str | os.PathLike[str]) -> OSError:
    return OSError(number, why, os.fspath(path))  # of the subclass that the number stands for
