"""What a payload's record holds of its document: bounded, whatever the document is."""

from __future__ import annotations

from typing import Any

MAX_STRING = 1024
"""Characters of a string that the summary takes; longer ones stay in the document alone."""
MAX_SIZE = 32 * 1024
"""Bytes of names and scalars: with the index they must fit into an item of 400 KB.
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html"""
MAX_DIGITS = 38
"""Of a DynamoDB number."""

SECRETS = frozenset({"token"})
"""Older clients put their API key into the document: it never reaches the summary."""


class Summary:
    """
    Attributes:
        scalars: Top-level scalars of the document by name.
        array_lengths: Number of elements of each top-level array by name.
        complete: False when something was left out, since it was too large.
    """

    def __init__(self) -> None:
        self.scalars: dict[str, Any] = {}
        self.array_lengths: dict[str, int] = {}
        self.complete = True
        self._size = 0

    def add_scalar(self, name: str, value: Any, token: bytes) -> None:
        """
        Args:
            token: The scalar as it stands in the document.
        """
        if name in SECRETS:
            return
        if isinstance(value, float) and token.lstrip(b"-").isdigit() and len(token) <= MAX_DIGITS:
            value = int(token)  # orjson reads integers over 64 bits as floats
        if isinstance(value, str) and len(value) > MAX_STRING:
            self.complete = False
        elif self._fits(name, len(token)):
            self.scalars[name] = value

    def add_array(self, name: str, length: int) -> None:
        if self._fits(name, 8):
            self.array_lengths[name] = length

    def _fits(self, name: str, value_size: int) -> bool:
        size = len(name.encode()) + value_size
        # DynamoDB takes no empty attribute name, at any depth.
        if not name or self._size + size > MAX_SIZE:
            self.complete = False
            return False
        self._size += size
        return True
