"""Names and content types of files: checks, and the headers of a download."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from wideload_runtime.core.errors import Refused

MAX_NAME = 255
"""Code points, so at most 1,020 bytes of UTF-8: the limit of common file systems."""
MAX_PATH = 1024
"""Characters of a folder's path."""
MAX_DEPTH = 32
"""Names in a folder's path."""
MOST_ALIKE = 1_000
"""Files of one folder that have one name with different numbers."""
_LOOKED_UP = 25
"""Numbered names that are looked up at a time."""
MAX_CONTENT_TYPE = 255
DEFAULT_CONTENT_TYPE = "application/octet-stream"

MAX_EXTENSION = 16
"""Characters after a name's last dot that are kept when it is shortened."""

_REFUSED_CATEGORIES = {"Cc", "Cs", "Zl", "Zp"}
_BIDI_CONTROLS = set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Characters that display `fdp.exe` as `exe.pdf`: https://trojansource.codes"""

_JOINER = "\u200d"
_SKIN_TONES = "\U0001f3fb\U0001f3fc\U0001f3fd\U0001f3fe\U0001f3ff"
_FLAG_LETTERS = "".join(map(chr, range(0x1F1E6, 0x1F200)))
"""Letters of which two are one flag."""

_WORD = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_QUOTED = r'"[ !#-\[\]-~]*"'
_CONTENT_TYPE = re.compile(rf"{_WORD}/{_WORD}(?: *; *{_WORD}=(?:{_WORD}|{_QUOTED}))*")
_ATTRIBUTE_CHARACTERS = "!#$&+-.^_`|~"
"""Allowed in addition to letters and digits: https://www.rfc-editor.org/rfc/rfc8187#section-3.2.1"""


def parse_name(value: Any) -> str:
    """
    Raises:
        Refused: `invalid_name`.
    """
    if not isinstance(value, str) or not 1 <= len(value) <= MAX_NAME:
        raise _bad_name(f"The name is not a string of 1 to {MAX_NAME} characters.")
    if value in {".", ".."}:
        raise _bad_name("The name is . or .., which file systems keep for themselves.")
    for character in value:
        if character in "/\\":
            raise _bad_name("The name holds / or \\: give the name alone, without folders.")
        if unicodedata.category(character) in _REFUSED_CATEGORIES or character in _BIDI_CONTROLS:
            raise _bad_name(
                f"The name holds the character U+{ord(character):04X}, which can't be shown."
            )
    return value


def numbered(name: str, number: int) -> str:
    """Return a name with a number: "offer (2).txt"."""
    stem, dot, extension = name.rpartition(".")
    if not stem or len(extension) > MAX_EXTENSION:
        stem, dot, extension = name, "", ""
    end = f" ({number}){dot}{extension}"
    cut = min(len(stem), MAX_NAME - len(end))
    while cut > 1 and _cuts_character(stem, cut):
        cut -= 1
    return stem[:cut] + end


def numbered_names(name: str) -> Iterator[list[str]]:
    """Yield numbered names, several at a time, to look up which of them are taken."""
    for start in range(2, MOST_ALIKE, _LOOKED_UP):
        yield [numbered(name, start + more) for more in range(_LOOKED_UP)]


def too_many_alike() -> Refused:
    return Refused(
        "name_exists",
        f"Over {MOST_ALIKE} files of this folder have this name with a number: choose another.",
    )


def parse_folder(value: Any) -> str:
    """
    Returns:
        The path of a folder; empty for the top.

    Raises:
        Refused: `invalid_name`.
    """
    if not isinstance(value, str) or len(value) > MAX_PATH:
        raise _bad_name(f"The folder is not a string of at most {MAX_PATH} characters.")
    if not value:
        return value
    names = value.split("/")
    if len(names) > MAX_DEPTH:
        raise _bad_name(f"The folder's path has {len(names)} names; {MAX_DEPTH} are allowed.")
    if "" in names:
        raise _bad_name(
            "The folder's path begins or ends with /, or holds an empty name: write it as a/b."
        )
    for name in names:
        parse_name(name)
    return value


def parse_content_type(value: Any) -> str:
    """
    Raises:
        Refused: `invalid_request`.
    """
    if value is None or value == "":
        return DEFAULT_CONTENT_TYPE  # browsers say "" of what they don't know
    if (
        not isinstance(value, str)
        or len(value) > MAX_CONTENT_TYPE
        or not _CONTENT_TYPE.fullmatch(value)
    ):
        raise Refused(
            "invalid_request",
            "content_type is not type/subtype with parameters, of at most "
            f"{MAX_CONTENT_TYPE} characters; leave it out for {DEFAULT_CONTENT_TYPE}.",
        )
    return value


def matches(name: str, wanted: str) -> bool:
    """Return whether a name contains a text.

    Case, kinds of space (macOS's screenshots have U+202F) and forms of accents don't matter.
    """
    return _folded(wanted) in _folded(name)


def begins(name: str, wanted: str) -> bool:
    """Return whether a name begins with a text, by `sort_key`."""
    return sort_key(name).startswith(sort_key(wanted))


def sort_key(name: str) -> str:
    """Return the text by which names are sorted: without case and Unicode form."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())


def _folded(text: str) -> str:
    spaced = "".join(" " if character.isspace() else character for character in text)
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", spaced).casefold())


def content_disposition(name: str, *, shorter_by: int = 0) -> str:
    """Return the `Content-Disposition` by which browsers save a download under its name.

    ASCII only, since S3 refuses characters outside of Latin-1. Clients that don't know
    `filename*` use the fallback.
    https://www.rfc-editor.org/rfc/rfc6266#appendix-D

    Args:
        shorter_by: Bytes by which to shorten a URL with this header: the name's last characters
            before its extension are left out.
    """
    if shorter_by > 0:
        name = _shortened(name, shorter_by)
    fallback = _fallback(name)
    if not fallback.strip(" ."):
        fallback = "download"
    return f"attachment; filename=\"{fallback}\"; filename*=UTF-8''{_encoded(name)}"


def _fallback(name: str) -> str:
    plain = unicodedata.normalize("NFKD", name)
    kept = (character for character in plain if not unicodedata.combining(character))
    return "".join(
        character if " " <= character <= "~" and character not in '"\\%/' else "_"
        for character in kept
    )


def _encoded(name: str) -> str:
    return quote(name, safe=_ATTRIBUTE_CHARACTERS)


def _shortened(name: str, bytes_of_url: int) -> str:
    stem, dot, extension = name.rpartition(".")
    if not stem or len(extension) > MAX_EXTENSION:
        stem, dot, extension = name, "", ""
    end = len(stem)
    while end > 1 and (bytes_of_url > 0 or _cuts_character(stem, end)):
        end -= 1
        # In a URL, percent-encoded text is percent-encoded again.
        bytes_of_url -= len(quote(_encoded(stem[end]) + _fallback(stem[end])))
    return f"{stem[:end]}{dot}{extension}"


def _cuts_character(text: str, position: int) -> bool:
    """Return whether a cut would divide one visible character: a letter and its accent, or an
    emoji of several code points (most of https://unicode.org/reports/tr29/)."""
    if position == len(text):
        return False
    before, after = text[position - 1], text[position]
    if _JOINER in (before, after) or after in _SKIN_TONES:
        return True
    if unicodedata.category(after).startswith("M"):
        return True
    flags = len(text[:position]) - len(text[:position].rstrip(_FLAG_LETTERS))
    return after in _FLAG_LETTERS and flags % 2 == 1


def _bad_name(detail: str) -> Refused:
    return Refused("invalid_name", detail)
