"""Check the SHA-256 of files uploaded in parts, of which S3 has checked each part alone."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from wideload_runtime.core.files.ports import Table
from wideload_runtime.core.files.records import File, StoredObject, Upload
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

    def verify(self, owner: str, object_id: str, *, has_time: Callable[[], bool]) -> Outcome:
        """Stream an object through SHA-256, and record the result. Safe to repeat.

        Returns:
            `too_large`: `has_time` ended before the object did, so it stays as it is.
        """
        records = self.table.of(owner)
        stored = records.stored([object_id]).get(object_id)
        if stored is None:
            return "gone"
        if not stored.verified and not stored.corrupt:
            sha256 = self._sha256(stored, has_time)
            if sha256 is None:
                self.metrics.add("FileUnverifiableCount", 1)
                return "too_large"
            if sha256 == stored.sha256:
                records.mark_verified(stored)
                self.metrics.add("FileVerifiedCount", 1)
            elif records.mark_corrupt(stored):
                self.metrics.add("FileCorruptCount", 1)
            stored = records.stored([object_id]).get(object_id)
            if stored is None:
                return "gone"
        # A further name may be all that is left; then the upload says what was announced.
        file = records.file(stored.file_id) or records.file(object_id) or records.upload(object_id)
        if file:
            # Also for an object that was verified before: its event may not have been sent.
            kind = "FileCorrupt" if stored.corrupt else "FileVerified"
            self.events.put([(kind, self._detail(owner, stored, file))])
        return "corrupt" if stored.corrupt else "verified"

    def _sha256(self, stored: StoredObject, has_time: Callable[[], bool]) -> str | None:
        content = self.contents.open(stored.key)
        if content is None:
            raise ObjectGoneError(stored.object_id)
        digest = hashlib.sha256()
        try:
            for chunk in content.chunks():
                digest.update(chunk)
                if not has_time():
                    return None
        finally:
            content.close()
        return digest.hexdigest()

    def _detail(self, owner: str, stored: StoredObject, file: File | Upload) -> dict[str, Any]:
        """Return the event's detail; without the name, which is personal data."""
        return {
            "version": VERSION,
            "environment": self.environment,
            "owner": owner,
            "file_id": file.file_id if isinstance(file, File) else stored.file_id,
            "size": stored.size,
            "content_type": file.content_type,
            "sha256": stored.sha256,
            "key": stored.key,
            "verified": stored.verified,
            "created_at": file.created_at,
        }
