"""Pages of lists: their limits and cursors."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping

from wideload_runtime.core.errors import Refused
from wideload_runtime.core.numbers import whole_number

MAX_LIST = 100


def encode_cursor(position: str) -> str:
    """Encode a position in a list for the client, which returns it for the next page.

    It doesn't name the list's owner, who is known by the caller's key or token.
    """
    return base64.urlsafe_b64encode(position.encode()).decode().rstrip("=")


def decode_cursor(cursor: str) -> str:
    """
    Raises:
        Refused: `invalid_request`: the cursor is malformed.
    """
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        position = base64.b64decode(padded, altchars=b"-_", validate=True).decode("ascii")
    except (binascii.Error, ValueError) as error:
        raise bad_cursor() from error
    if not 1 <= len(position) <= 26 or not position.isalnum():
        raise bad_cursor()
    return position


def bad_cursor() -> Refused:
    return Refused("invalid_request", "cursor is not one that this API gave: start without one.")


def parse_limit(query: Mapping[str, str], most: int, *, default: int) -> int:
    given = query.get("limit", str(default))
    limit = whole_number(given, most)
    if limit is None or not 1 <= limit <= most:
        raise Refused("invalid_request", f"limit is {given[:20]!r}; 1 to {most} are allowed.")
    return limit
