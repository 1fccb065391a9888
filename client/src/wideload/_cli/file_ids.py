"""Find the ID of a file that is given by its ID, its path or its name."""

from __future__ import annotations

import re
import unicodedata

from wideload import Client, ConfigurationError, FileInfo, NotFoundError
from wideload._cli.output import path_of
from wideload._files.names import checked_folder, checked_name

_ID = re.compile(r"[0-9A-HJKMNP-TV-Z]{26}")
_MOST_SHOWN = 10


def checked_file(given: str) -> str:
    """Check the ID, path or name of a file before any request.

    Raises:
        ConfigurationError: It can be none of them.
    """
    folder, _, name = given.rpartition("/")
    try:
        checked_folder(folder.removeprefix("/"))
        checked_name(name)
    except ConfigurationError:
        hint = ": add --recursive for a folder" if given.endswith("/") else ""
        raise ConfigurationError(
            f"{given!r} is neither the id nor the path or name of a file{hint}"
        ) from None
    return given


def file_id_of(client: Client, given: str) -> str:
    """The given ID, or the ID of the file with the given path, or of the only one of that name.

    A path has a / in it; that of a file at the top begins with one. Names are compared as the API
    compares `q`, without case and accents' encoding. If several files match, one whose name is
    spelled exactly as given is preferred.

    Raises:
        ConfigurationError: Several files have the name.
        NotFoundError: No file has the name.
        WideloadError: The request failed.
    """
    if _ID.fullmatch(given):
        return given
    folder, slash, name = given.rpartition("/")
    found = client.files.list(folder=folder.removeprefix("/") if slash else None, q=name)
    named = [file for file in found if _folded(file.name) == _folded(name)]
    for spelled in (_spaced, str):
        named = [file for file in named if spelled(file.name) == spelled(name)] or named
    if len(named) == 1:
        return named[0].file_id
    if not named:
        raise NotFoundError(f"there is no file {given}", status=404, code="unknown_file")
    raise ConfigurationError(
        f"{len(named)} of your files have this name: give the id or path of one: {_ids(named)}"
    )


def _spaced(name: str) -> str:
    """Make spaces plain and compose accents: macOS puts U+202F into screenshots' names."""
    plain = "".join(" " if character.isspace() else character for character in name)
    return unicodedata.normalize("NFC", plain)


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", _spaced(name).casefold())


def _ids(files: list[FileInfo]) -> str:
    shown = [
        f"{file.file_id} ({file.created_at[:10]}, {path_of(file)})" for file in files[:_MOST_SHOWN]
    ]
    more = len(files) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "")
