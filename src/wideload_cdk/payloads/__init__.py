"""Operators' access to the payloads of `PayloadIngest`: look at one, put lost ones back.

From Python, with boto3's `dynamodb` and `s3` clients::

    record = find_payload(dynamodb, "payloads-table", "01K…")
    report = put_back(dynamodb, s3, restored="restored-table", table="payloads-table", bucket="…")

or as a program, `wideload-payloads` or `python -m wideload_cdk.payloads`. Needs the extra
`wideload-cdk[operate]`.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from typing import Any

from botocore.exceptions import ClientError

from wideload_cdk.operate.paging import all_items
from wideload_cdk.operate.restore import RestoreReport, undelete

ID_PATTERN = r"[0-7][0-9A-HJKMNP-TV-Z]{25}"
SHOWN = (
    "payload_id", "tenant", "state", "source", "call_id", "created_at", "stored_at", "expires_at",
    "declared_size", "uploaded_size", "size", "sha256", "records", "gzip_size", "s3_key",
    "archive_key", "lease_until", "error_code", "error_detail",
)  # fmt: skip
"""Attributes that an operator may see: neither the document nor its summary."""
FINISHED = ("stored", "failed")

Item = dict[str, dict[str, Any]]
"""An item in DynamoDB's own notation: boto3's `Table` refuses numbers of more than 38 digits,
which older versions stored."""


class PayloadNotFoundError(LookupError):
    """There is no payload with that id."""


def find_payload(dynamodb: Any, table: str, payload_id: str) -> dict[str, Any]:
    """Read the attributes `SHOWN` of any tenant's payload.

    Needs `dynamodb:GetItem`.

    Raises:
        ValueError: `payload_id` is no payload id.
        PayloadNotFoundError: There is no such payload.
    """
    if not re.fullmatch(ID_PATTERN, payload_id):
        raise ValueError(f"{payload_id!r} is no payload id: give the 26 characters of a ULID.")
    answer = dynamodb.get_item(
        TableName=table,
        Key={"payload_id": {"S": payload_id}},
        ConsistentRead=True,
        ProjectionExpression=", ".join(f"#{name}" for name in SHOWN),
        ExpressionAttributeNames={f"#{name}": name for name in SHOWN},
    )
    item = answer.get("Item")
    if not item:
        raise PayloadNotFoundError(
            f"There is no payload {payload_id}: it never was, was deleted, or has expired."
        )
    return {name: _plain(item[name]) for name in SHOWN if name in item}


def put_back(
    dynamodb: Any,
    s3: Any,
    *,
    restored: str,
    table: str,
    bucket: str,
    tenant: str | None = None,
    dry_run: bool = False,
    now: Callable[[], float] = time.time,
) -> RestoreReport:
    """Put payloads back that are in a restored table and not in the live one.

    A record comes back only with its object. A deleted object comes back only in a versioned
    bucket, where its delete markers are removed. Records of the live table stay as they are, also
    where they differ. The call is safe to repeat.

    Needs `dynamodb:Scan` on the restored table, `GetItem` and `PutItem` on the live one,
    `s3:ListBucketVersions`, and `s3:DeleteObjectVersion` for delete markers.

    Args:
        dynamodb: boto3's `dynamodb` client.
        s3: boto3's `s3` client.
        restored: Name of the table that DynamoDB restored.
        table: Name of the live table.
        bucket: Name of the bucket of uploads and kept documents.
        tenant: Put back only this tenant's payloads. Default: those of all tenants.
        dry_run: Count, and change nothing.
        now: Clock.
    """
    count = there = 0
    without_object = []
    for item in _payloads(dynamodb, restored, tenant):
        payload_id = item["payload_id"]["S"]
        if "expires_at" in item and int(item["expires_at"]["N"]) <= now():
            continue
        if _is_there(dynamodb, table, payload_id):
            there += 1
        elif (key := _key_of(item)) and not undelete(s3, bucket, key, dry_run=dry_run):
            # In the state `issued` no object was uploaded, so none is lost.
            without_object += [] if item["state"]["S"] == "issued" else [payload_id]
        elif dry_run or _put(dynamodb, table, item):
            count += 1
        else:
            there += 1
    return RestoreReport(put_back=count, there=there, without_object=tuple(without_object))


def _payloads(dynamodb: Any, table: str, tenant: str | None) -> Iterator[Item]:
    """Yield the records of payloads: idempotency keys and worker slots have no tenant."""
    arguments: dict[str, Any] = {
        "TableName": table,
        "FilterExpression": "attribute_exists(#tenant)" if tenant is None else "#tenant = :tenant",
        "ExpressionAttributeNames": {"#tenant": "tenant"},
    }
    if tenant is not None:
        arguments["ExpressionAttributeValues"] = {":tenant": {"S": tenant}}
    yield from all_items(dynamodb.scan, **arguments)


def _key_of(item: Item) -> str | None:
    """Key of a record's archive, or, before it is finished, of its upload; None without either."""
    name = "archive_key" if item["state"]["S"] in FINISHED else "s3_key"
    return item[name]["S"] if name in item else None


def _is_there(dynamodb: Any, table: str, payload_id: str) -> bool:
    answer = dynamodb.get_item(
        TableName=table,
        Key={"payload_id": {"S": payload_id}},
        ConsistentRead=True,
        ProjectionExpression="payload_id",
    )
    return "Item" in answer


def _put(dynamodb: Any, table: str, item: Item) -> bool:
    """Put an item unless it is there by now; returns whether it was put."""
    try:
        dynamodb.put_item(
            TableName=table, Item=item, ConditionExpression="attribute_not_exists(payload_id)"
        )
    except ClientError as error:
        if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
            raise
        return False
    return True


def _plain(value: dict[str, Any]) -> Any:
    [(kind, content)] = value.items()
    return int(content) if kind == "N" else content
