"""The files in what is to be uploaded, and what is passed over there."""

from __future__ import annotations

import errno
import os
import stat
from dataclasses import dataclass, field

import click

from wideload._cli.exits import complain, verbose
from wideload._cli.output import standard_input

STDIN = "-"

# Left behind by file managers; compared without case. The page leaves out the same (dropped.ts).
_OF_THE_SYSTEM = {".ds_store", "thumbs.db", "desktop.ini"}
_MOST_NAMED = 5

_LINK = "links aren't followed without --follow-links"
_SYSTEM = "file managers leave them behind"
_SPECIAL = "pipes, sockets and devices aren't uploaded"
_AGAIN = "they are in already by another path"


@dataclass
class Found:
    """What there is to upload, and what not.

    Attributes:
        files: Paths, in an order that stays the same.
        unreadable: Paths of what can't be read, and why.
        passed_over: Paths of what isn't uploaded, by the reason.
    """

    files: list[str] = field(default_factory=list)
    unreadable: list[tuple[str, OSError]] = field(default_factory=list)
    passed_over: dict[str, list[str]] = field(default_factory=dict)

    def tell(self) -> None:
        """Say what was passed over, and why."""
        for why, paths in self.passed_over.items():
            shown = paths if verbose.get() else paths[:_MOST_NAMED]
            more = len(paths) - len(shown)
            left = f" and {more} more (all with --verbose)" if more else ""
            complain(f"passed over, since {why}: {', '.join(shown)}{left}")


def find(paths: tuple[str, ...], *, recursive: bool, follow_links: bool) -> Found:
    """Look at what was given, and into directories.

    Raises:
        click.UsageError: Something given can't be uploaded.
    """
    if STDIN in paths and len(paths) > 1:
        raise click.UsageError("give - alone: standard input is one file")
    found = Found()
    seen: set[tuple[int, int]] = set()
    for path in paths:
        if path == STDIN or not os.path.isdir(path):
            if path == STDIN:
                standard_input()  # refuses one that is closed
            if path == STDIN or _readable(path, found):
                found.files.append(path)
        elif recursive:
            _look_into(path, found, seen, follow_links=follow_links)
        else:
            raise click.UsageError(f"{path} is a directory: add --recursive for what is in it")
    if not found.files and not found.unreadable:
        found.tell()
        raise click.UsageError("there is no file in what was given")
    return found


def _look_into(top: str, found: Found, seen: set[tuple[int, int]], *, follow_links: bool) -> None:
    waiting = [top]
    while waiting:
        folder = waiting.pop()
        try:
            status = os.stat(folder)
            names = sorted(os.listdir(folder))
        except OSError as error:
            found.unreadable.append((folder, error))
            continue
        if (status.st_dev, status.st_ino) in seen:  # links can lead in circles
            found.passed_over.setdefault(_AGAIN, []).append(folder)
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
                found.passed_over.setdefault(why, []).append(path)
            else:
                found.files.append(path)
        waiting += reversed(folders)


def _reason(name: str, mode: int) -> str | None:
    """Why what is in a directory isn't uploaded."""
    if stat.S_ISLNK(mode):
        return _LINK
    if not stat.S_ISREG(mode):
        return _SPECIAL
    return _SYSTEM if name.lower() in _OF_THE_SYSTEM else None


def _readable(file: str, found: Found) -> bool:
    """Look at a file without opening it: a named pipe can be opened only once."""
    try:
        os.stat(file)
        if not os.access(file, os.R_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), file)
    except OSError as error:
        found.unreadable.append((file, error))
        return False
    return True
