"""Conversion of DynamoDB's attribute values that reads every number."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from boto3.dynamodb.transform import TransformationInjector
from boto3.dynamodb.types import Binary, TypeDeserializer

_BOTO3S = {"event_name": "after-call.dynamodb", "unique_id": "dynamodb-attr-value-output"}


class AnyNumber(TypeDeserializer):  # type: ignore[misc]  # boto3 has no types
    """boto3's deserializer, extended to every number of DynamoDB.

    DynamoDB writes 1e38 as 39 digits, and boto3's own raises `decimal.Rounded` for more than 38:
    https://github.com/boto/boto3/issues/2500
    """

    def _deserialize_n(self, value: str) -> Decimal:
        return Decimal(value)

    def _deserialize_b(self, value: bytes | str) -> Any:
        # In the event of a stream it is base64.
        return Binary(b64decode(value) if isinstance(value, str) else value)


def read_any_number(table: Any) -> None:
    """Make a boto3 `Table` read answers with `AnyNumber`."""
    events = table.meta.client.meta.events
    output = TransformationInjector(deserializer=AnyNumber()).inject_attribute_value_output
    events.unregister(**_BOTO3S)
    events.register(handler=output, **_BOTO3S)


def read_image(image: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return an item of a stream as the table's resource returns it."""
    deserialize = AnyNumber().deserialize
    return {name: deserialize(value) for name, value in image.items()}
