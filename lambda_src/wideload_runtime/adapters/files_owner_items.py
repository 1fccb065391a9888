"""One person's items in DynamoDB: consistent reads and conditional writes."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from botocore.exceptions import ClientError

from wideload_runtime.adapters.batches import ATTEMPTS, items_of, overloaded, pause
from wideload_runtime.adapters.files_items import USAGE
from wideload_runtime.core.errors import conflict

_THROTTLED = {"ThrottlingError", "ProvisionedThroughputExceeded"}

Write = dict[str, dict[str, Any]]
"""A write of a transaction."""


class OwnerItems:
    """
    Args:
        table: A `tables.Table` with partition key `owner` and sort key `item`.
        owner: Owner of the items: the partition key of every request of this class.
        now: Epoch seconds.
    """

    def __init__(
        self,
        table: Any,
        owner: str,
        *,
        sleep: Callable[[float], None],
        now: Callable[[], float],
    ) -> None:
        self._table = table
        self._sleep = sleep
        self._now = now
        self.owner = owner

    def _key(self, item: str) -> dict[str, str]:
        return {"owner": self.owner, "item": item}

    def _item(self, item: str) -> dict[str, Any] | None:
        """Return an item; None if there is none, or it has expired but not been deleted yet."""
        answer = self._table.get_item(Key=self._key(item), ConsistentRead=True)
        found: dict[str, Any] = answer.get("Item", {})
        is_over = "expires_at" in found and found["expires_at"] <= int(self._now())
        return None if is_over else found or None

    def _items(self, items: Iterable[str]) -> Iterator[dict[str, Any]]:
        keys = [self._key(item) for item in items]
        return items_of(self._table, keys, ConsistentRead=True, sleep=self._sleep)

    def _newest(self, prefix: str, before: str | None, limit: int) -> list[dict[str, Any]]:
        """Return at most `limit` items, newest first: one query, whose 1 MB suffices."""
        found: list[dict[str, Any]] = self._query(prefix, before, limit, descending=True)["Items"]
        return found

    def _page(
        self, prefix: str, after: str | None, limit: int, *, descending: bool = False
    ) -> tuple[list[dict[str, Any]], bool]:
        """Return at most `limit` items, and whether there are more: one query."""
        answer = self._query(prefix, after, limit + 1, descending=descending)
        # DynamoDB has come to the query's limit, which is one more, or to its own of 1 MB.
        return answer["Items"][:limit], "LastEvaluatedKey" in answer

    def _query(
        self, prefix: str, after: str | None, limit: int, *, descending: bool
    ) -> dict[str, Any]:
        """Query items whose keys start with `prefix`.

        Args:
            after: The rest of the key after which the query starts.
        """
        start = {"ExclusiveStartKey": self._key(prefix + after)} if after else {}
        answer: dict[str, Any] = self._table.query(
            **expression_of(
                KeyConditionExpression="#owner = :owner AND begins_with(#item, :prefix)",
                values={":owner": self.owner, ":prefix": prefix},
            ),
            ScanIndexForward=not descending,
            ConsistentRead=True,
            Limit=limit,
            **start,
        )
        return answer

    def _put(
        self,
        item: dict[str, Any],
        condition: str | None = None,
        values: dict[str, Any] | None = None,
    ) -> Write:
        expression = (
            expression_of(ConditionExpression=condition, values=values) if condition else {}
        )
        return {"Put": {"Item": {"owner": self.owner, **item}, **expression}}

    def _change(self, item: str, update: str, condition: str, values: dict[str, Any]) -> Write:
        expression = expression_of(
            UpdateExpression=update, ConditionExpression=condition, values=values
        )
        return {"Update": {"Key": self._key(item), **expression}}

    def _remove(
        self, item: str, condition: str | None = None, values: dict[str, Any] | None = None
    ) -> Write:
        expression = (
            expression_of(ConditionExpression=condition, values=values) if condition else {}
        )
        return {"Delete": {"Key": self._key(item), **expression}}

    def _check(self, item: str, condition: str, values: dict[str, Any] | None = None) -> Write:
        """Return a write that changes nothing: the transaction fails unless the condition holds."""
        expression = expression_of(ConditionExpression=condition, values=values)
        return {"ConditionCheck": {"Key": self._key(item), **expression}}

    def _transact(self, *writes: Write) -> bool:
        """Write all or nothing; return False if a condition did not hold."""
        named = [
            {kind: {"TableName": self._table.name, **params} for kind, params in write.items()}
            for write in writes
        ]
        for attempt in range(ATTEMPTS):
            try:
                self._table.meta.client.transact_write_items(TransactItems=named)
            except ClientError as error:
                reasons = _reasons(error)
                if "ConditionalCheckFailed" in reasons:
                    return False
                if reasons & _THROTTLED:
                    raise overloaded() from error
                if "TransactionConflict" not in reasons:
                    raise
                self._wait(attempt)
            else:
                return True
        raise conflict()

    def _update(
        self, item: str, update: str, condition: str, values: dict[str, Any]
    ) -> dict[str, Any] | None:
        """Return the updated item; None if the condition did not hold."""
        expression = expression_of(
            UpdateExpression=update, ConditionExpression=condition, values=values
        )
        for attempt in range(ATTEMPTS):
            try:
                answer = self._table.update_item(
                    Key=self._key(item), ReturnValues="ALL_NEW", **expression
                )
            except ClientError as error:
                code = error.response["Error"]["Code"]
                if code == "ConditionalCheckFailedException":
                    return None
                if code != "TransactionConflictException":
                    raise
                self._wait(attempt)
            else:
                changed: dict[str, Any] = answer["Attributes"]
                return changed
        raise conflict()

    def _count(
        self,
        changes: dict[str, int],
        condition: str | None = None,
        values: dict[str, Any] | None = None,
    ) -> list[Write]:
        """Return the write that adds to the counters; none if it changed nothing."""
        if not any(changes.values()):
            return []
        added = ", ".join(f"#{name} :add_{name}" for name in changes)
        expression = expression_of(
            UpdateExpression=f"ADD {added}",
            **({"ConditionExpression": condition} if condition else {}),
            values={**(values or {}), **{f":add_{name}": n for name, n in changes.items()}},
        )
        return [{"Update": {"Key": self._key(USAGE), **expression}}]

    def _wait(self, attempt: int) -> None:
        self._sleep(pause(attempt))


def expression_of(*, values: dict[str, Any] | None = None, **texts: str) -> dict[str, Any]:
    """Return a request's parameters; all names are written `#name`, as many are reserved words."""
    names = {name for text in texts.values() for name in re.findall(r"#(\w+)", text)}
    return {
        **texts,
        "ExpressionAttributeNames": {f"#{name}": name for name in names},
        **({"ExpressionAttributeValues": values} if values else {}),
    }


def given_back(size: int, names: int = 1) -> dict[str, int]:
    return {"bytes": -size, "files": -names}


def _reasons(error: ClientError) -> set[str]:
    """Return the codes for which DynamoDB cancelled a transaction."""
    reasons: Any = error.response.get("CancellationReasons", [])
    return {reason.get("Code", "None") for reason in reasons}
