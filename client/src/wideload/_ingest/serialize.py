"""Write a mapping as JSON; the error names the path of a value that can't be written."""

from __future__ import annotations

import dataclasses
import json
import os
import re
from collections.abc import Callable, Iterator, Mapping
from enum import Enum
from typing import Any

import orjson

from wideload._text import SURROGATE
from wideload.errors import DocumentError

Default = Callable[[Any], Any]
"""Replaces a value that JSON has no type for, as `default` of `json.dumps` does."""

_HINT = " (give default=, a function as for json.dumps, which makes something else of it)"
_LONGEST_PATH = 10_000
_MOST_BITS = 1024  # of the largest number that the API takes, which is that of a double
_LARGE_INTEGER = "Integer exceeds 64-bit range"


def serialize(document: Mapping[str, Any], default: Default | None = None) -> bytes:
    """Write `document` as JSON in UTF-8.

    Raises:
        DocumentError: It can't be written; the message says where it fails.
    """
    whole = document if isinstance(document, dict) else dict(document)
    convert = _converting(default)
    try:
        return _dumps(whole, convert)
    except TypeError as error:
        refused = error
    try:
        if _LARGE_INTEGER in str(refused):
            return dumps_as_python(_plain(whole, convert), convert)
        if "key must be" in str(refused):
            # Keys that aren't str cost speed, so only documents that have some pay for it.
            return _dumps(whole, convert, orjson.OPT_NON_STR_KEYS)
    except (TypeError, ValueError, RecursionError) as error:
        refused = TypeError(str(error))
    raise DocumentError(
        f"the document can't be written as JSON: {_where(whole, convert) or refused}"
    ) from refused


def dumps_as_python(document: Mapping[str, Any], default: Default) -> bytes:
    """Write `document` as `json.dumps` does, integers of any length included, but as valid JSON.

    NaN and the infinities become `null`, and halves of surrogate pairs U+FFFD.

    Raises:
        TypeError, ValueError, RecursionError: As `json.dumps`.
    """
    text = json.dumps(document, default=default, ensure_ascii=False, separators=(",", ":"))
    if re.search(r"NaN|Infinity", text):
        valid = json.loads(text, parse_constant=lambda _: None)
        text = json.dumps(valid, ensure_ascii=False, separators=(",", ":"))
    try:
        return text.encode()
    except UnicodeEncodeError:  # pairs of halves become one character
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").encode()


def _plain(value: Any, convert: Default) -> Any:
    """`value` as `json.dumps` takes it, which writes integers that are too large for orjson.

    Raises:
        TypeError, ValueError, RecursionError: There is something in it that can't be written.
    """
    if isinstance(value, Enum):
        value = value.value
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        names = [field.name for field in dataclasses.fields(value)]
        value = {name: getattr(value, name) for name in names if not name.startswith("_")}
    match value:
        case None | bool() | float() | int() | str():
            if isinstance(value, str):
                value.encode()  # refuses halves of surrogate pairs
            if isinstance(value, int) and value.bit_length() > _MOST_BITS:
                raise ValueError("an integer is too large")
            return value
        case Mapping():
            return {_key(key, convert): _plain(inner, convert) for key, inner in value.items()}
        case list() | tuple():
            return [_plain(inner, convert) for inner in value]
    try:
        return json.loads(_dumps(value, convert))
    except TypeError as error:
        if _LARGE_INTEGER not in str(error):
            raise
    return _plain(convert(value), convert)


def _key(key: Any, convert: Default) -> str:
    if isinstance(key, int) and not isinstance(key, (bool, Enum)):
        return str(key)
    (text,) = json.loads(_dumps({key: None}, convert, orjson.OPT_NON_STR_KEYS))
    return str(text)


def _dumps(value: Any, convert: Default, options: int = 0) -> bytes:
    return orjson.dumps(value, default=convert, option=options | orjson.OPT_SERIALIZE_NUMPY)


def _converting(default: Default | None) -> Default:
    def convert(value: Any) -> Any:
        if isinstance(value, Mapping):
            return dict(value)
        if isinstance(value, os.PathLike):
            return os.fspath(value)
        if isinstance(value, tuple):  # a named one
            return list(value)
        if default is not None:
            return default(value)
        raise TypeError  # orjson says which type it was

    return convert


def _where(document: Mapping[Any, Any], convert: Default) -> str | None:
    """Path of the first value that can't be written, and why; None if it isn't a single one."""
    waiting: list[tuple[str, Any]] = [("$", document)]
    while waiting:
        path, value = waiting.pop()
        if len(path) > _LONGEST_PATH:
            return f"{path[:80]}…: nested too deeply, or within itself"
        if isinstance(value, int) and value.bit_length() > _MOST_BITS:
            return f"{path}: an integer of more than 308 digits, which the API refuses"
        if isinstance(value, str) and SURROGATE.search(value):
            return f"{path}: str is not valid UTF-8: surrogates not allowed"
        if isinstance(value, Mapping):
            for name in value:
                if isinstance(name, str) and SURROGATE.search(name):
                    return f"{path}: the name {name!r} holds half of a surrogate pair"
        inner = list(_children(path, value))
        if inner:
            waiting += reversed(inner)
            continue
        try:
            _dumps(value, convert, orjson.OPT_NON_STR_KEYS)
        except TypeError as error:
            if _LARGE_INTEGER not in str(error):
                hint = _HINT if "not JSON serializable" in str(error) else ""
                return f"{path}: {str(error.__cause__ or '') or f'{error}{hint}'}"
    return None


def _children(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        for name, inner in value.items():
            known = isinstance(name, str) and name.isidentifier()
            step = f".{name}" if known else f"[{json.dumps(str(name))}]"
            yield f"{path}{step}", inner
    elif isinstance(value, (list, tuple)):
        for index, inner in enumerate(value):
            yield f"{path}[{index}]", inner
