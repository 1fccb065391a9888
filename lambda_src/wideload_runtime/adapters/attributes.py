"""DynamoDB's attribute values: from and to plain Python values."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any

Image = dict[str, dict[str, Any]]
"""An item as requests, answers and streams of DynamoDB hold it: attribute values by name.
https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_AttributeValue.html"""


def write_image(item: Mapping[str, Any]) -> Image:
    """Return an item as DynamoDB takes it.

    Raises:
        TypeError: A value has another type than `None`, `bool`, `str`, `int`, `Decimal`, `bytes`,
            `dict`, `list` or `tuple`. A `float` is refused since DynamoDB's numbers are decimal.
    """
    return {name: _write(value) for name, value in item.items()}


def read_image(image: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return an item with plain values, each number as a `Decimal`.

    Every number is read: DynamoDB writes 1e38 as 39 digits, and boto3's deserializer raises
    `decimal.Rounded` for more than 38 (https://github.com/boto/boto3/issues/2500).
    """
    return {name: _read(value) for name, value in image.items()}


def _write(value: Any) -> dict[str, Any]:
    for types, kind, write in _WRITERS:
        if isinstance(value, types):
            return {kind: write(value)}
    if value is None:
        return {"NULL": True}
    raise TypeError(
        f"DynamoDB has no type for {type(value).__name__}; allowed are None, bool, str, int, "
        "Decimal, bytes, dict, list and tuple"
    )


def _read(value: Mapping[str, Any]) -> Any:
    ((kind, held),) = value.items()
    return _READERS[kind](held)


def _read_bytes(held: bytes | str) -> bytes:
    # In the event of a stream it is base64.
    return b64decode(held) if isinstance(held, str) else held


def _as_it_is(value: Any) -> Any:
    return value


_Types = type | tuple[type, ...]
_WRITERS: Sequence[tuple[_Types, str, Callable[[Any], Any]]] = (
    (str, "S", _as_it_is),
    (bool, "BOOL", _as_it_is),  # before int, since True is an int as well
    ((int, Decimal), "N", str),
    (bytes, "B", _as_it_is),
    (dict, "M", write_image),
    ((list, tuple), "L", lambda values: [_write(value) for value in values]),
)
_READERS: Mapping[str, Callable[[Any], Any]] = {
    "M": read_image,
    "L": lambda values: [_read(value) for value in values],
    "BOOL": _as_it_is,
    "NULL": lambda _: None,
    "S": _as_it_is,
    "N": Decimal,
    "B": _read_bytes,
    "SS": set,
    "NS": lambda values: set(map(Decimal, values)),
    "BS": lambda values: set(map(_read_bytes, values)),
}
