"""Records of scans in DynamoDB, one for each key of an object.

Partition key `SCAN#<hash of the owner>`, sort key `SCAN#<last part of the key>`: `of` and
`object_id` name the item of the object, once there is one; `result`, `detail` and `scanned_at` are
of the last verdict. A record without a verdict is due for the sweep after the time that a scan may
take. A record is removed with its object; one without an object expires.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from wideload_runtime.adapters.files_items import OBJECT, SCAN, due_shard
from wideload_runtime.adapters.files_owner_items import OwnerItems, Write, expression_of
from wideload_runtime.core.files.records import StoredObject, Verdict
from wideload_runtime.core.files.scanning import Scan

KEEP_SECONDS = 60 * 24 * 3600
"""Seconds for which a verdict is kept without an object: longer than any upload session."""


class FileScans:
    """
    Args:
        table: A `tables.Table`.
        now: Epoch seconds.
    """

    def __init__(
        self,
        table: Any,
        *,
        sleep: Callable[[float], None] = time.sleep,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._table = table
        self._sleep = sleep
        self._now = now

    def scan_of(self, key: str) -> Scan:
        item = self._items(key)._item(scan_key(key)["item"]) or {}
        return Scan(verdict_of(key, item), item.get("of"), item.get("object_id"))

    def record(self, before: Scan, verdict: Verdict) -> bool:
        was, items = before.verdict, self._items(verdict.key)
        values: dict[str, Any] = {
            ":result": verdict.result,
            ":detail": verdict.detail,
            ":at": verdict.at,
        }
        update = "SET #result = :result, #detail = :detail, #scanned_at = :at"
        conditions = ["attribute_not_exists(#result)"]
        if was:
            conditions = ["#result = :was_result", "#scanned_at = :was_at"]
            values |= {":was_result": was.result, ":was_at": was.at}
        if before.owner is None:
            update += ", #expires_at = :expires_at"
            conditions.append("attribute_not_exists(#of)")
            values[":expires_at"] = int(self._now()) + KEEP_SECONDS
        else:
            conditions.append("#of = :of")
            values[":of"] = before.owner
        return items._transact(
            items._change(
                scan_key(verdict.key)["item"],
                f"{update} REMOVE #due_at, #due_shard",
                " AND ".join(conditions),
                values,
            ),
            *([] if before.owner is None else [self._object(before, verdict)]),
        )

    def _object(self, scan: Scan, verdict: Verdict) -> Write:
        owner = OwnerItems(self._table, scan.owner or "", sleep=self._sleep, now=self._now)
        return owner._change(
            f"{OBJECT}{scan.object_id}",
            "SET #scan_state = :result, #scan_detail = :detail",
            "attribute_exists(#item)",
            {":result": verdict.result, ":detail": verdict.detail},
        )

    def _items(self, key: str) -> OwnerItems:
        return OwnerItems(self._table, scan_key(key)["owner"], sleep=self._sleep, now=self._now)


def scan_key(key: str) -> dict[str, str]:
    """Return the table's key of the record for an object's key."""
    _, owner, name = key.split("/")
    return {"owner": SCAN + owner, "item": SCAN + name}


def verdict_of(key: str, item: dict[str, Any]) -> Verdict | None:
    if "result" not in item:
        return None
    return Verdict(key, item["result"], item["detail"], item["scanned_at"])


def scan_named(owner: str, stored: StoredObject, due_at: str | None) -> list[Write]:
    """Return the write that names a new object in its record; none without a scanner.

    It fails if another verdict was recorded than `stored` has.

    Args:
        due_at: When the sweep counts it, if it has no verdict by then.
    """
    if stored.scan_state is None:
        return []
    values: dict[str, Any] = {":of": owner, ":id": stored.object_id}
    update, condition = "SET #of = :of, #object_id = :id", "attribute_not_exists(#result)"
    if stored.scan_state == "scanning":
        update += ", #due_at = :due_at, #due_shard = :due_shard"
        values |= {":due_at": due_at, ":due_shard": due_shard(stored.object_id)}
    else:
        condition = "#result = :result"
        values[":result"] = stored.scan_state
    expression = expression_of(
        UpdateExpression=f"{update} REMOVE #expires_at",
        ConditionExpression=condition,
        values=values,
    )
    return [{"Update": {"Key": scan_key(stored.key), **expression}}]


def scan_restored(owner: str, stored: StoredObject, now: str) -> list[Write]:
    """Return the write that makes the record of a restored object anew, if it had one."""
    if stored.scan_state is None:
        return []
    key = scan_key(stored.key)
    item: dict[str, Any] = {**key, "of": owner, "object_id": stored.object_id}
    if stored.scan_state == "scanning":
        item |= {"due_at": now, "due_shard": due_shard(stored.object_id)}
    else:
        item |= {"result": stored.scan_state, "detail": stored.scan_detail or "", "scanned_at": now}
    return [{"Put": {"Item": item}}]


def scan_forgotten(stored: StoredObject) -> list[Write]:
    """Return the write that removes the record with its object, if it has one."""
    return [] if stored.scan_state is None else [{"Delete": {"Key": scan_key(stored.key)}}]
