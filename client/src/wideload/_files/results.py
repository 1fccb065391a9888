"""Results of the methods of `Client.files`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from wideload._files.models import FileInfo, FolderInfo, Source
from wideload.errors import WideloadError


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadResult:
    """The result of an upload: a file that the API holds.

    Attributes:
        file: The file. Its name has a number if another file has the name, and both are kept.
        duplicate: Whether the API held this content already, under this or another name, or
            another upload of it was completed first.
        skipped: Whether another file has the name and stays, with `if_exists="skip"`; then that is
            `file`.
        bytes_sent: Bytes of content that were sent, those of failed attempts included. 0 for
            content that the API held already.
        resumed_bytes: Bytes that an earlier, interrupted upload had stored.
        upload_id: The API's id of the upload; None if there was none.
    """

    file: FileInfo
    duplicate: bool
    bytes_sent: int
    resumed_bytes: int
    upload_id: str | None
    skipped: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadOutcome:
    """The outcome of one source of `Files.upload_many`: either `result` or `error` is None.

    Of `Files.upload_tree`, both are None for a directory without files that is now a folder.

    Attributes:
        index: Number of the source, from 0, in the order of the argument.
        source: The source.
        result: The result, if it was uploaded.
        error: The exception that `Files.upload` would have raised, if it failed.
    """

    index: int
    source: Source
    result: UploadResult | None = None
    error: Exception | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DownloadResult:
    """The result of a download. Size and SHA-256 are those of the record.

    Attributes:
        file: The file's record.
        path: Path of the file; None if it was written to a file object.
        bytes_received: Bytes of content that were received.
        resumed_bytes: Bytes that an earlier, interrupted download had written.
    """

    file: FileInfo
    path: Path | None
    bytes_received: int
    resumed_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DownloadOutcome:
    """The outcome of one file or folder of `Files.download_tree`.

    Attributes:
        index: Number of the item, from 0, in their order.
        item: The record of the file or the folder.
        path: Path of the file or the directory; None if there is none, because of an error.
        result: The result, if it is a file and was downloaded.
        error: The exception that `Files.download` would have raised, if that failed; or the reason
            for which the directory of a folder can't be made.
    """

    index: int
    item: FileInfo | FolderInfo
    path: Path | None = None
    result: DownloadResult | None = None
    error: Exception | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeOutcome:
    """The outcome for one file of `Files.move` or `Files.delete_many`.

    Attributes:
        file_id: The id that was given.
        file: The file's record after the change, or of the file that has its name if it is
            skipped; None if it is deleted or unchanged because of an error.
        skipped: Whether it stays where it is, since another file has its name there.
        error: The reason for which it is unchanged.
    """

    file_id: str
    file: FileInfo | None = None
    skipped: bool = False
    error: WideloadError | None = None
