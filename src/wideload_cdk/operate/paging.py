"""All pages of a DynamoDB query or scan."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any


def all_items(read: Callable[..., Any], **arguments: Any) -> Iterator[dict[str, Any]]:
    """Yield the items of every page.

    Args:
        read: `query` or `scan`, of a boto3 `Table` or of boto3's `dynamodb` client.
        arguments: The arguments of that call.
    """
    while True:
        page = read(**arguments)
        yield from page["Items"]
        if "LastEvaluatedKey" not in page:
            return
        arguments["ExclusiveStartKey"] = page["LastEvaluatedKey"]
