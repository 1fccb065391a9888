"""A payloads table and its bucket in memory, as boto3's clients show them to the programs."""

# ruff: noqa: N803 - arguments as boto3 names them

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

from botocore.exceptions import ClientError

PAGE = 2


class FakeItems:
    """A table of payloads in DynamoDB's own notation, by id."""

    def __init__(self, *items: dict[str, dict[str, str]]) -> None:
        self.items = {item["payload_id"]["S"]: item for item in items}


class FakeDynamo:
    """boto3's client of DynamoDB: two items a page of a scan."""

    def __init__(self, **tables: FakeItems) -> None:
        self.tables = tables
        self.recovery: dict[str, Any] = {"PointInTimeRecoveryStatus": "DISABLED"}
        self.backups: list[str] = []

    def scan(
        self,
        *,
        TableName: str,
        FilterExpression: str,
        ExpressionAttributeNames: dict[str, str],
        ExpressionAttributeValues: dict[str, dict[str, str]] | None = None,
        ExclusiveStartKey: dict[str, dict[str, str]] | None = None,
    ) -> dict[str, Any]:
        assert ExpressionAttributeNames == {"#tenant": "tenant"}
        if ExpressionAttributeValues is None:
            assert FilterExpression == "attribute_exists(#tenant)"
        else:
            assert FilterExpression == "#tenant = :tenant"
        items = self.tables[TableName].items
        ids = [
            each
            for each in sorted(items)
            if not ExclusiveStartKey or each > ExclusiveStartKey["payload_id"]["S"]
        ]
        found = [items[each] for each in ids[:PAGE] if "tenant" in items[each]]
        if ExpressionAttributeValues is not None:
            found = [
                each for each in found if each["tenant"] == ExpressionAttributeValues[":tenant"]
            ]
        last = {"LastEvaluatedKey": {"payload_id": {"S": ids[PAGE - 1]}}} if ids[PAGE:] else {}
        return {"Items": found, **last}

    def get_item(
        self,
        *,
        TableName: str,
        Key: dict[str, dict[str, str]],
        ConsistentRead: bool,
        ProjectionExpression: str,
        ExpressionAttributeNames: dict[str, str] | None = None,
    ) -> dict[str, Any]:
        assert ConsistentRead
        item = self.tables[TableName].items.get(Key["payload_id"]["S"])
        if item is None:
            return {}
        names = [
            (ExpressionAttributeNames or {}).get(name, name)
            for name in ProjectionExpression.split(", ")
        ]
        return {"Item": {name: item[name] for name in names if name in item}}

    def put_item(self, *, TableName: str, Item: dict[str, Any], ConditionExpression: str) -> None:
        assert ConditionExpression == "attribute_not_exists(payload_id)"
        items = self.tables[TableName].items
        if Item["payload_id"]["S"] in items:
            error = {"Code": "ConditionalCheckFailedException", "Message": "it is there"}
            raise ClientError({"Error": error}, "PutItem")
        items[Item["payload_id"]["S"]] = Item

    def describe_continuous_backups(self, *, TableName: str) -> dict[str, Any]:
        return {"ContinuousBackupsDescription": {"PointInTimeRecoveryDescription": self.recovery}}

    def get_paginator(self, operation: str) -> SimpleNamespace:
        assert operation == "list_backups"

        def paginate(*, TableName: str, BackupType: str) -> list[dict[str, Any]]:
            assert BackupType == "ALL"
            return [{"BackupSummaries": [{"BackupArn": arn} for arn in self.backups]}]

        return SimpleNamespace(paginate=paginate)


class FakeTable:
    """The payloads table as boto3's `Table`."""

    def __init__(self, *items: dict[str, Any]) -> None:
        self.items = {item["payload_id"]: item for item in items}
        self.dies_after: int | None = None
        """Number of deletions after which the caller is interrupted."""

    def scan(
        self,
        *,
        ProjectionExpression: str,
        FilterExpression: str,
        ExpressionAttributeNames: dict[str, str],
        ExpressionAttributeValues: dict[str, str],
        ConsistentRead: bool,
        ExclusiveStartKey: dict[str, str] | None = None,
    ) -> dict[str, Any]:
        assert (ProjectionExpression, ConsistentRead) == ("payload_id", True)
        assert FilterExpression == "#tenant = :tenant OR payload_id = :slots"
        assert ExpressionAttributeNames == {"#tenant": "tenant"}
        start = ExclusiveStartKey["payload_id"] if ExclusiveStartKey else ""
        ids = [each for each in sorted(self.items) if each > start]
        found = [
            {"payload_id": each}
            for each in ids[:PAGE]
            if self.items[each].get("tenant") == ExpressionAttributeValues[":tenant"]
            or each == ExpressionAttributeValues[":slots"]
        ]
        last = {"LastEvaluatedKey": {"payload_id": ids[PAGE - 1]}} if ids[PAGE:] else {}
        return {"Items": found, **last}

    @contextmanager
    def batch_writer(self) -> Iterator[SimpleNamespace]:
        deleted = itertools.count()

        def delete_item(*, Key: dict[str, str]) -> None:
            if next(deleted) == self.dies_after:
                raise KeyboardInterrupt
            del self.items[Key["payload_id"]]

        yield SimpleNamespace(delete_item=delete_item)


class FakeBucket:
    """boto3's client of S3, with versions: key to (version, bytes; None for a delete marker)."""

    def __init__(self, **objects: Any) -> None:
        self.versions: list[tuple[str, str, int | None]] = []
        self.uploads: list[str] = []
        self.refuses = ""

    def put(self, key: str, size: int, version: str = "null") -> None:
        self.versions.append((key, version, size))

    def mark(self, key: str, version: str) -> None:
        """Add a delete marker, as a deletion in a versioned bucket does."""
        self.versions.append((key, version, None))

    def list_object_versions(self, *, Bucket: str, Prefix: str) -> dict[str, Any]:
        assert Bucket == "bucket"
        found = [each for each in self.versions if each[0].startswith(Prefix)]
        versions = [
            {"Key": key, "VersionId": version, "Size": size}
            for key, version, size in found
            if size is not None
        ]
        markers = [
            {"Key": key, "VersionId": version} for key, version, size in found if size is None
        ]
        return {
            **({"Versions": versions} if versions else {}),
            **({"DeleteMarkers": markers} if markers else {}),
        }

    def get_paginator(self, operation: str) -> SimpleNamespace:
        def uploads(*, Bucket: str, Prefix: str) -> list[dict[str, Any]]:
            found = [
                {"Key": key, "UploadId": key} for key in self.uploads if key.startswith(Prefix)
            ]
            return [{"Uploads": found}] if found else [{}]

        pages = {
            "list_object_versions": lambda **where: [self.list_object_versions(**where)],
            "list_multipart_uploads": uploads,
        }
        return SimpleNamespace(paginate=pages[operation])

    def abort_multipart_upload(self, *, Bucket: str, Key: str, UploadId: str) -> None:
        self.uploads.remove(UploadId)

    def delete_objects(self, *, Bucket: str, Delete: dict[str, Any]) -> dict[str, Any]:
        errors = []
        for item in Delete["Objects"]:
            if item["Key"] == self.refuses:
                errors.append({"Key": item["Key"], "Code": "AccessDenied", "Message": "no"})
            else:
                self.delete_object(Bucket=Bucket, **item)
        return {"Errors": errors} if errors else {}

    def delete_object(self, *, Bucket: str, Key: str, VersionId: str) -> None:
        self.versions = [each for each in self.versions if each[:2] != (Key, VersionId)]
