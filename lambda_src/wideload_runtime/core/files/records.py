"""The records of one person's files and uploads, and the states an upload goes through.

    open ──▶ completing ──▶ completed        it is the file of the same id
      │  ◀──     │
      ▼          ▼
    aborted, expired

An upload that is one PUT goes from `open` to `completed` at once. `completing` is written before
S3 is asked to complete a multipart upload, with the checksum that the object will have: if S3's
answer is lost, the object shows whether S3 did it. The state is `open` again if S3 has other parts.

A completed upload has become the file of the same id; or another file with its content was there
(`file_id`), and its object is removed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

State = Literal["open", "completing", "completed", "aborted", "expired"]
End = Literal["aborted", "expired"]


@dataclass(frozen=True, slots=True)
class Content:
    """Content of a file, by which duplicates are found."""

    sha256: str
    """Hex, in lower case."""
    size: int
    """Bytes."""


@dataclass(frozen=True, slots=True)
class FirstPart:
    """First part and size of a file, by which it is found before the whole is hashed."""

    sha256: str
    """Of the first part; hex, in lower case."""
    size: int
    """Bytes of the whole file."""


@dataclass(frozen=True, slots=True)
class Unsized:
    """A file whose size is known at its end, as of a pipe; it is never found."""

    sha256: str
    """Of its first part; hex, in lower case."""
    expected_size: int

    @property
    def size(self) -> int:
        """Return the bytes known so far."""
        return 0


Announced = Content | FirstPart | Unsized


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """A file, which S3 holds. Times are ISO 8601 in UTC."""

    file_id: str
    """A ULID, its upload's."""
    name: str
    size: int
    content_type: str
    sha256: str
    verified: bool
    """Whether `sha256` was checked, by S3 or by the verifier."""
    created_at: str
    """When its upload was begun, so that ids sort as these times do."""
    key: str
    corrupt: bool = False
    """The verifier found another SHA-256."""
    due_at: str | None = None
    """When the sweep deletes it; None: it stays."""
    urls_end: str | None = None
    """Time until which a URL of its upload may store an object again; None without such a URL."""
    first_sha256: str | None = None
    """SHA-256 of its first part; None for a single PUT, and for uploads of earlier versions."""

    @property
    def content(self) -> Content:
        return Content(self.sha256, self.size)

    @property
    def first_part(self) -> FirstPart | None:
        return FirstPart(self.first_sha256, self.size) if self.first_sha256 else None

    def is_over(self, now: str) -> bool:
        """Return whether it has expired; the sweep may not have deleted it yet."""
        return self.due_at is not None and self.due_at <= now

    @property
    def shown(self) -> dict[str, Any]:
        known: dict[str, Any] = {
            "file_id": self.file_id,
            "name": self.name,
            "size": self.size,
            "content_type": self.content_type,
            "sha256": self.sha256,
            "verified": self.verified,
            "created_at": self.created_at,
        }
        return {**known, "corrupt": True} if self.corrupt else known


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """An upload session. Times are ISO 8601 in UTC unless named otherwise."""

    upload_id: str
    """A ULID."""
    state: State
    name: str
    size: int
    """Bytes; of an unsized upload, those counted so far: up to the end of its last signed part."""
    content_type: str
    unsized: bool = False
    """Whether it was begun without its size, which is known when it is completed."""
    sha256: str | None = None
    """None until completed, if it was begun with `first_sha256`."""
    first_sha256: str | None = None
    """SHA-256 of the first part, as announced; None if it was begun with `sha256`."""
    part_size: int
    """Bytes of each part but the last; of one PUT: `size`."""
    part_count: int
    """Of an unsized upload 0 until completed."""
    key: str
    created_at: str
    session_ends: str
    due_at: str | None = None
    """When the sweep handles it next; None: never."""
    s3_upload_id: str | None = None
    """S3's id of the multipart upload, which is made when the first parts are signed."""
    composite: str | None = None
    """The checksum of the object that S3 was last asked to make of the parts."""
    joined_sha256: str | None = None
    """SHA-256 of the content of that object, by the client."""
    joined_size: int | None = None
    """Bytes of that object."""
    joined_first_sha256: str | None = None
    """SHA-256 of the first of those parts, by S3."""
    completing_since: str | None = None
    ask_id: str | None = None
    """Id of the last request to S3 to make that object; its writer sends that request."""
    ask_ends: str | None = None
    """Time until which S3 may be working on it, and is not asked again."""
    conflict_since: str | None = None
    """Time of S3's 409, after which the upload begins anew."""
    expires_at: int | None = None
    """Epoch seconds after which DynamoDB may delete the item, set once nothing is left to do."""
    held: int | None = None
    """Bytes that are counted after its end, as is one file, since a URL of it may be valid. None:
    they are no longer counted, or it hasn't ended."""
    file_id: str | None = None
    """The file that was there with its content when it was completed; None: its own."""

    @property
    def announced(self) -> Announced:
        """Return what the upload is found by while it is open."""
        if self.unsized:
            return Unsized(self.first_sha256 or "", self.size)
        if self.first_sha256:
            return FirstPart(self.first_sha256, self.size)
        return Content(self.sha256 or "", self.size)

    @property
    def is_multipart(self) -> bool:
        return self.unsized or self.part_count > 1

    def of_size(self, size: int) -> Upload:
        """Return the upload with the size and number of parts that it has in the end."""
        if not self.unsized:
            return self
        return replace(self, unsized=False, size=size, part_count=-(-size // self.part_size))

    def takes(self, number: int, size: int) -> bool:
        """Return whether a part may have this size."""
        if self.unsized:
            return 1 <= size <= self.part_size
        return number <= self.part_count and size == self.length_of(number)

    def length_of(self, number: int) -> int:
        """Return the bytes of a part; numbers start from 1."""
        return min(self.part_size, self.size - (number - 1) * self.part_size)

    def is_over(self, now: str) -> bool:
        """Return whether it has ended or its session has; the sweep may not have handled it yet."""
        return self.state in ("aborted", "expired") or (
            self.state == "open" and self.session_ends <= now
        )

    def shown(self, now: str) -> dict[str, Any]:
        is_sized = not self.unsized or self.state == "completed"
        maybe = {
            "size": self.size if is_sized else None,
            "sha256": self.sha256,
            "first_sha256": self.first_sha256,
            "part_count": self.part_count if is_sized else None,
        }
        return {
            "upload_id": self.upload_id,
            "state": "expired" if self.state == "open" and self.is_over(now) else self.state,
            "name": self.name,
            "content_type": self.content_type,
            **{name: value for name, value in maybe.items() if value is not None},
            "part_size": self.part_size,
            "created_at": self.created_at,
            "expires_at": self.session_ends,
        }


@dataclass(frozen=True, slots=True)
class Trash:
    """An object without an owner, to be deleted once no URL can create it again."""

    id: str
    """The file's, or a ULID of its own."""
    key: str
    due_at: str
    held: int | None = None
    """Bytes that are counted, as is one file, since a URL may be valid; None: no longer counted."""


@dataclass(frozen=True, slots=True)
class Usage:
    """Usage that counts against a person's quota.

    Bytes and files include those of open uploads, and of aborted uploads and deleted files while a
    URL of theirs may still be valid.
    """

    bytes: int = 0
    files: int = 0
    open_uploads: int = 0


@dataclass(frozen=True, slots=True)
class Quota:
    bytes: int | None
    """None: no limit."""
    open_uploads: int
    files: int | None = None
    """None: no limit."""

    def lacks_room(self, usage: Usage, size: int) -> bool:
        return self.bytes is not None and usage.bytes + size > self.bytes

    def lacks_files(self, usage: Usage) -> bool:
        return self.files is not None and usage.files >= self.files

    def is_full(self, usage: Usage) -> bool:
        return usage.open_uploads >= self.open_uploads
