"""Lists that the API gives in pages, as iterators that request a page when it is needed."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterator
from typing import Any, TypeVar

from wideload._api import Api, unexpected
from wideload._json import parse
from wideload._retry import Attempts
from wideload._steps import Work, at_once, iterate, settled
from wideload.errors import ConfigurationError

_Item = TypeVar("_Item")


def checked_count(name: str, count: int | None) -> int | None:
    """Check a number of items that the caller gave, and return it.

    Raises:
        ConfigurationError: It isn't a whole number of 0 or more.
    """
    if count is not None and (not isinstance(count, int) or count < 0):
        raise ConfigurationError(f"{name} must be a whole number of 0 or more, not {count!r}")
    return count


def items(
    api: Api,
    path: str,
    query: dict[str, str],
    *,
    take: Callable[[Any], _Item],
    limit: int | None,
    page_size: int,
    attempts: Callable[[], Attempts],
) -> Iterator[_Item]:
    """The items of a list, as `items_async` gives them, with requests that block."""
    return iterate(
        items_async(
            api, path, query, take=take, limit=limit, page_size=page_size, attempts=attempts
        )
    )


async def items_async(
    api: Api,
    path: str,
    query: dict[str, str],
    *,
    take: Callable[[Any], _Item],
    limit: int | None,
    page_size: int,
    attempts: Callable[[], Attempts],
    parse: Callable[[bytes], Any] = parse,
    work: Work = at_once,
) -> AsyncGenerator[_Item]:
    """The items of a list that the API gives as `{items, cursor}`.

    Args:
        query: Query parameters but for `cursor` and `limit`.
        take: Reads an item.
        limit: Items at most; None for all.
        page_size: Items at most that the API gives at a time.
        attempts: Gives the retries of each page.
        parse: Reads a page.
        work: Runs `parse`.
    """
    left = limit
    while left is None or left > 0:
        asked = page_size if left is None else min(page_size, left)
        answer = await api.request_async(
            "GET", path, attempts(), query={**query, "limit": str(asked)}
        )
        try:
            page = await settled(work(parse, answer.body))
            items = [take(item) for item in page["items"]]
            cursor = page["cursor"]
            if cursor is not None and not (isinstance(cursor, str) and cursor.isascii()):
                raise TypeError("a cursor must be ASCII text")
            if len(items) > asked or cursor in {"", query.get("cursor", "")}:
                raise ValueError("more than was asked for, or no way on")
        except (AttributeError, KeyError, TypeError, ValueError, OverflowError):
            raise unexpected("GET", path, answer) from None
        for item in items:
            yield item
        if cursor is None:
            return
        # The cursor replaces `first`; the other parameters stay.
        query = {name: text for name, text in query.items() if name != "first"}
        query["cursor"] = cursor
        if left is not None:
            left -= len(items)
