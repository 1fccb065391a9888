"""Parse the JSON of answers: exact integers, linear time, and no other exception than ValueError.

orjson turns long integers into floats and refuses lone surrogates, which summaries can contain.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

# Digits. Python refuses longer integers, whose conversion takes quadratic time.
_LONGEST_INT = 4300


def _integer(text: str) -> int | Decimal:
    return int(text) if len(text) <= _LONGEST_INT else Decimal(text)


def _float(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise ValueError("a number is beyond the range of floats")
    return value


def _no_number(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


_DECODER = json.JSONDecoder(parse_int=_integer, parse_float=_float, parse_constant=_no_number)
_SPACE = re.compile(r"[ \t\r\n]*")


def parse(body: bytes) -> Any:
    """Parse an answer. Integers are exact; those of over 4,300 digits are Decimals.

    Raises:
        ValueError: It isn't JSON, or too deeply nested.
    """
    try:
        return _DECODER.decode(body.decode())
    except RecursionError:
        raise ValueError("the answer is too deeply nested") from None


def parse_object(body: bytes) -> dict[str, Any]:
    """Parse an answer that must be a JSON object.

    Raises:
        ValueError: It isn't a JSON object.
    """
    answer = parse(body)
    if not isinstance(answer, dict):
        raise ValueError("the answer is not a JSON object")
    return answer


def split_document(body: bytes) -> tuple[dict[str, Any], dict[str, str], bytes | None]:
    """Split an answer into its members without `document`, their texts, and `document`'s bytes.

    The API embeds the document's bytes as they were sent, as the last member. They are never
    parsed.

    Raises:
        ValueError: `body` isn't a JSON object.
    """
    # With surrogateescape, bytes that aren't UTF-8 are kept.
    text = body.decode("utf-8", "surrogateescape").rstrip(" \t\r\n")
    members: dict[str, Any] = {}
    texts: dict[str, str] = {}
    for name, value, at, end in _members(text, unread="document"):
        if name == "document":
            return members, texts, text[at:-1].encode("utf-8", "surrogateescape")
        members[name], texts[name] = value, text[at:end]
    return members, texts, None


def texts_of_members(text: str) -> dict[str, str]:
    """The members of a JSON object, each as its JSON text.

    Raises:
        ValueError: `text` isn't a JSON object.
    """
    return {name: text[at:end] for name, _, at, end in _members(text)}


def texts_of_items(body: bytes) -> dict[str, Any]:
    """Parse an answer, but leave each of its `items` as its JSON text.

    Raises:
        ValueError: `body` isn't a JSON object, or `items` no array.
    """
    text = body.decode().rstrip(" \t\r\n")
    return {
        name: list(_elements(text, at)) if name == "items" else value
        for name, value, at, _ in _members(text)
    }


def _members(text: str, unread: str = "") -> Iterator[tuple[str, Any, int, int]]:
    """Name and value of each member of an object, and the offsets of the value's text.

    Args:
        unread: Name of a member whose value isn't parsed: it extends from the colon to the end of
            the object, spaces included.
    """
    at = _after(text, 0, "{")
    while text[at : at + 1] != "}":
        name, at = _value(text, at)
        if not isinstance(name, str):
            raise ValueError("a member has no name")
        colon = _space(text, at)
        at = _after(text, at, ":")
        if name == unread:
            yield name, None, colon + 1, len(text) - 1
            return
        value, end = _value(text, at)
        yield name, value, at, end
        at = _next(text, end, "}")
    if at != len(text) - 1:
        raise ValueError("something follows the object")


def _elements(text: str, at: int) -> Iterator[str]:
    """The text of each element of an array."""
    at = _after(text, at, "[")
    while text[at : at + 1] != "]":
        _, end = _value(text, at)
        yield text[at:end]
        at = _next(text, end, "]")


def _value(text: str, at: int) -> tuple[Any, int]:
    """The value that begins at an offset, and the offset of its end."""
    try:
        return _DECODER.raw_decode(text, at)
    except RecursionError:
        raise ValueError("the answer is too deeply nested") from None


def _next(text: str, at: int, end: str) -> int:
    """The offset of the next element, or of the closing bracket."""
    at = _space(text, at)
    if text[at : at + 1] == end:
        return at
    at = _after(text, at, ",")
    if text[at : at + 1] == end:
        raise ValueError(f"nothing between , and {end} at {at}")
    return at


def _after(text: str, at: int, wanted: str) -> int:
    at = _space(text, at)
    if text[at : at + 1] != wanted:
        raise ValueError(f"no {wanted} at {at}")
    return _space(text, at + 1)


def _space(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    return found.end() if found else at
