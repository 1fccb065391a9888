"""A local directory with everything in it, as files and folders to upload."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from typing import Literal

from wideload._files.models import Source
from wideload._files.names import checked_folder
from wideload._files.source import name_of
from wideload.errors import ConfigurationError

SkipReason = Literal["link", "special", "system", "again"]

# Left behind by file managers; compared without case. The page leaves out the same (dropped.ts).
_SYSTEM_FILES = {".ds_store", "thumbs.db", "desktop.ini"}


class LocalTree:
    """The files of a directory, and the folder of each.

    Args:
        top: Path of the directory.
        folder: Path of the folder that it becomes.
        seen: Device and inode of directories that are in already, by other paths; shared by trees.

    Attributes:
        unreadable: Paths of files and directories that can't be read, or whose name the API doesn't
            take, with the error.
    """

    def __init__(
        self,
        top: str | os.PathLike[str],
        folder: str,
        *,
        follow_links: bool,
        seen: set[tuple[int, int]] | None = None,
    ) -> None:
        self.unreadable: list[tuple[str, OSError | ConfigurationError]] = []
        self._top = os.path.dirname(os.path.join(os.fspath(top), ""))  # without / at its end
        self._follow_links = follow_links
        self._seen = set() if seen is None else seen
        # Folder of each directory that was read, the upper ones first.
        self._folders = {self._top: folder}
        self._filled: set[str] = set()

    @property
    def without_files(self) -> list[str]:
        """Directories without a file at any depth, when all files have been found.

        Of several that lie within each other, only the innermost.
        """
        empty = [path for path in self._folders if path not in self._filled]
        outer = {os.path.dirname(path) for path in empty if path != self._top}
        return [path for path in empty if path not in outer and self._folders[path]]

    def folder_of(self, source: Source) -> str:
        """The folder of a file, or the one that a directory becomes."""
        assert isinstance(source, (str, os.PathLike))  # noqa: S101 - for mypy
        path = os.fspath(source)
        return self._folders[path if path in self._folders else os.path.dirname(path)]

    def files(self, skipped: Callable[[str, SkipReason], object] | None) -> Iterator[str]:
        """The paths of the files, directory by directory, in an order that stays the same.

        Args:
            skipped: Called with the path of each entry that isn't uploaded, and the reason: `link`,
                `special` (pipe, socket or device), `system` (left behind by a file manager), or
                `again` (a directory that is in already by another path).
        """
        waiting = [self._top]
        while waiting:
            directory = waiting.pop()
            try:
                status = os.stat(directory)
                names = sorted(os.listdir(directory))
            except OSError as error:
                self._refuse(directory, error)
                continue
            if (status.st_dev, status.st_ino) in self._seen:  # links can form a circle
                del self._folders[directory]
                self._skip(directory, "again", skipped)
                continue
            self._seen.add((status.st_dev, status.st_ino))
            directories = []
            for name in names:
                path = os.path.join(directory, name)
                try:
                    mode = (os.stat if self._follow_links else os.lstat)(path).st_mode
                except OSError as error:
                    self.unreadable.append((path, error))
                    continue
                if stat.S_ISDIR(mode):
                    if self._enter(directory, path):
                        directories.append(path)
                elif why := _reason(name, mode):
                    self._skip(path, why, skipped)
                else:
                    self._fill(directory)
                    yield path
            waiting += reversed(directories)

    @staticmethod
    def _skip(
        path: str, why: SkipReason, skipped: Callable[[str, SkipReason], object] | None
    ) -> None:
        if skipped is not None:
            skipped(path, why)

    def _enter(self, directory: str, path: str) -> bool:
        """Note the folder of a directory; False if the API doesn't take its name."""
        try:
            above = self._folders[directory]
            name = name_of(path)
            self._folders[path] = checked_folder(f"{above}/{name}" if above else name)
        except ConfigurationError as error:
            self.unreadable.append((path, error))
            return False
        return True

    def _fill(self, directory: str) -> None:
        """Note that a directory, and those above it, hold a file."""
        while directory not in self._filled:
            self._filled.add(directory)
            if directory != self._top:
                directory = os.path.dirname(directory)

    def _refuse(self, directory: str, error: OSError) -> None:
        self.unreadable.append((directory, error))
        del self._folders[directory]


def _reason(name: str, mode: int) -> SkipReason | None:
    """Why an entry of a directory is skipped."""
    if stat.S_ISLNK(mode):
        return "link"
    if not stat.S_ISREG(mode):
        return "special"
    return "system" if name.lower() in _SYSTEM_FILES else None
