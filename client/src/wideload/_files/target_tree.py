"""Local directories for the folders of a download."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from wideload._files.models import FileInfo, FolderInfo
from wideload._files.target import Folder
from wideload.errors import ConfigurationError


class TargetTree:
    """A directory for downloads, with a directory below it for each folder.

    No name leads out of the directory, and no two files or folders get the same path: the second of
    two names that are one to the file system gets a number.

    Args:
        directory: Its path. It is made when the first path is placed.
        top: Path of the folder whose content is written there.
        overwrite: Whether existing files may be replaced.
    """

    def __init__(
        self, directory: str | os.PathLike[str], top: str, *, overwrite: bool = False
    ) -> None:
        self._directory = os.fspath(directory)
        self._top = top
        self._overwrite = overwrite
        self._folders: dict[tuple[str, ...], Folder | OSError] = {}

    def place(self, item: FileInfo | FolderInfo) -> Path:
        """The path for a file; for a folder, that of its directory, which is made.

        Raises:
            ConfigurationError: The item doesn't lie within the top folder.
            OSError: A directory can't be made, or a link or file is in its place.
        """
        inside = item.folder
        if self._top:
            if item.folder != self._top and not item.folder.startswith(f"{self._top}/"):
                raise ConfigurationError(f"{item.folder!r} doesn't lie within {self._top!r}")
            inside = item.folder[len(self._top) + 1 :]
        folder = self._folder(tuple(inside.split("/")) if inside else ())
        if isinstance(item, FolderInfo):
            return Path(folder)
        return folder.place(item.name, overwrite=self._overwrite)

    def _folder(self, names: tuple[str, ...]) -> Folder:
        for depth in range(len(names) + 1):  # the upper ones first
            path = names[:depth]
            found = self._folders.get(path) or self._made(path)
            self._folders[path] = found
            if isinstance(found, OSError):
                raise found
        assert isinstance(found, Folder)  # noqa: S101 - for mypy
        return found

    def _made(self, names: tuple[str, ...]) -> Folder | OSError:
        """The directory of a folder, made unless it is there, or the error of that."""
        try:
            if not names:
                os.makedirs(self._directory, exist_ok=True)
                return Folder(self._directory, ignores_case=ignores_case(self._directory))
            above = self._folders[names[:-1]]
            assert isinstance(above, Folder)  # noqa: S101 - for mypy
            return above.make(names[-1])
        except OSError as error:
            return error


def ignores_case(directory: str) -> bool:
    """Whether a directory's file system takes names that differ only in case for the same.

    Raises:
        OSError: No file can be made there.
    """
    with tempfile.NamedTemporaryFile(prefix=".wideload-Case-", dir=directory) as probe:
        other = os.path.basename(probe.name).swapcase()
        return os.path.lexists(os.path.join(directory, other))
