"""The records of one person's files and uploads, and the states an upload goes through.

    open ──▶ completing ──▶ completed
      │  ◀──     │
      ▼          ▼
    aborted, expired

An upload that is one PUT goes from `open` to `completed` at once. `completing` is written before
S3 is asked to complete a multipart upload, with the checksum that the object will have: if S3's
answer is lost, the object shows whether S3 did it. The state is `open` again if S3 has other parts.

A file is a name over a stored object, which is kept once per person and counts its names. A
completed upload has become the object of the same id, and a file for each of its names; or an
object with its content was there, the files are made over that, and its own object is removed.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Literal

State = Literal["open", "completing", "completed", "aborted", "expired"]
End = Literal["aborted", "expired"]
IfExists = Literal["keep_both", "replace", "skip", "fail"]
VerifiedBy = Literal["s3", "verifier"]
ScanState = Literal["scanning", "clean", "malware", "not_scanned"]
"""`scanning`: there is no verdict yet. `not_scanned`: the scanner could not scan it."""

TOP = "top"
"""Id of the folder above all others."""


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
class NewName:
    """A name that is wanted for content, as it was announced."""

    folder: str = ""
    """Path; empty for the top."""
    name: str
    content_type: str
    modified_at: str | None = None
    """ISO 8601 in UTC, as the file system of the person says."""
    if_exists: IfExists = "keep_both"
    metadata: dict[str, str] | None = None
    """From the team's authorization function."""
    file_id: str | None = None
    """The file that was made of it; None: not yet made."""

    def is_of(self, other: NewName) -> bool:
        """Return whether both want the same name in the same folder."""
        return (self.folder, self.name) == (other.folder, other.name)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a malware scanner says about an object."""

    key: str
    result: ScanState
    """Never `scanning`."""
    detail: str
    """Names of the threats, or why it could not be scanned."""
    at: str
    """ISO 8601 in UTC."""

    def supersedes(self, other: Verdict) -> bool:
        """Return whether it counts instead of another on the same key: of two of one time, the
        one that is not `clean`."""
        if self.at != other.at:
            return self.at > other.at
        return other.result == "clean" and self.result != "clean"


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredObject:
    """Content that S3 holds, under one or more names of one person."""

    object_id: str
    """A ULID, that of the upload which stored it."""
    key: str
    size: int
    sha256: str
    names: int = 1
    """Number of its files, and of the names of its upload that are not yet files."""
    file_id: str
    """The newest of its files; it may have been deleted."""
    verified: bool
    """Whether `sha256` was checked."""
    verified_by: VerifiedBy | None = None
    """None for objects that were stored by earlier versions, or are not verified."""
    corrupt: bool = False
    """The verifier found another SHA-256."""
    urls_end: str | None = None
    """Time until which a URL of its upload may store it again; None without such a URL."""
    first_sha256: str | None = None
    """SHA-256 of its first part; None for a single PUT, and for uploads of earlier versions."""
    scan_state: ScanState | None = None
    """None: it was stored while the deployment had no scanner."""
    scan_detail: str | None = None
    """What the scanner said."""

    @property
    def quarantined(self) -> dict[str, str] | None:
        """Return why it must not be downloaded; None if it may."""
        if self.scan_state in (None, "clean"):
            return None
        said = self.scan_detail or "no reason given"
        reasons = {
            "scanning": "The file has not been scanned for malware yet: try again later.",
            "malware": f"The scanner found malware: {said}.",
            "not_scanned": f"The file could not be scanned: {said}.",
        }
        return {"reason": self.scan_state, "detail": reasons[self.scan_state]}

    @property
    def content(self) -> Content:
        return Content(self.sha256, self.size)

    @property
    def first_part(self) -> FirstPart | None:
        return FirstPart(self.first_sha256, self.size) if self.first_sha256 else None


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """A name in a folder over a stored object. Times are ISO 8601 in UTC.

    `size`, `sha256` and `key` are copies of what never changes of the object.
    """

    file_id: str
    """A ULID: that of the upload that stored the object for its first name, else its own."""
    folder_id: str = TOP
    name: str
    content_type: str
    created_at: str
    """When that upload was begun, else when the file was made, so that ids sort as these times."""
    modified_at: str | None = None
    """As given by the person."""
    metadata: dict[str, str] | None = None
    due_at: str | None = None
    """When the sweep deletes it; None: it stays."""
    object_id: str
    size: int
    sha256: str
    key: str

    @property
    def content(self) -> Content:
        return Content(self.sha256, self.size)

    def is_over(self, now: str) -> bool:
        """Return whether it has expired; the sweep may not have deleted it yet."""
        return self.due_at is not None and self.due_at <= now

    def shown(self, stored: StoredObject, folder: str) -> dict[str, Any]:
        """
        Args:
            folder: Path of its folder.
        """
        maybe: dict[str, Any] = {
            "verified_by": stored.verified_by if stored.verified else None,
            "corrupt": stored.corrupt or None,
            "quarantined": stored.quarantined,
            "modified_at": self.modified_at,
            "metadata": self.metadata,
        }
        return {
            "file_id": self.file_id,
            "folder": folder,
            "name": self.name,
            "size": self.size,
            "content_type": self.content_type,
            "sha256": self.sha256,
            "verified": stored.verified,
            "created_at": self.created_at,
            **{name: value for name, value in maybe.items() if value is not None},
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Folder:
    """A folder below the top. Times are ISO 8601 in UTC."""

    folder_id: str
    """A ULID."""
    parent_id: str
    name: str
    created_at: str
    deleted_at: str | None = None
    """None: it is there, if every folder above it is."""
    due_at: str | None = None
    """When the sweep goes on removing what is in it; None: it is not deleted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """An upload session. Times are ISO 8601 in UTC unless named otherwise."""

    upload_id: str
    """A ULID."""
    state: State
    folder: str = ""
    """Path of the folder; empty for the top."""
    name: str
    modified_at: str | None = None
    if_exists: IfExists = "keep_both"
    metadata: dict[str, str] | None = None
    also: tuple[NewName, ...] = field(default=())
    """Further names that its content is to have."""
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
    """The file of its first name; None: not completed, or the file of its own id."""
    object_id: str | None = None
    """The object with its content that was there when it was completed; None: its own."""

    @property
    def names(self) -> list[NewName]:
        """Return its names in the order in which they were announced."""
        first = NewName(
            folder=self.folder,
            name=self.name,
            content_type=self.content_type,
            modified_at=self.modified_at,
            if_exists=self.if_exists,
            metadata=self.metadata,
            file_id=(self.file_id or self.upload_id) if self.state == "completed" else None,
        )
        return [first, *self.also]

    @property
    def unmade(self) -> int:
        """Return the number of further names that are not yet files of the completed upload."""
        return sum(each.file_id is None for each in self.also)

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
            "folder": self.folder,
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
class Removal:
    """Removal of a file."""

    file: File
    stored: StoredObject
    trash: Trash
    """The object's, if this is its last name."""

    @property
    def is_last(self) -> bool:
        return self.stored.names == 1


@dataclass(frozen=True, slots=True)
class Placement:
    """A file as it is to be recorded."""

    file: File
    replaced: Removal | None = None
    """Removal of the file whose name it takes."""
    is_there: bool = False
    """Whether the file is recorded already: the same folder, name and content."""


@dataclass(frozen=True, slots=True)
class Usage:
    """Usage that counts against a person's quota.

    Bytes count each object once, `files` each name. Both include those of open uploads, and those
    of aborted uploads and removed objects while a URL of theirs may still be valid.
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
