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
_OF_OBJECT = ("verified", "corrupt", "urls_end", "first_sha256", "scan_state", "scan_detail")


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

    File, content and usage are written in one transaction, in the form of the version before
    folders; the API brings them over with their owner's next request, at the latest a minute later.
    Then a file whose folder is gone is in the top folder, one whose name is taken has a number
    after its name, and one whose content was uploaded again shares that object. A file comes back
    only with its object, which `undelete` brings back in a versioned bucket, and is reported as
    `waiting` if an upload of its content is open. Open uploads of the restored table don't come
    back. The call is safe to repeat.

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
        whole = _with_object(restored, item)
        content = _item(table, whole, _content_of(whole))
        if _item(table, whole, whole["item"]):
            there += 1
        elif content and "upload_id" in content and not whole.get("corrupt"):
            waiting.append(item["item"].removeprefix(FILE))
        elif not undelete(s3, bucket, item["key"], dry_run=dry_run):
            without_object.append(item["item"].removeprefix(FILE))
        elif dry_run or _put(table, whole, is_known=content is not None):
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


def _with_object(restored: Any, item: dict[str, Any]) -> dict[str, Any]:
    """Return a file with what its object says, as the version before folders wrote it."""
    if "object_id" not in item:
        return item
    stored = _item(restored, item, f"OBJECT#{item['object_id']}") or {"verified": False}
    copied = {name: stored[name] for name in _OF_OBJECT if name in stored}
    return {**{name: item[name] for name in item if name != "object_id"}, **copied}


def _item(table: Any, item: dict[str, Any], name: str) -> dict[str, Any] | None:
    """Return another item of the owner of an item."""
    answer = table.get_item(Key={"owner": item["owner"], "item": name}, ConsistentRead=True)
    found: dict[str, Any] | None = answer.get("Item")
    return found


def _content_of(item: dict[str, Any]) -> str:
    return f"CONTENT#{item['sha256']}#{item['size']}"


def _put(table: Any, item: dict[str, Any], *, is_known: bool) -> bool:
    """Put a file unless it is there by now; return whether it was put.

    Args:
        is_known: Whether other files have its content, which is counted once.
    """
    new = {
        "TableName": table.name,
        "ConditionExpression": "attribute_not_exists(#item)",
        "ExpressionAttributeNames": {"#item": "item"},
    }
    # A corrupt file has no content item, so that its owner can upload the right content.
    adds_content = not is_known and not item.get("corrupt")
    counted = {
        "TableName": table.name,
        "Key": {"owner": item["owner"], "item": "USAGE"},
        "UpdateExpression": "ADD #bytes :bytes, #files :one REMOVE #model, #model_after",
        "ExpressionAttributeNames": {
            f"#{name}": name for name in ("bytes", "files", "model", "model_after")
        },
        "ExpressionAttributeValues": {
            ":bytes": item["size"] if adds_content or item.get("corrupt") else 0,
            ":one": 1,
        },
    }
    writes: list[dict[str, Any]] = [{"Put": {**new, "Item": item}}, {"Update": counted}]
    if adds_content:
        file_id = item["item"].removeprefix(FILE)
        content = {"owner": item["owner"], "item": _content_of(item), "file_id": file_id}
        writes.append({"Put": {**new, "Item": content}})
    try:
        table.meta.client.transact_write_items(TransactItems=writes)
    except ClientError as error:
        reasons = error.response.get("CancellationReasons", [])
        if not any(reason.get("Code") == "ConditionalCheckFailed" for reason in reasons):
            raise
        return False
    return True
