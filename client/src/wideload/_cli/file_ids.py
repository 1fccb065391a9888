"""Find the ID of a file that is given by its ID or its name."""

from __future__ import annotations

import re
import unicodedata

from wideload import Client, ConfigurationError, FileInfo, NotFoundError
from wideload._files.names import checked_name

_ID = re.compile(r"[0-9A-HJKMNP-TV-Z]{26}")
_MOST_SHOWN = 10


def checked_file(given: str) -> str:
    """Check the ID or name of a file before any request.

    Raises:
        ConfigurationError: It can be neither.
    """
    try:
        return checked_name(given)
    except ConfigurationError:
        raise ConfigurationError(f"{given!r} is neither the id nor the name of a file") from None


def file_id_of(client: Client, given: str) -> str:
    """The given ID, or the ID of the only file with the given name.

    Names are compared as the API compares `q`, without case and accents' encoding. If several
    files match, one whose name is spelled exactly as given is preferred.

    Raises:
        ConfigurationError: Several files have the name.
        NotFoundError: No file has the name.
        WideloadError: The request failed.
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
        f"{len(named)} of your files have this name: give the id of one: {_ids(named)}"
    )


def _spaced(name: str) -> str:
    """Make spaces plain and compose accents: macOS puts U+202F into screenshots' names."""
    plain = "".join(" " if character.isspace() else character for character in name)
    return unicodedata.normalize("NFC", plain)


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", _spaced(name).casefold())


def _ids(files: list[FileInfo]) -> str:
    shown = [f"{file.file_id} ({file.created_at[:10]})" for file in files[:_MOST_SHOWN]]
    more = len(files) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "")
