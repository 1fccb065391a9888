"""What restoring payloads and restoring files have in common."""

from __future__ import annotations

import dataclasses
from typing import Any


@dataclasses.dataclass(frozen=True, kw_only=True)
class RestoreReport:
    """What became of the records of a restored table."""

    put_back: int
    there: int
    """Those that are in the live table: they stay as they are."""
    without_object: tuple[str, ...]
    """Ids of those whose object is gone from the bucket: they are left out."""
    waiting: tuple[str, ...] = ()
    """Ids of files whose content their owner is just uploading again: they are left out, and come
    back by another run if that upload isn't completed."""


def has_object(s3: Any, bucket: str, key: str, *, bring_back: bool) -> bool:
    """Whether an object is there, or can be: in a versioned bucket without its delete markers.

    With `bring_back` these are removed.
    """
    # One page: other keys that begin alike come after this one.
    page = s3.list_object_versions(Bucket=bucket, Prefix=key)
    if not any(version["Key"] == key for version in page.get("Versions", [])):
        return False
    markers = [each for each in page.get("DeleteMarkers", []) if each["Key"] == key]
    if bring_back:
        for marker in markers:
            s3.delete_object(Bucket=bucket, Key=key, VersionId=marker["VersionId"])
    return True
