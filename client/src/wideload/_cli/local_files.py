"""Find the local files that `wideload upload` is to upload, and those that it skips."""

from __future__ import annotations

import errno
import os
import stat
from dataclasses import dataclass, field

import click

from wideload._cli.batch import distinct
from wideload._cli.messages import print_message, verbose
from wideload._cli.output import standard_input

STDIN = "-"

# Left behind by file managers; compared without case. The page leaves out the same (dropped.ts).
_SYSTEM_FILES = {".ds_store", "thumbs.db", "desktop.ini"}
_MOST_NAMED = 5

_LINK = "links aren't followed without --follow-links"
_SYSTEM = "file managers leave them behind"
_SPECIAL = "pipes, sockets and devices aren't uploaded"
_AGAIN = "they are in already by another path"


@dataclass
class LocalFiles:
    """The files to upload, and those that aren't uploaded.

    Attributes:
        paths: Files to upload, each once, in an order that stays the same.
        unreadable: Paths of files and directories that can't be read, with the error.
        skipped: Paths of what isn't uploaded, by the reason.
    """

    paths: list[str] = field(default_factory=list)
    unreadable: list[tuple[str, OSError]] = field(default_factory=list)
    skipped: dict[str, list[str]] = field(default_factory=dict)

    def print_skipped(self) -> None:
        """Print the paths that are skipped, and why."""
        for why, paths in self.skipped.items():
            shown = paths if verbose.get() else paths[:_MOST_NAMED]
            more = len(paths) - len(shown)
            left = f" and {more} more (all with --verbose)" if more else ""
            print_message(f"skipped, since {why}: {', '.join(shown)}{left}")


def find_local_files(paths: tuple[str, ...], *, recursive: bool, follow_links: bool) -> LocalFiles:
    """Look at the given paths, and into directories.

    Raises:
        click.UsageError: There is nothing to upload, or standard input is closed or not alone.
    """
    given = distinct(paths)
    if STDIN in given and len(given) > 1:
        raise click.UsageError("give - alone: standard input is one file")
    found = LocalFiles()
    seen: set[tuple[int, int]] = set()
    for path in given:
        if path == STDIN:
            standard_input()  # refuses one that is closed
            found.paths.append(path)
        elif recursive and os.path.isdir(path):
            _look_into(path, found, seen, follow_links=follow_links)
        else:
            try:
                _check_readable(path)
            except OSError as error:
                found.unreadable.append((path, error))
            else:
                found.paths.append(path)
    found.paths = distinct(found.paths)
    if not found.paths and not found.unreadable:
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


def _look_into(
    top: str, found: LocalFiles, seen: set[tuple[int, int]], *, follow_links: bool
) -> None:
    waiting = [top]
    while waiting:
        folder = waiting.pop()
        try:
            status = os.stat(folder)
            names = sorted(os.listdir(folder))
        except OSError as error:
            found.unreadable.append((folder, error))
            continue
        if (status.st_dev, status.st_ino) in seen:  # links can form a circle
            found.skipped.setdefault(_AGAIN, []).append(folder)
            continue
        seen.add((status.st_dev, status.st_ino))
        folders = []
        for name in names:
            path = os.path.join(folder, name)
            try:
                mode = (os.stat if follow_links else os.lstat)(path).st_mode
            except OSError as error:
                found.unreadable.append((path, error))
                continue
            if stat.S_ISDIR(mode):
                folders.append(path)
            elif why := _reason(name, mode):
                found.skipped.setdefault(why, []).append(path)
            else:
                found.paths.append(path)
        waiting += reversed(folders)


def _reason(name: str, mode: int) -> str | None:
    """Why an entry of a directory is skipped."""
    if stat.S_ISLNK(mode):
        return _LINK
    if not stat.S_ISREG(mode):
        return _SPECIAL
    return _SYSTEM if name.lower() in _SYSTEM_FILES else None


def _check_readable(path: str) -> None:
    """Look at a file without opening it: a named pipe can be opened only once.

    Raises:
        OSError: It can't be read.
    """
    os.stat(path)
    refuse_directory(path, "add --recursive for the files in it")
    if not os.access(path, os.R_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)
