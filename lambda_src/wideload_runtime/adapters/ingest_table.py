"""The table of payloads in DynamoDB."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import fields
from decimal import Decimal
from typing import Any

from botocore.exceptions import ClientError

from wideload_runtime.adapters.batches import items_of
from wideload_runtime.core.errors import LeaseLostError
from wideload_runtime.core.ingest.payloads import (
    TENANT_SHARDS,
    IdRange,
    Listed,
    Payload,
    Reservation,
    open_shard,
)
from wideload_runtime.core.ingest.summary import Scalars

SWEEP = "sweep#"
"""Key of the item that holds the sweep's progress."""

_FIELDS = tuple(field.name for field in fields(Payload))
_ABSENT = "attribute_not_exists(payload_id) OR expires_at <= :second"


class IngestTable:
    """Payloads in DynamoDB, without those whose `expires_at` has passed.

    DynamoDB deletes expired items within days, and returns them until then:
    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ttl-expired-items.html

    Args:
        table: A `Table` whose partition key is `payload_id`.
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

    def create(self, payload: Payload) -> None:
        """Write a new record, unless there is one."""
        self._conditional(
            self._table.put_item,
            Item=item_of(payload),
            ConditionExpression=_ABSENT,
            ExpressionAttributeValues={":second": self._second()},
        )

    def get(self, payload_id: str) -> Payload | None:
        item = self._table.get_item(Key={"payload_id": payload_id}, ConsistentRead=True).get("Item")
        if not item or "tenant" not in item or self._is_over(item):
            return None
        return payload_of(item)

    def mark_uploaded(
        self, payload_id: str, *, size: int, etag: str, upload_duration_ms: int
    ) -> None:
        self._conditional(
            self._table.update_item,
            Key={"payload_id": payload_id},
            UpdateExpression="SET #state = :uploaded, uploaded_size = :size, "
            "upload_duration_ms = :duration, claimed_etag = :etag, open_shard = :shard",
            ConditionExpression="#state IN (:issued, :expired, :uploaded)",
            ExpressionAttributeNames={"#state": "state"},
            ExpressionAttributeValues={
                ":uploaded": "uploaded",
                ":issued": "issued",
                ":expired": "expired",
                ":size": size,
                ":etag": etag,
                ":shard": open_shard(payload_id),
                ":duration": upload_duration_ms,
            },
        )

    def lease(self, payload_id: str, *, owner: str, now: int, until: int) -> Payload | None:
        updated = self._conditional(
            self._table.update_item,
            Key={"payload_id": payload_id},
            # Open again, since it may have expired or failed before.
            UpdateExpression="SET #state = :processing, lease_owner = :owner, "
            "lease_until = :until, open_shard = :shard",
            ConditionExpression="#state IN (:issued, :expired, :uploaded) "
            # Or its own lease: botocore repeats a request whose answer was lost.
            "OR (#state = :processing AND (lease_until < :now OR lease_owner = :owner)) "
            "OR (#state = :failed AND error_code = :internal)",
            ExpressionAttributeNames={"#state": "state"},
            ExpressionAttributeValues={
                ":processing": "processing",
                ":issued": "issued",
                ":expired": "expired",
                ":uploaded": "uploaded",
                ":failed": "failed",
                ":internal": "internal",
                ":owner": owner,
                ":now": now,
                ":until": until,
                ":shard": open_shard(payload_id),
            },
            ReturnValues="ALL_NEW",
        )
        return payload_of(updated["Attributes"]) if updated else None

    def release(self, payload_id: str, *, owner: str) -> None:
        self._conditional(
            self._table.update_item,
            Key={"payload_id": payload_id},
            UpdateExpression="SET #state = :uploaded REMOVE lease_owner, lease_until",
            ConditionExpression="#state = :processing AND lease_owner = :owner",
            ExpressionAttributeNames={"#state": "state"},
            ExpressionAttributeValues={
                ":uploaded": "uploaded",
                ":processing": "processing",
                ":owner": owner,
            },
        )

    def finish(self, payload: Payload, *, owner: str) -> None:
        item = item_of(payload)
        del item["payload_id"]
        sets = ", ".join(f"#{name} = :{name}" for name in item)
        gone = [name for name in _FIELDS if name not in item and name != "payload_id"]
        removes = ", ".join(f"#{name}" for name in gone)
        written = self._conditional(
            self._table.update_item,
            Key={"payload_id": payload.payload_id},
            UpdateExpression=f"SET {sets} REMOVE {removes}",
            ConditionExpression="#state = :held AND lease_owner = :owner",
            ExpressionAttributeNames={f"#{name}": name for name in [*item, *gone]},
            ExpressionAttributeValues={
                **{f":{name}": value for name, value in item.items()},
                ":held": "processing",
                ":owner": owner,
            },
        )
        if written is None:
            raise LeaseLostError(payload.payload_id)

    def reserve(
        self, key: str, *, payload_id: str, fingerprint: str, until: int, expires_at: int
    ) -> Reservation:
        item: dict[str, Any] = {
            "payload_id": key,
            "held_by": payload_id,
            "fingerprint": fingerprint,
            "lease_until": until,
            "expires_at": expires_at,
        }
        try:
            self._table.put_item(
                Item=item,
                ConditionExpression=_ABSENT,
                ExpressionAttributeValues={":second": self._second()},
            )
        except ClientError as error:
            if not _is_condition(error):
                raise
            item = self._table.get_item(Key={"payload_id": key}, ConsistentRead=True).get(
                "Item", item
            )
        return Reservation(item["held_by"], item["fingerprint"], int(item["lease_until"]))

    def unreserve(self, key: str, *, payload_id: str) -> None:
        self._conditional(
            self._table.delete_item,
            Key={"payload_id": key},
            ConditionExpression="held_by = :payload",
            ExpressionAttributeValues={":payload": payload_id},
        )

    def end_reservation_lease(self, key: str, *, payload_id: str) -> None:
        self._conditional(
            self._table.update_item,
            Key={"payload_id": key},
            UpdateExpression="SET lease_until = :now",
            ConditionExpression="held_by = :payload",
            ExpressionAttributeValues={":payload": payload_id, ":now": 0},
        )

    def take_slot(self, tenant: str, *, owner: str, now: int, until: int, slots: int) -> int | None:
        key = {"payload_id": _slots_of(tenant)}
        while True:
            held = self._table.get_item(Key=key, ConsistentRead=True).get("Item", {})
            free = next(
                (
                    slot
                    for slot in range(slots)
                    if int(held.get(f"until_{slot}", 0)) < now or held[f"owner_{slot}"] == owner
                ),
                None,
            )
            if free is None:
                return None
            taken = self._conditional(
                self._table.update_item,
                Key=key,
                UpdateExpression="SET #until = :until, #owner = :owner",
                ConditionExpression="attribute_not_exists(#until) OR #until < :now "
                "OR #owner = :owner",
                ExpressionAttributeNames={"#until": f"until_{free}", "#owner": f"owner_{free}"},
                ExpressionAttributeValues={":until": until, ":owner": owner, ":now": now},
            )
            if taken is not None:
                return free

    def free_slot(self, tenant: str, slot: int, *, owner: str) -> None:
        self._conditional(
            self._table.update_item,
            Key={"payload_id": _slots_of(tenant)},
            UpdateExpression="REMOVE #until, #owner",
            ConditionExpression="#owner = :owner",
            ExpressionAttributeNames={"#until": f"until_{slot}", "#owner": f"owner_{slot}"},
            ExpressionAttributeValues={":owner": owner},
        )

    def delete(self, payload: Payload) -> bool:
        deleted = self._conditional(
            self._table.delete_item,
            Key={"payload_id": payload.payload_id},
            ConditionExpression="attribute_not_exists(payload_id) OR #state = :state",
            ExpressionAttributeNames={"#state": "state"},
            ExpressionAttributeValues={":state": payload.state},
        )
        return deleted is not None

    def known(self, payload_ids: Collection[str]) -> set[str]:
        return {item["payload_id"] for item in self._some(payload_ids, "payload_id")}

    def _some(self, payload_ids: Collection[str], attributes: str) -> Iterator[dict[str, Any]]:
        """These attributes of up to `MAX_KNOWN` items, in no order."""
        keys = [{"payload_id": payload_id} for payload_id in payload_ids]
        return items_of(self._table, keys, ProjectionExpression=attributes, sleep=self._sleep)

    def unfinished(self, partition: str, *, since: str, before: str) -> Iterator[Payload]:
        start: dict[str, Any] = {}
        while True:
            page = self._table.query(
                IndexName="by_open",
                KeyConditionExpression="open_shard = :shard AND created_at BETWEEN :since "
                "AND :before",
                ExpressionAttributeValues={":shard": partition, ":since": since, ":before": before},
                **start,
            )
            yield from map(payload_of, page["Items"])
            if "LastEvaluatedKey" not in page:
                return
            start = {"ExclusiveStartKey": page["LastEvaluatedKey"]}

    def swept_until(self) -> str | None:
        found = items_of(self._table, [{"payload_id": SWEEP}], sleep=self._sleep)
        return next((item["swept_until"] for item in found), None)

    def keep_swept_until(self, time: str) -> None:
        self._table.update_item(
            Key={"payload_id": SWEEP},
            UpdateExpression="SET swept_until = :time",
            ExpressionAttributeValues={":time": time},
        )

    def list_call(self, tenant: str, call_id: str, ids: IdRange, limit: int) -> Listed:
        found = self._newest("by_call", "tenant_call", f"{tenant}#{call_id}", ids, limit)
        return self._listed(found, limit)

    def list_tenant(self, tenant: str, ids: IdRange, limit: int) -> Listed:
        """Ask each shard for a page, and merge: ULIDs sort by time across them."""
        found = []
        for shard in range(TENANT_SHARDS):
            found += self._newest("by_tenant", "tenant_shard", f"{tenant}#{shard}", ids, limit)
        newest = sorted(found, key=lambda payload: payload.payload_id, reverse=True)
        return self._listed(newest[:limit], limit)

    def _listed(self, found: list[Payload], limit: int) -> Listed:
        """Those found that have not expired, which the indexes don't say (docs/adr/0038)."""
        items = self._some([payload.payload_id for payload in found], "payload_id, expires_at")
        over = {item["payload_id"] for item in items if self._is_over(item)}
        return Listed(
            [payload for payload in found if payload.payload_id not in over],
            found[-1].payload_id if len(found) == limit else None,
        )

    def _newest(
        self, index: str, attribute: str, partition: str, ids: IdRange, limit: int
    ) -> list[Payload]:
        """One page of an index's partition: at most 1 MB."""
        # DynamoDB's BETWEEN takes its ends in, which ours leaves out: so just above, just below.
        below = ids.before[:-1] + chr(ord(ids.before[-1]) - 1) + "~"
        answer = self._table.query(
            IndexName=index,
            KeyConditionExpression=f"{attribute} = :partition "
            "AND payload_id BETWEEN :after AND :before",
            ExpressionAttributeValues={
                ":partition": partition,
                ":after": ids.after + "!",
                ":before": below,
            },
            ScanIndexForward=False,
            Limit=limit,
        )
        return [payload_of(item) for item in answer["Items"]]

    def _second(self) -> int:
        return int(self._now())

    def _is_over(self, item: dict[str, Any]) -> bool:
        return "expires_at" in item and int(item["expires_at"]) <= self._second()

    @staticmethod
    def _conditional(operation: Callable[..., dict[str, Any]], **params: Any) -> Any:
        """The answer, or None if the condition did not hold."""
        try:
            return operation(**params)
        except ClientError as error:
            if _is_condition(error):
                return None
            raise


def _slots_of(tenant: str) -> str:
    """The table's key of a tenant's worker slots."""
    return f"workers#{tenant}"


def _is_condition(error: ClientError) -> bool:
    return bool(error.response["Error"]["Code"] == "ConditionalCheckFailedException")


def item_of(payload: Payload) -> dict[str, Any]:
    """A payload as an item of the table."""
    item = {name: value for name in _FIELDS if (value := getattr(payload, name)) is not None}
    if payload.summary is not None:
        item["summary"] = payload.summary.text.decode()
    return item


def payload_of(item: dict[str, Any]) -> Payload:
    """A payload from its item, as `read_image` gives it."""
    known = {name: _plain(item[name]) for name in _FIELDS if name in item}
    if "summary" in known:
        known["summary"] = _scalars(known["summary"])
    return Payload(**known)


def _scalars(summary: str | dict[str, Any]) -> Scalars:
    """The summary of an item: text; a map in items that earlier versions wrote."""
    text = summary if isinstance(summary, str) else json.dumps(summary, ensure_ascii=False)
    return Scalars(text.encode())


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, dict):
        return {name: _plain(inner) for name, inner in value.items()}
    return value
