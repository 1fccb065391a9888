"""Names of files and folders: those that the API takes, and those that are safe in a path."""

from __future__ import annotations

import mimetypes
import os
import re
from typing import get_args

from wideload._files.models import IfExists
from wideload._text import CONTROL_CHARACTERS, SURROGATE
from wideload.errors import ConfigurationError

_LONGEST_NAME = 255
_LONGEST_FOLDER = 1024
_MOST_LEVELS = 32
_LONGEST_CONTENT_TYPE = 255
_WORD = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_QUOTED = r'"[ !#-\[\]-~]*"'
_CONTENT_TYPE = re.compile(rf"{_WORD}/{_WORD}(?: *; *{_WORD}=(?:{_WORD}|{_QUOTED}))*")

# https://learn.microsoft.com/windows/win32/fileio/naming-a-file
_WINDOWS_RESERVED = re.compile(r"(?i)(con|prn|aux|nul|conin\$|conout\$|com[0-9¹²³]|lpt[0-9¹²³])$")
_WINDOWS_REFUSED = '<>:"|?*'
# The limit of common file systems: 255 bytes on Linux, 255 UTF-16 units elsewhere.
LONGEST_ON_DISK = 255


def checked_name(name: str) -> str:
    """Check the name of a file for the API, and return it.

    Raises:
        ConfigurationError: The API takes no such name.
    """
    if not isinstance(name, str):
        raise ConfigurationError(f"a file's name must be text, not {type(name).__name__}")
    if name in {"", ".", ".."}:
        raise ConfigurationError(f"{name!r} is no file name: give one as name")
    if "/" in name or "\\" in name:
        raise ConfigurationError(f"a file's name has no / and no \\: {name!r}")
    if CONTROL_CHARACTERS.search(name) or SURROGATE.search(name):
        raise ConfigurationError(
            f"the file name {name!r} holds a control character, a byte that is no text or a mark "
            "that changes the direction of writing: give another as name"
        )
    if len(name) > _LONGEST_NAME:
        raise ConfigurationError(
            f"a file's name has at most {_LONGEST_NAME} characters: {name[:50]!r}… has {len(name)}"
        )
    return name


def checked_folder(folder: str) -> str:
    """Check the path of a folder for the API, and return it; "" is the top.

    Raises:
        ConfigurationError: The API takes no such path.
    """
    if not isinstance(folder, str):
        raise ConfigurationError(f"a folder must be text, not {type(folder).__name__}")
    if not folder:
        return folder
    names = folder.split("/")
    if "" in names:
        raise ConfigurationError(
            f"a folder's path has no / at its ends and none doubled, as in films/2026: {folder!r}"
        )
    if len(names) > _MOST_LEVELS or len(folder) > _LONGEST_FOLDER:
        raise ConfigurationError(
            f"a folder's path has at most {_MOST_LEVELS} names and {_LONGEST_FOLDER:,} characters: "
            f"{folder[:50]!r}… has {len(names)} and {len(folder):,}"
        )
    for name in names:
        try:
            checked_name(name)
        except ConfigurationError as error:
            raise ConfigurationError(f"the folder {folder!r} can't be made: {error}") from None
    return folder


def checked_if_exists(if_exists: IfExists) -> IfExists:
    """Check what is to become of a name that another file has, and return it.

    Raises:
        ConfigurationError: It isn't one of the values that the API takes.
    """
    if if_exists not in get_args(IfExists):
        raise ConfigurationError(
            f"if_exists must be one of {', '.join(get_args(IfExists))}, not {if_exists!r}"
        )
    return if_exists


def checked_content_type(kind: str) -> str:
    """Check a content type, before the file is read, and return it.

    Raises:
        ConfigurationError: The API takes no such type.
    """
    if (
        not isinstance(kind, str)
        or len(kind) > _LONGEST_CONTENT_TYPE
        or not _CONTENT_TYPE.fullmatch(kind)
    ):
        raise ConfigurationError(
            f"content_type must be type/subtype, with parameters or without, in at most "
            f"{_LONGEST_CONTENT_TYPE} characters, such as application/pdf, not {kind!r}"
        )
    return kind


def content_type_of(name: str) -> str:
    """The content type that a file's name suggests."""
    kind, encoding = mimetypes.guess_type(name)
    if encoding == "gzip":
        return "application/gzip"
    return kind if kind and not encoding else "application/octet-stream"


def safe_name(name: str, *, windows: bool = os.name == "nt") -> str:
    """A name of the API as one component of a local path.

    It can't leave a directory, be shown otherwise than it is, or name a device.

    Args:
        name: The name in the answer, which can be any text.
        windows: Whether to take only names that Windows allows.
    """
    base = re.split(r"[/\\]", name)[-1]
    base = SURROGATE.sub("_", CONTROL_CHARACTERS.sub("_", base))
    if windows:
        base = "".join("_" if char in _WINDOWS_REFUSED else char for char in base)
        base = base.rstrip(". ")
        if _WINDOWS_RESERVED.match(base.partition(".")[0].rstrip()):
            base = f"_{base}"
    if base in {"", ".", ".."}:
        base = "unnamed"
    return shortened(base, LONGEST_ON_DISK)


def shortened(name: str, most: int) -> str:
    """`name` cut to at most so many bytes on disk; a short extension is kept."""
    if len(os.fsencode(name)) <= most:
        return name
    stem, extension = os.path.splitext(name)
    if len(os.fsencode(extension)) > 20:
        stem, extension = name, ""
    room = most - len(os.fsencode(extension))
    while len(os.fsencode(stem)) > room:
        stem = stem[:-1]
    return stem + extension
