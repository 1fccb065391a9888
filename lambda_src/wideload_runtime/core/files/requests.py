"""Requests of file transfer's clients, parsed and checked."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeGuard, cast, get_args

from wideload_runtime.core.cursors import MAX_LIST, bad_cursor, decode_cursor, parse_limit
from wideload_runtime.core.errors import Refused
from wideload_runtime.core.files.names import (
    parse_content_type,
    parse_folder,
    parse_name,
)
from wideload_runtime.core.files.parts import MAX_PARTS, MAX_SIZE
from wideload_runtime.core.files.records import (
    Announced,
    Content,
    FirstPart,
    IfExists,
    NewName,
    Unsized,
)
from wideload_runtime.core.numbers import parse_integer
from wideload_runtime.core.times import iso
from wideload_runtime.core.ulids import is_ulid

MAX_BODY = 1024 * 1024
"""Bytes: more than the largest allowed request has, however JSON escapes it."""
MAX_CHECKED = 100
MAX_CREATED = 25
MAX_SIGNED = 100
MAX_CHANGED = 100

_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class UploadRequest:
    """A file to upload."""

    name: NewName
    announced: Announced


@dataclass(frozen=True, slots=True)
class Change:
    """A new name or folder of a file."""

    name: str | None = None
    folder: str | None = None
    if_exists: IfExists = "keep_both"


@dataclass(frozen=True, slots=True)
class Claim:
    """A client's word, at the end, on the file that it has sent."""

    sha256: str
    """Of the whole file; hex, in lower case."""
    parts_sha256: str
    """SHA-256 of the concatenated digests of all parts; hex, in lower case."""
    size: int | None = None
    """Bytes, if the file was announced without."""


@dataclass(frozen=True, slots=True)
class WantedPart:
    number: int
    sha256: str
    """Hex, in lower case."""
    size: int | None = None
    """Bytes; None: as follows from the size of the file."""


@dataclass(frozen=True, slots=True)
class Page:
    """Page of a list."""

    limit: int = 50
    before: str | None = None
    """Last id of the page before."""

    @classmethod
    def parse(cls, query: Mapping[str, str]) -> Page:
        """
        Raises:
            Refused: `invalid_request`.
        """
        cursor = query.get("cursor")
        before = decode_cursor(cursor) if cursor else None
        if before is not None and not is_ulid(before):
            raise bad_cursor()
        return cls(parse_limit(query, MAX_LIST, default=50), before)


def parse_check(body: bytes) -> list[Content]:
    """
    Raises:
        Refused: `body_too_large`, `invalid_request`.
    """
    files = _list_of(body, "files", MAX_CHECKED)
    return [_content(file, f"files[{index}]") for index, file in enumerate(files)]


def parse_create(body: bytes) -> list[UploadRequest | Refused]:
    """
    Returns:
        For each file the request, or the reason why that file is refused.

    Raises:
        Refused: `body_too_large`, `invalid_request`.
    """
    return [_upload_request(file) for file in _list_of(body, "files", MAX_CREATED)]


def parse_parts(body: bytes) -> list[WantedPart]:
    """
    Raises:
        Refused: `body_too_large`, `invalid_request`.
    """
    parts = _list_of(body, "parts", MAX_SIGNED)
    return [_part(part, f"parts[{index}]") for index, part in enumerate(parts)]


def parse_claim(body: bytes) -> Claim | None:
    """
    Returns:
        None for an empty body.

    Raises:
        Refused: `body_too_large`, `invalid_request`, `file_too_large`.
    """
    if not body:
        return None
    given = _object(body)
    return Claim(
        _sha256(given, "The body"),
        _sha256(given, "The body", "parts_sha256"),
        _size(given, "The body") if "size" in given else None,
    )


def parse_change(body: bytes) -> Change:
    """
    Raises:
        Refused: `body_too_large`, `invalid_request`, `invalid_name`.
    """
    given = _object(body)
    if "name" not in given and "folder" not in given:
        raise Refused("invalid_request", "name and folder are missing: give one of them.")
    return Change(
        parse_name(given["name"]) if "name" in given else None,
        parse_folder(given["folder"]) if "folder" in given else None,
        parse_if_exists(given),
    )


def parse_move(body: bytes) -> tuple[list[str], Change]:
    """
    Returns:
        Ids of files, and where they are to be.

    Raises:
        Refused: `body_too_large`, `invalid_request`, `invalid_name`.
    """
    given = _object(body)
    if "folder" not in given:
        raise Refused("invalid_request", 'folder is missing: give a path, or "" for the top.')
    change = Change(folder=parse_folder(given["folder"]), if_exists=parse_if_exists(given))
    return _file_ids(body), change


def parse_delete(body: bytes) -> list[str]:
    """
    Returns:
        Ids of files.

    Raises:
        Refused: `body_too_large`, `invalid_request`.
    """
    return _file_ids(body)


def parse_folders(body: bytes, *names: str) -> list[str]:
    """
    Returns:
        The paths that the body has under these names, of folders other than the top.

    Raises:
        Refused: `body_too_large`, `invalid_request`, `invalid_name`.
    """
    given = _object(body)
    return [parse_named_folder(given, name) for name in names]


