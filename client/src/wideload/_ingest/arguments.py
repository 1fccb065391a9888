"""Checks of the arguments that describe a payload."""

from __future__ import annotations

import re
import uuid
from datetime import UTC, datetime

from wideload._text import SURROGATE
from wideload.errors import ConfigurationError

LONGEST_CALL_ID = 256
"""Characters."""


def check_call_id(call_id: object) -> None:
    """Check the call id that a payload is recorded or listed under.

    Raises:
        ConfigurationError: It hasn't 1 to 256 characters, or holds a byte that isn't UTF-8.
    """
    if call_id is None:
        return
    if not isinstance(call_id, str):
        given = f"is {type(call_id).__name__}"
    elif not 1 <= len(call_id) <= LONGEST_CALL_ID:
        given = f"has {len(call_id)} characters" if call_id else "is empty"
    elif SURROGATE.search(call_id):
        given = f"{call_id!r} holds a byte that is no text"
    else:
        return
    raise ConfigurationError(
        f"call_id {given}: give 1 to {LONGEST_CALL_ID} characters, or leave it out"
    )


def checked_idempotency_key(key: str | None) -> str:
    """The idempotency key that the caller gave, or a new UUID.

    Raises:
        ConfigurationError: It can't be sent as a header.
    """
    if key is None:
        return str(uuid.uuid4())
    if not re.fullmatch(r"[!-~]([ -~]{0,253}[!-~])?", key):
        raise ConfigurationError(
            "an idempotency key has 1 to 255 printable ASCII characters and no space at its ends: "
            f"{key!r}"
        )
    return key


def checked_time(name: str, value: datetime | str) -> str:
    """A time as the API takes it: ISO 8601 in UTC.

    Args:
        name: The argument's name, for the error.
        value: Without a time zone it is in this machine's.

    Raises:
        ConfigurationError: `value` is neither a datetime nor ISO 8601 text.
    """
    try:
        time = datetime.fromisoformat(value) if isinstance(value, str) else value
        return time.astimezone(UTC).isoformat().replace("+00:00", "Z")
    except (AttributeError, OverflowError, TypeError, ValueError):
        raise ConfigurationError(
            f"{name} must be a datetime or ISO 8601 text, such as 2026-11-22 or "
            f"2026-11-22T09:30:00Z, not {value!r}"
        ) from None
