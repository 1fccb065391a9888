"""What `Client.files` takes and returns."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Self

Source = str | os.PathLike[str] | IO[bytes]
"""What can be uploaded: the path of a file (or of a named pipe), or a binary file object."""

Target = str | os.PathLike[str] | IO[bytes]
"""Where a download can go: the path of a file or of a directory, or a binary file object."""

BatchProgress = Callable[[int, int, int], object]
"""Called with (number of the source from 0, bytes done, bytes in all)."""


_ID = re.compile(r"[A-Za-z0-9_-]{1,200}")


def _is_size(value: object) -> bool:
    """Whether it can be a number of bytes or parts of a file."""
    return type(value) is int and 0 <= value < 1 << 63


@dataclass(frozen=True, slots=True, kw_only=True)
class FileInfo:
    """What the API holds about a file.

    Attributes:
        file_id: The API's id of it.
        name: As its owner named it; may be in any script. For a path of your own make it safe
            first, as `Files.download` does.
        size: Bytes.
        content_type: As it was uploaded, such as `application/pdf`.
        sha256: Hex SHA-256 of the content, as `sha256sum` prints it.
        verified: Whether the deployment itself knows that the content has that SHA-256. Otherwise
            it is the uploader's word: S3 has checked each part of a large file by itself.
        created_at: ISO 8601 time at which the upload was begun.
        corrupt: The deployment has read the content and found another SHA-256. Such a file can't
            be downloaded; upload it again.
        answer: The API's whole answer, for members that this version doesn't know.
    """

    file_id: str
    name: str
    size: int
    content_type: str
    sha256: str
    verified: bool
    created_at: str
    corrupt: bool = False
    answer: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def of(cls, answer: Mapping[str, Any]) -> Self:
        """Take a `file` of an answer.

        Raises:
            AttributeError, KeyError, TypeError: It isn't one.
        """
        texts = {name: answer[name] for name in ("file_id", "name", "content_type", "sha256")}
        texts["created_at"] = answer["created_at"]
        if not all(isinstance(text, str) for text in texts.values()):
            raise TypeError("a member that must be text is not")
        if not _is_size(answer["size"]) or not isinstance(answer["verified"], bool):
            raise TypeError("size must be a number of bytes, verified a truth value")
        if not _ID.fullmatch(texts["file_id"]):  # it goes into paths and names of partial files
            raise TypeError("file_id must be an id")
        return cls(
            **texts,
            size=answer["size"],
            verified=answer["verified"],
            corrupt=answer.get("corrupt") is True,
            answer=answer,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadResult:
    """How an upload ended: a file that the API holds now.

    Attributes:
        file: The file. Its name is that of the first upload if the content was there already.
        duplicate: The API held this content already, or another upload of it was quicker: the
            file is that one.
        bytes_sent: Bytes of content that went out, those of failed attempts too. 0 for a
            duplicate.
        resumed_bytes: Bytes that an earlier, interrupted upload had stored already.
        upload_id: The API's id of the upload; None for a duplicate.
    """

    file: FileInfo
    duplicate: bool
    bytes_sent: int
    resumed_bytes: int
    upload_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadOutcome:
    """What became of one source of `Files.upload_many`: either `result` or `error` is None.

    Attributes:
        index: Number of the source, from 0, in the order in which they were given.
        source: The source itself.
        result: How the upload ended.
        error: Why it failed: what `Files.upload` would have raised.
    """

    index: int
    source: Source
    result: UploadResult | None = None
    error: Exception | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadInfo:
    """An upload as the API sees it.

    Attributes:
        upload_id: The API's id of it; that of the file when it is completed.
        state: `open`, `completing`, `completed`, `aborted` or `expired`.
        name: Name that the file will have.
        size: Bytes of the file.
        content_type: Content type that the file will have.
        sha256: Hex SHA-256 of the file.
        part_size: Bytes of each part but the last.
        part_count: How many parts there are; 1 if the file goes in one request.
        parts: Numbers, from 1, of the parts that S3 holds. Empty when it is no longer open, and
            in `Files.uploads`.
        created_at: ISO 8601 time of its beginning.
        expires_at: ISO 8601 time at which the API gives it up.
        file: The file, when it is completed.
        answer: The API's whole answer.
    """

    upload_id: str
    state: str
    name: str
    size: int
    content_type: str
    sha256: str
    part_size: int
    part_count: int
    parts: tuple[int, ...]
    created_at: str
    expires_at: str
    file: FileInfo | None = None
    answer: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def of(cls, answer: Mapping[str, Any]) -> Self:
        """Take the answer of `GET /files/uploads/{upload_id}`, or an item of their list.

        Raises:
            AttributeError, KeyError, TypeError: It isn't one.
        """
        texts = ("upload_id", "state", "name", "content_type", "sha256", "created_at", "expires_at")
        numbers = ("size", "part_size", "part_count")
        if not all(isinstance(answer[name], str) for name in texts):
            raise TypeError("a member that must be text is not")
        if not all(_is_size(answer[name]) for name in numbers):
            raise TypeError("a member that must be a number is not")
        file = answer.get("file")
        return cls(
            **{name: answer[name] for name in (*texts, *numbers)},
            parts=tuple(int(part["number"]) for part in answer.get("parts", ())),
            file=FileInfo.of(file) if file is not None else None,
            answer=answer,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class DownloadResult:
    """How a download ended: size and SHA-256 were compared and are those of the record.

    Attributes:
        file: The file's record.
        path: Where it lies now; None if it went to a file object.
        bytes_received: Bytes of content that came in.
        resumed_bytes: Bytes that an earlier, interrupted download had left.
    """

    file: FileInfo
    path: Path | None
    bytes_received: int
    resumed_bytes: int
