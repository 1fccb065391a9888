"""The payloads table in DynamoDB."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from decimal import Decimal
from typing import Any

from botocore.exceptions import ClientError

from wideload_runtime.core.errors import LeaseLostError
from wideload_runtime.core.payloads import Payload, Reservation

MAX_MAGNITUDE = Decimal("9.9E125")
MIN_MAGNITUDE = Decimal("1E-130")
"""Of a DynamoDB number.
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html"""

_FIELDS = tuple(field.name for field in fields(Payload))
# Attributes that a finished payload no longer has, unless the record says otherwise.
_TRANSIENT = ("lease_owner", "lease_until", "expires_at")


class DynamoPayloadTable:
    """
    Args:
        table: A boto3 `Table` whose partition key is `payload_id`.
    """

    def __init__(self, table: Any) -> None:
        self._table = table

    def create(self, payload: Payload) -> None:
        """Write a new record; one that is there already stays as it is."""
        self._conditional(
            self._table.put_item,
            Item=_item(payload),
            ConditionExpression="attribute_not_exists(payload_id)",
        )

    def get(self, payload_id: str) -> Payload | None:
        item = self._table.get_item(Key={"payload_id": payload_id}, ConsistentRead=True).get("Item")
        return _payload(item) if item and "tenant" in item else None

    def mark_uploaded(self, payload_id: str, *, size: int, upload_duration_ms: int) -> None:
        self._conditional(
            self._table.update_item,
            Key={"payload_id": payload_id},
            UpdateExpression="SET #state = :uploaded, uploaded_size = :size, "
            "upload_duration_ms = :duration",
            ConditionExpression="#state IN (:issued, :expired, :uploaded)",
            ExpressionAttributeNames={"#state": "state"},
            ExpressionAttributeValues={
                ":uploaded": "uploaded",
                ":issued": "issued",
                ":expired": "expired",
                ":size": size,
                ":duration": upload_duration_ms,
            },
        )

    def lease(self, payload_id: str, *, owner: str, now: int, until: int) -> Payload | None:
        updated = self._conditional(
            self._table.update_item,
            Key={"payload_id": payload_id},
            UpdateExpression="SET #state = :processing, lease_owner = :owner, lease_until = :until",
            ConditionExpression="#state IN (:issued, :expired, :uploaded) "
            "OR (#state = :processing AND lease_until < :now)",
            ExpressionAttributeNames={"#state": "state"},
            ExpressionAttributeValues={
                ":processing": "processing",
                ":issued": "issued",
                ":expired": "expired",
                ":uploaded": "uploaded",
                ":owner": owner,
                ":now": now,
                ":until": until,
            },
            ReturnValues="ALL_NEW",
        )
        return _payload(updated["Attributes"]) if updated else None

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
        item = _item(payload)
        del item["payload_id"]
        for name in ("lease_owner", "lease_until"):
            item.pop(name, None)
        sets = ", ".join(f"#{name} = :{name}" for name in item)
        removes = ", ".join(name for name in _TRANSIENT if name not in item)
        written = self._conditional(
            self._table.update_item,
            Key={"payload_id": payload.payload_id},
            UpdateExpression=f"SET {sets} REMOVE {removes}",
            ConditionExpression="#state = :held AND lease_owner = :owner",
            ExpressionAttributeNames={f"#{name}": name for name in item},
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
                ConditionExpression="attribute_not_exists(payload_id)",
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

    @staticmethod
    def _conditional(operation: Callable[..., dict[str, Any]], **params: Any) -> Any:
        """The answer, or None if the condition did not hold."""
        try:
            return operation(**params)
        except ClientError as error:
            if _is_condition(error):
                return None
            raise


def _is_condition(error: ClientError) -> bool:
    return bool(error.response["Error"]["Code"] == "ConditionalCheckFailedException")


def _item(payload: Payload) -> dict[str, Any]:
    item = {name: value for name in _FIELDS if (value := getattr(payload, name)) is not None}
    if payload.summary is not None:
        item["summary"] = {name: _attribute(value) for name, value in payload.summary.items()}
    return item


def _attribute(value: Any) -> Any:
    """A JSON scalar as DynamoDB takes it: a number beyond its range becomes a string."""
    if not isinstance(value, float):
        return value
    number = Decimal(repr(value))
    return number if not number or MIN_MAGNITUDE <= abs(number) <= MAX_MAGNITUDE else repr(value)


def _payload(item: dict[str, Any]) -> Payload:
    return Payload(**{name: _plain(item[name]) for name in _FIELDS if name in item})


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, dict):
        return {name: _plain(inner) for name, inner in value.items()}
    return value.value if hasattr(value, "value") else value  # boto3's Binary
