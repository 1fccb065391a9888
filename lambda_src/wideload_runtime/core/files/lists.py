"""Queries of lists of files and folders, and their cursors."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal, TypeVar, cast, get_args

from wideload_runtime.core.cursors import MAX_LIST, bad_cursor, parse_limit
from wideload_runtime.core.errors import Refused
from wideload_runtime.core.files.names import MAX_NAME, parse_folder

Order = Literal["created_at", "name", "size"]
MAX_POSITION = 900
"""Bytes of a position, which is the rest of a key of up to 1,024."""
_DIGEST = 8
"""Bytes of a cursor that bind it to its query."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderQuery:
    """A page of a list.

    Args:
        folder: Path of the folder; empty: the top; None: all folders.
        after: Position of the last item of the page before.
    """

    folder: str = ""
    limit: int = 50
    after: str | None = None

    @classmethod
    def parse(cls, query: Mapping[str, str]) -> FolderQuery:
        """
        Raises:
            Refused: `invalid_request` or `invalid_name`.
        """
        return _at_its_page(cls(folder=parse_folder(query.get("folder", ""))), query)

    def cursor(self, position: str) -> str:
        return _encoded(self, position)


@dataclass(frozen=True, slots=True, kw_only=True)
class FileQuery:
    """A page of a list of files.

    Args:
        folder: Path of the folder; empty: the top; None: all folders.
        prefix: Text that the names begin with.
        contains: Text that the names contain.
        after: Position of the last file of the page before.
    """

    folder: str | None = None
    order: Order = "created_at"
    descending: bool = True
    prefix: str = ""
    contains: str = ""
    limit: int = 50
    after: str | None = None

    @classmethod
    def parse(cls, query: Mapping[str, str]) -> FileQuery:
        """
        Raises:
            Refused: `invalid_request` or `invalid_name`.
        """
        prefix, contains = _text(query, "prefix"), _text(query, "q")
        sort = query.get("sort", "name" if prefix else "-created_at")
        order = sort.removeprefix("-")
        if order not in get_args(Order):
            raise Refused(
                "invalid_request",
                f"sort is {sort[:20]!r}; {', '.join(get_args(Order))} are allowed, with a - before "
                "it for descending order.",
            )
        if order == "size" and "folder" not in query:
            raise Refused("invalid_request", "sort by size needs folder.")
        if order != "name" and prefix:
            raise Refused("invalid_request", "With prefix, sort is name or -name.")
        wanted = cls(
            folder=parse_folder(query["folder"]) if "folder" in query else None,
            order=cast(Order, order),
            descending=sort.startswith("-"),
            prefix=prefix,
            contains=contains,
        )
        return _at_its_page(wanted, query)

    def cursor(self, position: str) -> str:
        return _encoded(self, position)


_Query = TypeVar("_Query", FolderQuery, FileQuery)


def _text(query: Mapping[str, str], name: str) -> str:
    text = query.get(name, "")
    if len(text) > MAX_NAME:
        raise Refused("invalid_request", f"{name} has over {MAX_NAME} characters, as no name has.")
    return text


def _at_its_page(wanted: _Query, query: Mapping[str, str]) -> _Query:
    cursor = query.get("cursor")
    return replace(
        wanted,
        limit=parse_limit(query, MAX_LIST, default=50),
        after=_decoded(wanted, cursor) if cursor else None,
    )


def _encoded(query: FolderQuery | FileQuery, position: str) -> str:
    """Encode a position in a list for the client, which returns it for the next page.

    It doesn't name the list's owner, who is known by the caller's token.
    """
    text = base64.urlsafe_b64encode(_digest_of(query) + position.encode())
    return text.decode().rstrip("=")


def _decoded(query: FolderQuery | FileQuery, cursor: str) -> str:
    """
    Raises:
        Refused: `invalid_request`: the cursor is malformed, or of another query.
    """
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        decoded = base64.b64decode(padded, altchars=b"-_", validate=True)
        position = decoded[_DIGEST:].decode()
    except (binascii.Error, ValueError) as error:
        raise bad_cursor() from error
    if decoded[:_DIGEST] != _digest_of(query) or not 1 <= len(decoded) - _DIGEST <= MAX_POSITION:
        raise bad_cursor()
    return position


def _digest_of(query: FolderQuery | FileQuery) -> bytes:
    """Return a digest of a query, whatever its page."""
    text = repr(replace(query, limit=0, after=None))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:_DIGEST]
