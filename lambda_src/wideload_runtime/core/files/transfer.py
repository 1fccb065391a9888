"""File transfer; it makes the uploads and files of each person."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

from wideload_runtime.core.files.completing import Completion
from wideload_runtime.core.files.emptying import Emptying
from wideload_runtime.core.files.files import Files
from wideload_runtime.core.files.folders import Folders
from wideload_runtime.core.files.limits import Limits
from wideload_runtime.core.files.listing import Listing
from wideload_runtime.core.files.placing import Placing
from wideload_runtime.core.files.ports import Bucket, Due, Records, Table, Verifications
from wideload_runtime.core.files.showing import Showing
from wideload_runtime.core.files.signing import Signing
from wideload_runtime.core.files.sweep import Sweep
from wideload_runtime.core.files.uploads import Uploads
from wideload_runtime.core.metrics import Metrics


@dataclass(frozen=True, kw_only=True)
class FileTransfer:
    """
    Args:
        life_seconds: Seconds for which a file is kept after its completion; None: for ever.
        scan_seconds: Seconds within which a scanner should judge an object; None: there is none.
    """

    table: Table
    bucket: Bucket
    verifications: Verifications
    metrics: Metrics
    limits: Limits
    life_seconds: int | None
    scan_seconds: int | None
    new_id: Callable[[], str]
    now: Callable[[], float]

    def uploads(self, owner: str, *, seconds_left: Callable[[], float]) -> Uploads:
        """
        Args:
            owner: Owner of the uploads: the token's subject.
            seconds_left: Seconds to wait for S3.
        """
        records = self.table.of(owner)
        folders = self._folders(records)
        placing = self._placing(records, folders)
        return Uploads(
            records=records,
            bucket=self.bucket,
            signing=Signing(records=records, bucket=self.bucket, limits=self.limits, now=self.now),
            completion=Completion(
                records=records,
                placing=placing,
                bucket=self.bucket,
                verifications=self.verifications,
                metrics=self.metrics,
                url_seconds=self.limits.url_seconds,
                scan_seconds=self.scan_seconds,
                new_id=self.new_id,
                now=self.now,
                seconds_left=seconds_left,
            ),
            placing=placing,
            showing=Showing(records=records, folders=folders),
            metrics=self.metrics,
            limits=self.limits,
            prefix=key_prefix(owner),
            new_id=self.new_id,
            now=self.now,
        )

    def files(self, owner: str) -> Files:
        records = self.table.of(owner)
        folders = self._folders(records)
        return Files(
            records=records,
            folders=folders,
            placing=self._placing(records, folders),
            showing=Showing(records=records, folders=folders),
            bucket=self.bucket,
            metrics=self.metrics,
            url_seconds=self.limits.url_seconds,
            now=self.now,
        )

    def folders(self, owner: str) -> Folders:
        return self._folders(self.table.of(owner))

    def listing(self, owner: str) -> Listing:
        records = self.table.of(owner)
        folders = self._folders(records)
        showing = Showing(records=records, folders=folders)
        return Listing(records=records, folders=folders, showing=showing, now=self.now)

    def emptying(self, owner: str, *, has_time: Callable[[], bool]) -> Emptying:
        return Emptying(
            records=self.table.of(owner), bucket=self.bucket, now=self.now, has_time=has_time
        )

    def _folders(self, records: Records) -> Folders:
        return Folders(records=records, new_id=self.new_id, now=self.now)

    def _placing(self, records: Records, folders: Folders) -> Placing:
        return Placing(
            records=records,
            folders=folders,
            bucket=self.bucket,
            life_seconds=self.life_seconds,
            now=self.now,
        )

    def sweep(self, *, seconds_left: Callable[[], float], tell: Callable[[Due], None]) -> Sweep:
        """
        Args:
            seconds_left: Seconds that the sweep may take.
            tell: Called within the handling of each item's failure.
        """

        def has_time() -> bool:
            return seconds_left() > 0

        return Sweep(
            table=self.table,
            bucket=self.bucket,
            metrics=self.metrics,
            uploads=lambda owner: self.uploads(owner, seconds_left=seconds_left),
            emptying=lambda owner: self.emptying(owner, has_time=has_time),
            scans_files=self.scan_seconds is not None,
            now=self.now,
            has_time=has_time,
            tell=tell,
        )


def key_prefix(owner: str) -> str:
    """Return the prefix of a person's keys: a hash, since a subject may hold any character."""
    return f"files/{hashlib.sha256(owner.encode()).hexdigest()[:32]}/"
