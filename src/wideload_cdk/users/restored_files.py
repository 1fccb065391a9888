"""Restoring files: put those back that are in a restored table and not in the live one."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from typing import Any

from botocore.exceptions import ClientError

from wideload_cdk.operate.paging import all_items
from wideload_cdk.operate.restore import RestoreReport, undelete
from wideload_cdk.users.owned_files import iso

FILE = "FILE#"


def put_files_back(
    s3: Any,
    *,
    restored: Any,
    table: Any,
    bucket: str,
    owner: str | None = None,
    dry_run: bool = False,
    now: Callable[[], dt.datetime] = lambda: dt.datetime.now(dt.UTC),
) -> RestoreReport:
    """Put files back that are in a restored table and not in the live one.

    File, content and usage are written in one transaction. A file comes back only with its object,
    which `undelete` brings back in a versioned bucket. It is left out if its owner has uploaded
    the content again meanwhile, and reported as `waiting` if such an upload is open. Open uploads
    of the restored table don't come back. The call is safe to repeat.

    Needs `dynamodb:Scan` on the restored table, `GetItem`, `PutItem` and `UpdateItem` on the live
    one, `s3:ListBucketVersions`, and `s3:DeleteObjectVersion` for delete markers.

    Args:
        s3: boto3's `s3` client.
        restored: The table that DynamoDB restored, a boto3 `Table`.
        table: The live table, a boto3 `Table`.
        bucket: Name of the bucket of files.
        owner: Put back only this owner's files: the claim `sub`. Default: those of all owners.
        dry_run: Count, and change nothing.
        now: Clock.
    """
    count = there = 0
    without_object, waiting = [], []
    for item in _files(restored, owner):
        if item.get("due_at", "~") <= iso(now()):
            continue
        known = _known(table, item)
        if known is not None and "upload_id" in known:
            waiting.append(item["item"].removeprefix(FILE))
        elif known is not None:
            there += 1
        elif not undelete(s3, bucket, item["key"], dry_run=dry_run):
            without_object.append(item["item"].removeprefix(FILE))
        elif dry_run or _put(table, item):
            count += 1
        else:
            there += 1
    return RestoreReport(
        put_back=count,
        there=there,
        without_object=tuple(without_object),
        waiting=tuple(waiting),
    )


def _files(table: Any, owner: str | None) -> Iterator[dict[str, Any]]:
    arguments: dict[str, Any] = {
        "FilterExpression": "begins_with(#item, :file)",
        "ExpressionAttributeNames": {"#item": "item"},
        "ExpressionAttributeValues": {":file": FILE},
    }
    if owner is not None:
        arguments["FilterExpression"] += " AND #owner = :owner"
        arguments["ExpressionAttributeNames"]["#owner"] = "owner"
        arguments["ExpressionAttributeValues"][":owner"] = owner
    yield from all_items(table.scan, **arguments)


def _known(table: Any, item: dict[str, Any]) -> dict[str, Any] | None:
    """The file's item in the live table, else the item of its content.

    An owner has each content once: it belongs to a file, or to an open upload.
    """
    names = [item["item"]] if item.get("corrupt") else [item["item"], _content_of(item)]
    for name in names:
        answer = table.get_item(Key={"owner": item["owner"], "item": name}, ConsistentRead=True)
        if "Item" in answer:
            found: dict[str, Any] = answer["Item"]
            return found
    return None


def _content_of(item: dict[str, Any]) -> str:
    return f"CONTENT#{item['sha256']}#{item['size']}"


def _put(table: Any, item: dict[str, Any]) -> bool:
    """Put a file unless it or its content is there by now; returns whether it was put."""
    new = {
        "TableName": table.name,
        "ConditionExpression": "attribute_not_exists(#item)",
        "ExpressionAttributeNames": {"#item": "item"},
    }
    file_id = item["item"].removeprefix(FILE)
    content = {"owner": item["owner"], "item": _content_of(item), "file_id": file_id}
    counted = {
        "TableName": table.name,
        "Key": {"owner": item["owner"], "item": "USAGE"},
        "UpdateExpression": "ADD #bytes :bytes, #files :one",
        "ExpressionAttributeNames": {"#bytes": "bytes", "#files": "files"},
        "ExpressionAttributeValues": {":bytes": item["size"], ":one": 1},
    }
    writes: list[dict[str, Any]] = [{"Put": {**new, "Item": item}}, {"Update": counted}]
    # A corrupt file has no content item, so that its owner can upload the right content.
    if not item.get("corrupt"):
        writes.append({"Put": {**new, "Item": content}})
        if "first_sha256" in item:
            first = f"FIRST#{item['first_sha256']}#{item['size']}#{file_id}"
            writes.append({"Put": {**new, "Item": {**content, "item": first}}})
    try:
        table.meta.client.transact_write_items(TransactItems=writes)
    except ClientError as error:
        reasons = error.response.get("CancellationReasons", [])
        if not any(reason.get("Code") == "ConditionalCheckFailed" for reason in reasons):
            raise
        return False
    return True
