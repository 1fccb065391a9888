"""Interfaces to the table and to S3. Each method is one conditional request or transaction."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from wideload_runtime.core.files.folder_records import FolderRecords
from wideload_runtime.core.files.lists import Order
from wideload_runtime.core.files.records import (
    Announced,
    Content,
    End,
    File,
    NewName,
    Placement,
    Quota,
    Removal,
    StoredObject,
    Trash,
    Upload,
    Usage,
    Verdict,
)


@dataclass(frozen=True, slots=True)
class Ask:
    """A request to S3 to join the parts of an upload."""

    id: str
    ends: str
    """Time until which S3 may be working on it."""
    composite: str
    """Checksum of the object."""
    content: Content
    """Content of the object, by the client."""
    first_sha256: str
    """SHA-256 of the first part, by S3; hex."""


@dataclass(frozen=True, slots=True)
class Listed:
    """A file in a list."""

    position: str
    file: File | None
    """None: it was deleted since the list was read."""


class Records(FolderRecords, Protocol):
    """Records of one person. No method takes an owner, so that none can be forgotten or wrong."""

    @property
    def owner(self) -> str: ...

    def find(self, announced: Sequence[Announced]) -> dict[Announced, StoredObject | Upload]:
        """The object with each content, or with each first part; or the open upload of it."""

    def stored_with(self, content: Content) -> StoredObject | None: ...
    def stored(self, object_ids: Collection[str]) -> dict[str, StoredObject]: ...
    def file(self, file_id: str) -> File | None: ...
    def files_by_id(self, file_ids: Collection[str]) -> dict[str, File]: ...
    def named(self, folder_id: str, names: Collection[str]) -> dict[str, str]:
        """Ids of the files that have these names in a folder, by name."""

    def upload(self, upload_id: str) -> Upload | None: ...
    def usage(self) -> Usage: ...
    def verdict_on(self, key: str) -> Verdict | None:
        """The scanner's verdict on an object, which may not be recorded yet."""

    def listed(
        self,
        order: Order,
        *,
        folder_id: str | None = None,
        prefix: str = "",
        after: str | None = None,
        limit: int,
        descending: bool = False,
    ) -> tuple[list[Listed], bool]:
        """At most `limit` files, and whether there are more.

        Args:
            folder_id: None: those of all folders, which are not sorted by size.
            prefix: Text that the names begin with, for the order by name; compared by `sort_key`,
                of which the first 600 bytes decide.
            after: Position of a file, after which the list starts.
        """

    def uploads(self, *, before: str | None, limit: int) -> list[Upload]:
        """In any state, newest first, with ids below one."""

    def open(self, upload: Upload, quota: Quota) -> bool:
        """Record a new upload; False if what it announces is known, or the quota has no room."""

    def add_name(self, upload: Upload, name: NewName, quota: Quota) -> bool:
        """Record a further name; False if the upload has changed, or the quota has no room."""

    def grow(self, upload: Upload, size: int, quota: Quota) -> bool:
        """Count more bytes of an unsized upload; False if it has changed, or there is no room."""

    def begin_multipart(self, upload: Upload, s3_upload_id: str) -> None:
        """Record S3's id, if the upload is open and has none yet."""

    def begin_ask(self, upload: Upload, ask: Ask, *, since: str, due_at: str) -> Upload | None:
        """Set `completing`; None if the upload has changed, or another request asks S3."""

    def end_ask(self, upload: Upload, *, ends: str, conflict_since: str | None) -> Upload | None:
        """Record S3's answer; None if the upload has changed."""

    def reopen(self, upload: Upload) -> bool:
        """Set `open` from `completing`; False if the upload has changed."""

    def begin_anew(self, upload: Upload, *, key: str, trash: Trash) -> bool:
        """Set `open`, without parts and with another key; False if the upload has changed."""

    def finish(
        self,
        upload: Upload,
        stored: StoredObject,
        placement: Placement,
        *,
        due_at: str | None,
        expires_at: int,
        scan_due_at: str | None,
    ) -> bool:
        """Record the object of an upload and the file of its first name.

        An open upload of the same content loses its claim: it gives way when it is completed.

        Args:
            due_at: When the sweep checks that the verifier was told and the further names have
                become files; None: it need not.
            expires_at: When the upload's item may be deleted, in epoch seconds.
            scan_due_at: When the sweep counts the object, if it has no verdict by then.

        Returns:
            False if the upload has changed, an object has its content, another verdict came, or
            the file's place has changed.
        """

    def give_way(
        self,
        upload: Upload,
        stored: StoredObject,
        placement: Placement,
        trash: Trash,
        *,
        due_at: str | None,
        expires_at: int,
    ) -> bool:
        """As `finish`, over an object that was there; the upload's own object becomes trash."""

    def make(self, placement: Placement, quota: Quota) -> bool:
        """Make a file over an object that is there.

        Returns:
            False if the object or the file's place has changed, or the quota has no room.
        """

    def make_further(self, upload: Upload, index: int, placement: Placement) -> Upload | None:
        """Make the file of a further name of a completed upload; None if that has changed."""

    def move(self, file: File, placement: Placement) -> bool:
        """Rename or move a file; False if it or its place has changed."""

    def close(self, upload: Upload, state: End, *, due_at: str, hold: bool) -> bool:
        """End an upload that is `open` or `completing`; else return False.

        Args:
            hold: Whether bytes and file stay counted, until `give_back`.
        """

    def give_back(self, ended: Upload | Trash, *, due_at: str) -> None:
        """Stop counting held bytes, unless that is done; the sweep looks again at `due_at`."""

    def settle(self, upload: Upload, *, expires_at: int) -> None:
        """Remove an upload from the sweep's index."""

    def delete(self, *removals: Removal) -> bool:
        """Remove files and, with their last names, their objects; False if any has changed.

        Args:
            removals: At most `removing.MOST_AT_ONCE`, of different objects.
        """

    def trash(self, identifier: str) -> Trash | None: ...
    def forget(self, trash: Trash) -> None: ...

    def mark_verified(self, stored: StoredObject) -> None:
        """Mark it, unless it was deleted."""

    def mark_corrupt(self, stored: StoredObject) -> bool:
        """Mark it and allow its content to be uploaded again; False if it has changed."""


