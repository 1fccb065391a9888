"""Names and content types of files: what is taken, and how a download is told of them."""

from __future__ import annotations

import re
import unicodedata
from typing import Any
from urllib.parse import quote

from wideload_runtime.core.errors import Refused

MAX_NAME = 255
"""Code points, so at most 1,020 bytes of UTF-8; common file systems take no longer name."""
MAX_CONTENT_TYPE = 255
DEFAULT_CONTENT_TYPE = "application/octet-stream"

_REFUSED_CATEGORIES = {"Cc", "Cs", "Zl", "Zp"}
_BIDI_CONTROLS = set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""They make `exe.pdf` of `fdp.exe`: https://trojansource.codes"""

_WORD = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_QUOTED = r'"[ !#-\[\]-~]*"'
_CONTENT_TYPE = re.compile(rf"{_WORD}/{_WORD}(?: *; *{_WORD}=(?:{_WORD}|{_QUOTED}))*")
_ATTRIBUTE_CHARACTERS = "!#$&+-.^_`|~"
"""Besides letters and digits: https://www.rfc-editor.org/rfc/rfc8187#section-3.2.1"""


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
    """Whether a name contains a text, whatever the case, the kind of space (U+202F stands in names
    of macOS's screenshots) and however accents are written."""
    return _folded(wanted) in _folded(name)


def _folded(text: str) -> str:
    spaced = "".join(" " if character.isspace() else character for character in text)
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", spaced).casefold())


def content_disposition(name: str) -> str:
    """The header that has browsers save a download under its name.

    ASCII alone: S3 refuses what is no Latin-1. Clients that know no `filename*` get the fallback.
    https://www.rfc-editor.org/rfc/rfc6266#appendix-D
    """
    plain = unicodedata.normalize("NFKD", name)
    kept = (character for character in plain if not unicodedata.combining(character))
    fallback = "".join(
        character if " " <= character <= "~" and character not in '"\\%/' else "_"
        for character in kept
    )
    if not fallback.strip(" ."):
        fallback = "download"
    encoded = quote(name, safe=_ATTRIBUTE_CHARACTERS)
    return f"attachment; filename=\"{fallback}\"; filename*=UTF-8''{encoded}"


def _bad_name(detail: str) -> Refused:
    return Refused("invalid_name", detail)
