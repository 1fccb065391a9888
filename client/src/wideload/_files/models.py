"""Arguments of `Client.files`, and the API's records of files, folders and uploads."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import IO, Any, Literal, Self

Source = str | os.PathLike[str] | IO[bytes]
"""A source of an upload: the path of a file or a named pipe, or a binary file object."""

Target = str | os.PathLike[str] | IO[bytes]
"""A target of a download: the path of a file or a directory, or a binary file object."""

BatchProgress = Callable[[int, int, int], object]
"""Called with (number of the source from 0, bytes done, bytes in all)."""

IfExists = Literal["keep_both", "replace", "skip", "fail"]
"""Treatment of a name that another file of the folder has.

`keep_both`: the new file gets a number, as "offer (2).txt". `replace`: the other file is deleted.
`skip`: the other file stays, and is the result. `fail`: `ConflictError` with the code
`name_exists`.
"""


_ID = re.compile(r"[A-Za-z0-9_-]{1,200}")


def _is_size(value: object) -> bool:
    """Whether it can be a number of bytes or parts of a file."""
    return type(value) is int and 0 <= value < 1 << 63


@dataclass(frozen=True, slots=True, kw_only=True)
class Quarantine:
    """The reason for which a file can't be downloaded now.

    Attributes:
        reason: `scanning`: it is being scanned for malware. `malware`: the scanner found some.
            `not_scanned`: it couldn't be scanned.
        detail: The same in a sentence.
    """

    reason: str
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderInfo:
    """The API's record of a folder.

    Attributes:
        folder: Its path, such as `films/2026`.
        name: The last name of the path.
        created_at: ISO 8601 time at which it was made.
        answer: The API's whole answer, for members that this version doesn't know.
    """

    folder: str
    name: str
    created_at: str
    answer: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def of(cls, answer: Mapping[str, Any]) -> Self:
        """Read a `folder` of an answer.

        Raises:
            AttributeError, KeyError, TypeError: It isn't one.
        """
        texts = {name: answer[name] for name in ("folder", "name", "created_at")}
        if not all(isinstance(text, str) and text for text in texts.values()):
            raise TypeError("a member that must be text is not")
        return cls(**texts, answer=answer)


@dataclass(frozen=True, slots=True, kw_only=True)
class FileInfo:
    """The API's record of a file.

    Attributes:
        file_id: The API's id of the file.
        folder: Path of its folder, such as `films/2026`; empty for the top.
        name: The name that its owner gave it, in any script. Neither name nor folder is safe as a
            path: `Files.download` and `Files.download_tree` make them so.
        size: Bytes.
        content_type: The content type given at its upload, such as `application/pdf`.
        sha256: Hex SHA-256 of the content, as `sha256sum` prints it.
        verified: Whether the deployment has checked that the content has that SHA-256. If not, the
            uploader claims it: of a large file, S3 has checked only each part.
        verified_by: `s3` or `verifier`, if it is verified and the deployment says so.
        created_at: ISO 8601 time at which the upload was begun.
        modified_at: ISO 8601 time at which the file was last changed, if its upload said so.
        quarantined: The reason for which it can't be downloaded now, if there is one.
        metadata: Texts that the deployment's own authorization function has added.
        corrupt: Whether the deployment has read the content and found another SHA-256. Such a file
            can't be downloaded; upload it again.
        answer: The API's whole answer, for members that this version doesn't know.
    """

    file_id: str
    name: str
    size: int
    content_type: str
    sha256: str
    verified: bool
    created_at: str
    folder: str = ""
    verified_by: str | None = None
    modified_at: str | None = None
    quarantined: Quarantine | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    corrupt: bool = False
    answer: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def of(cls, answer: Mapping[str, Any]) -> Self:
        """Read a `file` of an answer.

        Raises:
            AttributeError, KeyError, TypeError: It isn't one.
        """
        texts = {name: answer[name] for name in ("file_id", "name", "content_type", "sha256")}
        texts["created_at"] = answer["created_at"]
        texts["folder"] = answer.get("folder", "")
        known = {name: answer[name] for name in ("modified_at", "verified_by") if name in answer}
        metadata = answer.get("metadata", {})
        quarantined = answer.get("quarantined")
        if quarantined is not None:
            known["quarantined"] = Quarantine(
                reason=str(quarantined["reason"]), detail=str(quarantined["detail"])
            )
        more = [text for name, text in known.items() if name != "quarantined"]
        if not all(isinstance(text, str) for text in (*texts.values(), *more, *metadata.values())):
            raise TypeError("a member that must be text is not")
        if not _is_size(answer["size"]) or not isinstance(answer["verified"], bool):
            raise TypeError("size must be a number of bytes, verified a truth value")
        if not _ID.fullmatch(texts["file_id"]):  # it becomes part of paths
            raise TypeError("file_id must be an id")
        return cls(
            **texts,
            size=answer["size"],
            verified=answer["verified"],
            corrupt=answer.get("corrupt") is True,
            metadata=dict(metadata),
            **known,
            answer=answer,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadInfo:
    """The API's record of an upload.

    Attributes:
        upload_id: The API's id of the upload, and of the file when it is completed.
        state: `open`, `completing`, `completed`, `aborted` or `expired`.
        folder: Path of the folder in which the file will be; empty for the top.
        name: Name that the file will have.
        size: Bytes of the file; None for a pipe that isn't completed.
        content_type: Content type that the file will have.
        sha256: Hex SHA-256 of the file; None if it is hashed while it is sent, and not completed.
        part_size: Bytes of each part but the last.
        part_count: Number of parts; 1 if the file is uploaded by one request. None if `size` is.
        parts: Numbers, from 1, of the parts that S3 holds. Empty when the upload is no longer open,
            and in `Files.uploads`.
        created_at: ISO 8601 time at which it was begun.
        expires_at: ISO 8601 time at which the API aborts it.
        first_sha256: Hex SHA-256 of the first part, if the upload was begun with that.
        file: The file, when it is completed.
        answer: The API's whole answer.
    """

    upload_id: str
    state: str
    name: str
    size: int | None
    content_type: str
    sha256: str | None
    part_size: int
    part_count: int | None
    parts: tuple[int, ...]
    created_at: str
    expires_at: str
    folder: str = ""
    first_sha256: str | None = None
    file: FileInfo | None = None
    answer: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def of(cls, answer: Mapping[str, Any]) -> Self:
        """Read the answer of `GET /files/uploads/{upload_id}`, or an item of `GET /files/uploads`.

        Raises:
            AttributeError, KeyError, TypeError: It isn't one.
        """
        texts = ("upload_id", "state", "name", "content_type", "created_at", "expires_at")
        folder = answer.get("folder", "")
        if not all(isinstance(text, str) for text in (folder, *(answer[name] for name in texts))):
            raise TypeError("a member that must be text is not")
        size, part_size, part_count = (
            answer.get("size"),
            answer["part_size"],
            answer.get("part_count"),
        )
        numbers = [number for number in (size, part_count) if number is not None]
        if not all(_is_size(number) for number in (part_size, *numbers)):
            raise TypeError("a member that must be a number is not")
        sha256, first_sha256 = answer.get("sha256"), answer.get("first_sha256")
        hashes = [one for one in (sha256, first_sha256) if one is not None]
        if not hashes or not all(isinstance(one, str) for one in hashes):
            raise TypeError("there must be a hash, and it must be text")
        file = answer.get("file")
        return cls(
            **{name: answer[name] for name in texts},
            folder=folder,
            size=size,
            sha256=sha256,
            part_size=part_size,
            part_count=part_count,
            first_sha256=first_sha256,
            parts=tuple(int(part["number"]) for part in answer.get("parts", ())),
            file=FileInfo.of(file) if file is not None else None,
            answer=answer,
        )
