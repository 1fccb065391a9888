"""Summary of a document for its payload's record, of bounded size for any document."""

from __future__ import annotations

import json
from typing import Any

import orjson

from wideload_runtime.core.json_text import JsonText

MAX_STRING = 1024
"""Characters of a string in the summary; longer strings are only in the document."""
MAX_SIZE = 32 * 1024
"""Bytes of names and scalars: with the index they must fit into an item of 400 KB.
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html"""

SECRETS = frozenset({"token"})
"""Members left out of the summary: older clients put their API key there."""


class Scalars(JsonText):
    """A JSON object of scalars by name, each with its text in the document.

    Text, since DynamoDB's numbers have 38 digits and an exponent of at most 125
    (docs/adr/0030-numbers-as-text.md).
    """

    __slots__ = ()

    def get(self, name: str) -> Any:
        """A scalar as a Python value; None if there is none of this name."""
        return json.loads(self.text).get(name)


class Summary:
    """
    Attributes:
        array_lengths: Number of elements of each top-level array by name.
        complete: False when something was left out, since it was too large.
    """

    def __init__(self) -> None:
        self.array_lengths: dict[str, int] = {}
        self.complete = True
        self._members: list[bytes] = []
        self._size = 0

    @property
    def scalars(self) -> Scalars:
        """The document's top-level scalars."""
        return Scalars(b"{%b}" % b",".join(self._members))

    def add_scalar(self, name: str, value: Any, token: bytes) -> None:
        """
        Args:
            token: The scalar's text in the document.
        """
        if name in SECRETS:
            return
        if isinstance(value, str) and len(value) > MAX_STRING:
            self.complete = False
            return
        member = b"%b:%b" % (orjson.dumps(name), token)
        if self._fits(len(member)):
            self._members.append(member)

    def add_array(self, name: str, length: int) -> None:
        if not name:  # DynamoDB takes no empty attribute name, at any depth.
            self.complete = False
        elif self._fits(len(name.encode()) + 8):
            self.array_lengths[name] = length

    def _fits(self, size: int) -> bool:
        if self._size + size > MAX_SIZE:
            self.complete = False
            return False
        self._size += size
        return True
