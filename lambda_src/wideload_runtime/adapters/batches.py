"""Batch reads of a DynamoDB table, and pauses between attempts."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from wideload_runtime.core.errors import Refused

BATCH = 100
"""Items of one BatchGetItem.
https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchGetItem.html"""
ATTEMPTS = 6
"""Attempts at an unprocessed batch or a conflicting write: two thirds of a second in all."""


def items_of(
    table: Any, keys: Sequence[dict[str, str]], *, sleep: Callable[[float], None], **options: Any
) -> Iterator[dict[str, Any]]:
    """Yield the existing items of these keys, in any order.

    Keys that DynamoDB leaves unprocessed are requested again after a pause, as it recommends.

    Args:
        table: A `Table`.
        options: Options of the request, such as `ConsistentRead`.

    Raises:
        Refused: `unavailable`: the table stays overloaded.
    """
    for start in range(0, len(keys), BATCH):
        wanted: dict[str, Any] = {table.name: {"Keys": keys[start : start + BATCH], **options}}
        for attempt in range(ATTEMPTS):
            answer = table.meta.client.batch_get_item(RequestItems=wanted)
            yield from answer["Responses"].get(table.name, ())
            wanted = answer.get("UnprocessedKeys") or {}
            if not wanted:
                break
            sleep(pause(attempt))
        else:
            raise overloaded()


def pause(attempt: int) -> float:
    """Return the seconds before the attempt after this one (from 0), with jitter."""
    return float(0.02 * 2**attempt * random.uniform(0.5, 1))  # noqa: S311 - no secret


def overloaded() -> Refused:
    return Refused("unavailable", "The table is overloaded: try again.", retry_after=2)
