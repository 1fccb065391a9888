"""Find the local files that `wideload upload` is to upload, and those that it skips."""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence
from dataclasses import dataclass, field

import click

from wideload import ConfigurationError
from wideload._cli.batch import distinct
from wideload._cli.messages import print_message, verbose
from wideload._cli.output import standard_input
from wideload._files.local_tree import LocalTree, SkipReason
from wideload._files.models import Source
from wideload._files.names import checked_folder
from wideload._files.source import name_of

STDIN = "-"

_MOST_NAMED = 5
_WHY: dict[SkipReason, str] = {
    "link": "links aren't followed without --follow-links",
    "system": "file managers leave them behind",
    "special": "pipes, sockets and devices aren't uploaded",
    "again": "they are in already by another path",
}


@dataclass
class LocalFiles:
    """The files to upload, and those that aren't uploaded.

    Attributes:
        folder: The folder of files that were given themselves.
        paths: Files to upload, each once, in an order that stays the same.
        folders: The folder of each directory that has no file, at any depth.
        unreadable: Paths of files and directories that can't be read, or whose name the API doesn't
            take, with the error.
        skipped: Paths of what isn't uploaded, by the reason.
    """

    folder: str = ""
    paths: list[str] = field(default_factory=list)
    folders: dict[str, str] = field(default_factory=dict)
    unreadable: list[tuple[str, OSError | ConfigurationError]] = field(default_factory=list)
    skipped: dict[SkipReason, list[str]] = field(default_factory=dict)
    _trees: dict[str, LocalTree] = field(default_factory=dict)

    def folder_of(self, path: Source) -> str:
        """The folder of a file."""
        assert isinstance(path, str)  # noqa: S101 - for mypy
        tree = self._trees.get(path)
        return tree.folder_of(path) if tree else self.folder

    def add(self, tree: LocalTree) -> None:
        """Find the files of a directory."""
        for path in tree.files(self._skip):
            if path not in self._trees:
                self._trees[path] = tree
                self.paths.append(path)
        self.unreadable += tree.unreadable
        self.folders |= {path: tree.folder_of(path) for path in tree.without_files}

    def print_skipped(self) -> None:
        """Print the paths that are skipped, and why."""
        for why, paths in self.skipped.items():
            shown = paths if verbose.get() else paths[:_MOST_NAMED]
            more = len(paths) - len(shown)
            left = f" and {more} more (all with --verbose)" if more else ""
            print_message(f"skipped, since {_WHY[why]}: {', '.join(shown)}{left}")

    def _skip(self, path: str, why: SkipReason) -> None:
        self.skipped.setdefault(why, []).append(path)


def find_local_files(
    paths: Sequence[str], *, folder: str, recursive: bool, follow_links: bool
) -> LocalFiles:
    """Look at the given paths, and into directories.

    Args:
        folder: Path of the folder that they are uploaded to.

    Raises:
        click.UsageError: There is nothing to upload, or standard input is closed or not alone.
    """
    given = distinct(paths)
    if STDIN in given and len(given) > 1:
        raise click.UsageError("give - alone: standard input is one file")
    found = LocalFiles(folder)
    seen: set[tuple[int, int]] = set()
    for path in given:
        try:
            if path == STDIN:
                standard_input()  # refuses one that is closed
                found.paths.append(path)
            elif recursive and os.path.isdir(path):
                becomes = _becomes(path, folder)
                found.add(LocalTree(path, becomes, follow_links=follow_links, seen=seen))
            else:
                _check_readable(path)
                found.paths.append(path)
        except (OSError, ConfigurationError) as error:
            found.unreadable.append((path, error))
    found.paths = distinct(found.paths)
    if not found.paths and not found.folders and not found.unreadable:
        found.print_skipped()
        raise click.UsageError("there is no file in what was given")
    return found


def refuse_directory(path: str, advice: str) -> None:
    """Raise an error if a path is that of a directory.

    Raises:
        IsADirectoryError: It is; with the advice.
    """
    if os.path.isdir(path):
        raise IsADirectoryError(errno.EISDIR, f"it is a directory: {advice}", path)


def _becomes(directory: str, folder: str) -> str:
    """The folder that a directory becomes: one of its name, or `folder` itself for `.` and `..`.

    So `cp -r` does it.

    Raises:
        ConfigurationError: The API takes no such folder.
    """
    name = name_of(directory.rstrip(os.sep))
    if name in {"", os.curdir, os.pardir}:
        return folder
    return checked_folder(f"{folder}/{name}" if folder else name)


def _check_readable(path: str) -> None:
    """Look at a file without opening it: a named pipe can be opened only once.

    Raises:
        OSError: It can't be read.
    """
    os.stat(path)
    refuse_directory(path, "add --recursive for the files in it")
    if not os.access(path, os.R_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)
