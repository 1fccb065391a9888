"""Restoring from a table that DynamoDB restored: the report, and deleted objects."""

from __future__ import annotations

import dataclasses
from typing import Any


@dataclasses.dataclass(frozen=True, kw_only=True)
class RestoreReport:
    """The number of records of a restored table that were put back, and the ids of the others."""

    put_back: int
    there: int
    """Records that the live table still has: they stay as they are."""
    without_object: tuple[str, ...]
    """Ids of records whose object is gone from the bucket: they are left out."""
    waiting: tuple[str, ...] = ()
    """Ids of files whose content their owner is uploading again: they are left out. Another run
    puts them back if that upload isn't completed."""


def undelete(s3: Any, bucket: str, key: str, *, dry_run: bool = False) -> bool:
    """Remove an object's delete markers; returns whether the bucket has the object.

    With `dry_run` the delete markers stay, and count as removed.
    """
    # One page: keys that only begin with this one are listed after it.
    page = s3.list_object_versions(Bucket=bucket, Prefix=key)
    if not any(version["Key"] == key for version in page.get("Versions", [])):
        return False
    markers = [marker for marker in page.get("DeleteMarkers", []) if marker["Key"] == key]
    if not dry_run:
        for marker in markers:
            s3.delete_object(Bucket=bucket, Key=key, VersionId=marker["VersionId"])
    return True