class Folders(Protocol):
    """Folders of one person."""

    def resolve(self, path: str) -> str | None:
        """Id of a folder; None if there is none."""

    def ensure(self, path: str) -> str:
        """Id of a folder, which is made if it is not there, as are its parents."""

    def paths_of(self, folder_ids: Collection[str]) -> dict[str, str | None]:
        """Path of each folder; None if it, or one above it, is deleted."""


@dataclass(frozen=True, slots=True)
class Due:
    """An item that is due for the sweep."""

    owner: str
    kind: Literal["upload", "file", "trash", "folder", "unscanned"]
    id: str
    since: str = ""
    """When it became due."""


class Table(Protocol):
    def of(self, owner: str) -> Records: ...
    def due(self, now: str) -> Iterator[Due]:
        """Yield due items, oldest first in each shard, the shards in turns.

        The index may lag: an item may have been handled a moment ago.
        """


@dataclass(frozen=True, slots=True)
class Stored:
    """Size and checksum of an object in S3."""

    size: int
    checksum: str
    """SHA-256 in base64; of a multipart object the composite one, with `-<parts>`."""


@dataclass(frozen=True, slots=True)
class StoredPart:
    """A part of a multipart upload in S3."""

    number: int
    size: int
    etag: str
    checksum: str
    """SHA-256 in base64."""


Action = dict[str, Any]
"""`method`, `href`, `headers`, `expires_in`: a request for the client to make."""


Joining = Literal["done", "unclear", "failed", "conflict", "refused"]
"""Result of asking S3 to join parts.

- `unclear`: S3 is still working, worked on it before, or its answer was lost: look at the object.
- `failed`: S3 is overloaded or failed: ask again.
- `conflict`: it met another request to write the object: begin anew if that made no object.
- `refused`: S3 has other parts.
"""


class Bucket(Protocol):
    def sign_put(self, key: str, *, size: int, sha256: str, seconds: int) -> Action:
        """Sign a PUT that stores these bytes, unless there is an object."""

    def sign_part(
        self, key: str, s3_upload_id: str, number: int, *, size: int, sha256: str, seconds: int
    ) -> Action: ...

    def sign_get(self, key: str, *, content_type: str, disposition: str, seconds: int) -> Action:
        """Sign a GET whose answer has these headers."""

    def stored(self, key: str) -> Stored | None: ...

    def begin_multipart(self, key: str) -> str: ...

    def parts(self, key: str, s3_upload_id: str) -> list[StoredPart] | None:
        """Return all parts, in order; None if S3 has no such upload."""

    def complete(
        self, key: str, s3_upload_id: str, parts: Sequence[StoredPart], *, seconds: float
    ) -> Joining:
        """Join the parts to an object, unless there is one."""

    def remove(self, key: str, s3_upload_id: str | None = None) -> None:
        """Delete the object, and abort the multipart upload, if they are there."""

    def try_abort(self, key: str, s3_upload_id: str) -> None:
        """Abort a multipart upload; only log an error: the bucket's rule aborts it later."""

    def try_remove_all(self, keys: Sequence[str]) -> None:
        """Delete up to 1,000 objects; only log an error: the sweep looks at each again."""

    def try_remove(self, key: str, s3_upload_id: str | None = None) -> bool:
        """`remove`; on an error of S3, log it and return False: the sweep tries again."""


class Verifications(Protocol):
    """Queue of the verifier, if the deployment has one."""

    def wants(self, size: int) -> bool:
        """Return whether files of this size are verified."""

    def ask(self, owner: str, file_id: str) -> bool:
        """False if that failed."""
