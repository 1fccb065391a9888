"""Pages of payloads and of records: their parameters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from ulid import ULID

from wideload_runtime.core.cursors import MAX_LIST, bad_cursor, decode_cursor, parse_limit
from wideload_runtime.core.errors import Refused
from wideload_runtime.core.ingest.payloads import EVERY_ID, IdRange
from wideload_runtime.core.ingest.requests import parse_call_id
from wideload_runtime.core.numbers import MAX_SAFE, whole_number

MAX_RECORDS = 1000


@dataclass(frozen=True, slots=True)
class Listing:
    """Filter and page of a list of payloads."""

    call_id: str | None = None
    ids: IdRange = EVERY_ID
    limit: int = 50

    @classmethod
    def parse(cls, query: Mapping[str, str]) -> Listing:
        """
        Raises:
            Refused: `invalid_request`.
        """
        cursor, after, before = (query.get(name) for name in ("cursor", "after", "before"))
        return cls(
            call_id=parse_call_id(query.get("call_id")),
            ids=IdRange(
                after=_id_of_time("after", after) if after else "",
                before=min(
                    decode_cursor(cursor) if cursor else "~",
                    _id_of_time("before", before) if before else "~",
                ),
            ),
            limit=parse_limit(query, MAX_LIST, default=50),
        )


@dataclass(frozen=True, slots=True)
class Page:
    """Page of records. It ends at the end of an archive member, or before."""

    first: int = 0
    """Number of the first record, from 0."""
    limit: int = MAX_RECORDS

    @classmethod
    def parse(cls, query: Mapping[str, str]) -> Page:
        """
        Raises:
            Refused: `invalid_request`.
        """
        cursor, given = query.get("cursor"), query.get("first", "0")
        if cursor and "first" in query:
            raise Refused("invalid_request", "cursor and first are both given: leave one out.")
        first = whole_number(decode_cursor(cursor) if cursor else given, MAX_SAFE)
        if first is None or first > MAX_SAFE:
            raise (
                bad_cursor()
                if cursor
                else Refused(
                    "invalid_request",
                    f"first is {given[:20]!r}; give a number from 0 to {MAX_SAFE}.",
                )
            )
        return cls(first, parse_limit(query, MAX_RECORDS, default=MAX_RECORDS))


def _id_of_time(name: str, text: str) -> str:
    """Return the part of a ULID that encodes a time."""
    try:
        time = datetime.fromisoformat(text.replace(" ", "+"))  # a "+" that was not percent-encoded
        if time.tzinfo is None:
            time = time.replace(tzinfo=UTC)
        return str(ULID.from_datetime(time))[:10]
    except (ValueError, OverflowError) as error:
        raise Refused(
            "invalid_request",
            f"{name} is {text[:40]!r}; give a time as in 2026-11-22T09:00:00Z.",
        ) from error
