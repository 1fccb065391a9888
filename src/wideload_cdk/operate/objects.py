"""Delete the objects of a bucket, with every version and unfinished multipart upload."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from botocore.exceptions import ClientError


@dataclasses.dataclass(frozen=True, kw_only=True)
class Objects:
    """The number and size of objects that were found, or deleted."""

    versions: int = 0
    """Objects, and in a versioned bucket their older versions and delete markers."""
    bytes: int = 0
    uploads: int = 0
    """Multipart uploads that were neither completed nor aborted."""

    def __add__(self, other: Objects) -> Objects:
        return Objects(
            versions=self.versions + other.versions,
            bytes=self.bytes + other.bytes,
            uploads=self.uploads + other.uploads,
        )


def delete_objects(s3: Any, bucket: str, prefix: str = "", *, dry_run: bool = False) -> Objects:
    """Delete every version, delete marker and unfinished upload under a prefix.

    Needs `s3:ListBucketVersions`, `ListBucketMultipartUploads`, `DeleteObject`,
    `DeleteObjectVersion` and `AbortMultipartUpload`; with `dry_run` only the first two.

    Raises:
        PermissionError: Something can't be deleted.
    """
    where = {"Bucket": bucket, **({"Prefix": prefix} if prefix else {})}
    found = Objects()
    # Uploads first: one that is completed meanwhile becomes an object, and is deleted below.
    for page in s3.get_paginator("list_multipart_uploads").paginate(**where):
        for upload in page.get("Uploads", []):
            if not dry_run:
                _abort(s3, bucket, upload)
            found += Objects(uploads=1)
    # A page has up to 1,000 versions, as many as one request deletes.
    for page in s3.get_paginator("list_object_versions").paginate(**where):
        versions = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
        if versions and not dry_run:
            _delete(s3, bucket, versions)
        size = sum(version.get("Size", 0) for version in versions)
        found += Objects(versions=len(versions), bytes=size)
    return found


def _abort(s3: Any, bucket: str, upload: dict[str, Any]) -> None:
    try:
        s3.abort_multipart_upload(Bucket=bucket, Key=upload["Key"], UploadId=upload["UploadId"])
    except ClientError as error:
        # Completed or aborted since it was listed.
        if error.response["Error"]["Code"] != "NoSuchUpload":
            raise


def _delete(s3: Any, bucket: str, versions: Sequence[dict[str, Any]]) -> None:
    names = [{"Key": version["Key"], "VersionId": version["VersionId"]} for version in versions]
    answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": names, "Quiet": True})
    # The answer is 200 even if nothing could be deleted.
    errors = answer.get("Errors", [])
    if errors:
        first = errors[0]
        raise PermissionError(
            f"{len(errors)} of {len(versions)} objects of {bucket} can't be deleted, such as "
            f"{first['Key']}: {first['Code']}, {first['Message']}"
        )
