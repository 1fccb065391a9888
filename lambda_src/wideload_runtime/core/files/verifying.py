"""Check the SHA-256 of files uploaded in parts, of which S3 has checked each part alone."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from wideload_runtime.core.files.ports import Table
from wideload_runtime.core.files.records import File
from wideload_runtime.core.metrics import Metrics

VERSION = "1"
"""Version of the event's form (`contract/events/file-v1.schema.json`). Within a version, members
may be added but never changed or removed."""


class ObjectGoneError(Exception):
    """A file's object doesn't exist: the file is being deleted, or the object was deleted in S3."""


class Content(Protocol):
    """An object, open for reading once."""

    def chunks(self) -> Iterator[bytes]: ...
    def close(self) -> None: ...


class Contents(Protocol):
    def open(self, key: str) -> Content | None:
        """None if there is no such object."""


class Events(Protocol):
    def put(self, events: list[tuple[str, dict[str, Any]]]) -> None:
        """Publish pairs of detail type and detail."""


Outcome = Literal["verified", "corrupt", "gone", "too_large"]


@dataclass(frozen=True, kw_only=True)
class Verifier:
    table: Table
    contents: Contents
    events: Events
    metrics: Metrics
    environment: str

    def verify(self, owner: str, file_id: str, *, has_time: Callable[[], bool]) -> Outcome:
        """Stream a file through SHA-256, and record the result. Safe to repeat.

        Returns:
            `too_large`: `has_time` ended before the file did, so it stays as it is.
        """
        records = self.table.of(owner)
        file = records.file(file_id)
        if file is None:
            return "gone"
        if not file.verified and not file.corrupt:
            sha256 = self._sha256(file, has_time)
            if sha256 is None:
                self.metrics.add("FileUnverifiableCount", 1)
                return "too_large"
            if sha256 == file.sha256:
                records.mark_verified(file)
                self.metrics.add("FileVerifiedCount", 1)
            elif records.mark_corrupt(file):
                self.metrics.add("FileCorruptCount", 1)
            file = records.file(file_id)
            if file is None:
                return "gone"
        # Also for a file that was verified before: its event may not have been sent.
        kind = "FileCorrupt" if file.corrupt else "FileVerified"
        self.events.put([(kind, self._detail(owner, file))])
        return "corrupt" if file.corrupt else "verified"

    def _sha256(self, file: File, has_time: Callable[[], bool]) -> str | None:
        content = self.contents.open(file.key)
        if content is None:
            raise ObjectGoneError(file.file_id)
        digest = hashlib.sha256()
        try:
            for chunk in content.chunks():
                digest.update(chunk)
                if not has_time():
                    return None
        finally:
            content.close()
        return digest.hexdigest()

    def _detail(self, owner: str, file: File) -> dict[str, Any]:
        """Return the event's detail; without the name, which is personal data."""
        return {
            "version": VERSION,
            "environment": self.environment,
            "owner": owner,
            "file_id": file.file_id,
            "size": file.size,
            "content_type": file.content_type,
            "sha256": file.sha256,
            "verified": file.verified,
            "created_at": file.created_at,
        }
