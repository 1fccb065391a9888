"""Deletion of everything that a tenant of `PayloadIngest` has.

From Python::

    deletion = TenantDeletion(
        payloads=boto3.resource("dynamodb").Table("…"),
        keys=boto3.resource("dynamodb").Table("…"),
        s3=boto3.client("s3"),
        bucket="…",
    )
    report = deletion.run("acme")

or as a program, `wideload-tenants` or `python -m wideload_cdk.tenants`. Needs the extra
`wideload-cdk[operate]`.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterator
from typing import Any

from wideload_cdk.keys import TENANT_PATTERN, list_keys
from wideload_cdk.operate.objects import Objects, delete_objects
from wideload_cdk.operate.paging import all_items

PREFIXES = ("transit", "archive")


@dataclasses.dataclass(frozen=True, kw_only=True)
class TenantReport:
    """The numbers of a tenant's keys, records and objects that were found, or deleted."""

    tenant: str
    keys: int
    records: int
    """Items of the payloads table, documents of up to 8 KiB within them."""
    objects: int
    """Uploads and kept documents in S3, with older versions in a versioned bucket."""
    bytes: int
    uploads: int
    """Multipart uploads that were neither completed nor aborted."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class TenantDeletion:
    """Counts or deletes a tenant's keys, records and objects.

    Args:
        payloads: The payloads table, a boto3 `Table`.
        keys: The keys table, a boto3 `Table`.
        s3: boto3's `s3` client.
        bucket: Name of the bucket of uploads and kept documents.
        tell: Called with a sentence after each step.
    """

    payloads: Any
    keys: Any
    s3: Any
    bucket: str
    tell: Callable[[str], object] = lambda _: None

    def run(self, tenant: str, *, dry_run: bool = False) -> TenantReport:
        """Delete a tenant's keys, then its records, then its objects.

        Each step looks for what is left, so an interrupted run is completed by the next, and a run
        that finds nothing proves that nothing is left. The whole payloads table is scanned, since
        no index holds every record.

        Args:
            tenant: Name of the tenant.
            dry_run: Count, and delete nothing.

        Raises:
            ValueError: `tenant` is no tenant's name.
            PermissionError: An object can't be deleted.
        """
        if not re.fullmatch(TENANT_PATTERN, tenant):
            raise ValueError(
                f"tenant is {tenant!r}; give 1 to 63 of a-z, 0-9 and hyphens, no hyphen first."
            )
        done = "found" if dry_run else "deleted"
        # Keys first, so that as few payloads as possible arrive meanwhile.
        keys = [{"key_id": key.key_id} for key in list_keys(self.keys, tenant)]
        if not dry_run:
            _delete_items(self.keys, iter(keys))
        self.tell(f"{len(keys):,} keys {done}")
        # Records before objects: a worker can't finish a payload without its record, so it keeps
        # no new archive.
        found = self._records(tenant)
        records = sum(1 for _ in found) if dry_run else _delete_items(self.payloads, found)
        self.tell(f"{records:,} records {done}")
        objects = Objects()
        for prefix in PREFIXES:
            objects += delete_objects(self.s3, self.bucket, f"{prefix}/{tenant}/", dry_run=dry_run)
        self.tell(f"{objects.versions:,} objects {done}, {objects.bytes:,} bytes")
        return TenantReport(
            tenant=tenant,
            keys=len(keys),
            records=records,
            objects=objects.versions,
            bytes=objects.bytes,
            uploads=objects.uploads,
        )

    def _records(self, tenant: str) -> Iterator[dict[str, str]]:
        """Yield the keys of a tenant's payloads, in any state, and of its worker slots."""
        arguments: dict[str, Any] = {
            "ProjectionExpression": "payload_id",
            "FilterExpression": "#tenant = :tenant OR payload_id = :slots",
            "ExpressionAttributeNames": {"#tenant": "tenant"},
            "ExpressionAttributeValues": {":tenant": tenant, ":slots": f"workers#{tenant}"},
            "ConsistentRead": True,
        }
        yield from all_items(self.payloads.scan, **arguments)


def _delete_items(table: Any, keys: Iterator[dict[str, str]]) -> int:
    count = 0
    with table.batch_writer() as batch:
        for key in keys:
            batch.delete_item(Key=key)
            count += 1
    return count
