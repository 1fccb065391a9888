"""Which file is meant: by its id, or by its name if one file has it."""

from __future__ import annotations

import re
import unicodedata

from wideload import Client, ConfigurationError, FileInfo, NotFoundError
from wideload._files.names import checked_name

_ID = re.compile(r"[0-9A-HJKMNP-TV-Z]{26}")
_MOST_SHOWN = 10


def checked_file(given: str) -> str:
    """Take an id or a name of a file, before anything is asked.

    Raises:
        ConfigurationError: It can't be either.
    """
    try:
        return checked_name(given)
    except ConfigurationError:
        raise ConfigurationError(f"that is no file's id and no file's name: {given!r}") from None


def file_id_of(client: Client, given: str) -> str:
    """The id itself, or that of the only file with this name.

    Names are compared as the API does it for `q`; of those that are alike to it, one that is
    spelled as given is meant.

    Raises:
        ConfigurationError: Several files have the name.
        NotFoundError: None has.
        WideloadError: The API can't be asked.
    """
    if _ID.fullmatch(given):
        return given
    name = _spaced(given)
    alike = [file for file in client.files.list(q=given) if _folded(file.name) == _folded(given)]
    named = [file for file in alike if _spaced(file.name) == name] or alike
    if len(named) == 1:
        return named[0].file_id
    if not named:
        raise NotFoundError(f"there is no file {given}", status=404, code="unknown_file")
    raise ConfigurationError(
        f"{len(named)} of your files are called {given}: give the id of one: {_ids(named)}"
    )


def _spaced(name: str) -> str:
    """With plain spaces and composed accents: macOS puts U+202F into names of screenshots."""
    plain = "".join(" " if character.isspace() else character for character in name)
    return unicodedata.normalize("NFC", plain)


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", _spaced(name).casefold())


def _ids(files: list[FileInfo]) -> str:
    shown = [f"{file.file_id} ({file.created_at[:10]})" for file in files[:_MOST_SHOWN]]
    more = len(files) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "")