def parse_named_folder(given: Mapping[str, Any], name: str) -> str:
    """
    Raises:
        Refused: `invalid_request`, `invalid_name`.
    """
    path = parse_folder(given.get(name, ""))
    if not path:
        raise Refused(
            "invalid_request", f"{name} is missing or empty: give the path of a folder, as a/b."
        )
    return path


def _file_ids(body: bytes) -> list[str]:
    file_ids = _list_of(body, "file_ids", MAX_CHANGED)
    if not all(isinstance(each, str) for each in file_ids):
        raise Refused("invalid_request", "file_ids holds something else than strings.")
    return file_ids


def parse_if_exists(given: Mapping[str, Any]) -> IfExists:
    """
    Raises:
        Refused: `invalid_request`.
    """
    how: Any = given.get("if_exists", "keep_both")
    if how not in get_args(IfExists):
        raise Refused("invalid_request", f"if_exists is not {', '.join(get_args(IfExists))}.")
    return cast(IfExists, how)


def _upload_request(file: Any) -> UploadRequest | Refused:
    try:
        announced = _announced(file)
        name = NewName(
            folder=parse_folder(file.get("folder", "")),
            name=parse_name(file.get("name")),
            content_type=parse_content_type(file.get("content_type")),
            modified_at=_time(file, "modified_at") if "modified_at" in file else None,
            if_exists=parse_if_exists(file),
        )
        return UploadRequest(name, announced)
    except Refused as refused:
        return refused


def _announced(file: Any) -> Announced:
    if not isinstance(file, dict) or "first_sha256" not in file:
        return _content(file, "The file")
    if "sha256" in file:
        raise Refused(
            "invalid_request", "The file has both sha256 and first_sha256: give one of them."
        )
    first_sha256 = _sha256(file, "The file", "first_sha256")
    if "size" not in file:
        given = "expected_size" in file
        return Unsized(first_sha256, _size(file, "The file", "expected_size") if given else 0)
    if "expected_size" in file:
        raise Refused("invalid_request", "The file has both size and expected_size: give size.")
    return FirstPart(first_sha256, _size(file, "The file"))


def _content(file: Any, where: str) -> Content:
    if not isinstance(file, dict):
        raise Refused("invalid_request", f"{where} is not an object with sha256 and size.")
    size = _size(file, where)
    return Content(_sha256(file, where), size)


def _size(given: dict[str, Any], where: str, name: str = "size") -> int:
    size = given.get(name)
    if not _is_integer(size) or size < 0:
        raise Refused("invalid_request", f"{where}: {name} is not a number of bytes.")
    if size > MAX_SIZE:
        raise Refused("file_too_large", f"{where}: {name} is over {MAX_SIZE} bytes, S3's limit.")
    return size


def _part(part: Any, where: str) -> WantedPart:
    if not isinstance(part, dict):
        raise Refused("invalid_request", f"{where} is not an object with number and sha256.")
    number = part.get("number")
    if not _is_integer(number) or not 1 <= number <= MAX_PARTS:
        raise Refused("invalid_request", f"{where}: number is not one from 1 to {MAX_PARTS}.")
    size = _size(part, where) if "size" in part else None
    return WantedPart(number, _sha256(part, where), size)


def _sha256(given: dict[str, Any], where: str, name: str = "sha256") -> str:
    value = given.get(name)
    if not isinstance(value, str) or not _SHA256.fullmatch(value):
        raise Refused(
            "invalid_request", f"{where}: {name} is not 64 hexadecimal digits in lower case."
        )
    return value


def _time(given: dict[str, Any], name: str) -> str:
    """Return a time as it is recorded: in UTC, of fixed width."""
    value = given[name]
    try:
        time = datetime.fromisoformat(value)
        return iso(time.timestamp()) if time.tzinfo else _refuse_time(name)
    except (TypeError, ValueError, OverflowError, OSError):
        return _refuse_time(name)


def _refuse_time(name: str) -> str:
    raise Refused(
        "invalid_request",
        f"{name} is not a time in ISO 8601 with its offset, such as 2026-11-28T05:00:00Z.",
    )


def _is_integer(value: Any) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)


def _list_of(body: bytes, name: str, most: int) -> list[Any]:
    values = _object(body).get(name)
    if not isinstance(values, list) or not 1 <= len(values) <= most:
        raise Refused("invalid_request", f"{name} is not a list of 1 to {most}.")
    return values


def _object(body: bytes) -> dict[str, Any]:
    if len(body) > MAX_BODY:
        raise Refused("body_too_large", f"The body has over {MAX_BODY} bytes.")
    try:
        # json, not orjson, which refuses a whole body for one lone surrogate in a name.
        given = json.loads(body, parse_int=parse_integer, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise Refused("invalid_request", "The body is not JSON.") from error
    if not isinstance(given, dict):
        raise Refused("invalid_request", "The body is not a JSON object.")
    return given


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")
