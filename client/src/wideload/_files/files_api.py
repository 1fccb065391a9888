"""Requests to the API of files, as typed calls."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import orjson

from wideload._api import Api, parse_answer, unexpected
from wideload._files.cancel_scope import CancelScope
from wideload._files.digest import Part
from wideload._files.models import FileInfo, IfExists
from wideload._http import Answer
from wideload._presigned import PresignedRequest
from wideload._retry import Attempts, RetryPolicy, parse_retry_after
from wideload.errors import (
    ApiError,
)

# Limits of one request to the API.
MOST_FILES = 25
MOST_PARTS = 100

# Seconds: how long to wait while S3 joins thousands of parts, and how long between two requests.
_LONGEST_COMPLETING = 15 * 60.0
_COMPLETING_PAUSE = 2.0

_JSON = {"Content-Type": "application/json"}

_Answer = TypeVar("_Answer")


@dataclass(frozen=True)
class NewFile:
    """A file as it is announced to the API; None for what isn't said.

    Attributes:
        folder: Path of its folder.
        if_exists: Treatment of a name that another file has.
        modified_at: ISO 8601 time at which it was last changed.
        size: Bytes; None for a pipe.
        sha256: Hex SHA-256 of the whole.
        first_sha256: Hex SHA-256 of the first part, in place of that.
        expected_size: A guess at the size of a pipe.
    """

    name: str
    content_type: str
    folder: str | None = None
    if_exists: IfExists | None = None
    modified_at: str | None = None
    size: int | None = None
    sha256: str | None = None
    first_sha256: str | None = None
    expected_size: int | None = None


@dataclass(frozen=True)
class Created:
    """The API's answer to one new file.

    Exactly one of `file`, `error`, `hash_first` and `upload_id` is set.

    Attributes:
        file: The file, if the API holds its content already, or if it is skipped.
        skipped: Whether `file` is another file of the same name, which stays.
        error: The reason why the API refuses it.
        hash_first: Whether the file has to be announced again, with the SHA-256 of the whole.
        upload_id: The upload, begun now or earlier.
        action: The PUT that uploads the whole file. Without it and `part_size` S3 holds the object.
        part_size: Bytes of each part but the last; 0 for a file that is uploaded by one PUT.
        held: Hex SHA-256 of each part that S3 holds, by number from 1.
    """

    file: FileInfo | None = None
    skipped: bool = False
    error: ApiError | None = None
    hash_first: bool = False
    upload_id: str = ""
    action: PresignedRequest | None = None
    part_size: int = 0
    held: Mapping[int, str] = field(default_factory=dict)


class FilesApi:
    """Requests to the API for one transfer, or for several.

    Args:
        policy: The retries that each call may make.
        scope: The scope of the transfers; waits end when it does.
    """

    def __init__(self, api: Api, policy: RetryPolicy, scope: CancelScope) -> None:
        self._api = api
        self._policy = policy
        self._scope = scope
        self._pacing = scope.pacing

    def attempts(self) -> Attempts:
        """The retries of a new call."""
        return Attempts(self._policy, self._pacing)

    def create(self, files: Sequence[NewFile]) -> list[Created]:
        """Announce up to 25 files; the answers are in the same order.

        Raises:
            ApiError, TransportError: The whole request failed.
        """
        body = orjson.dumps({"files": [_given(file) for file in files]})
        try:
            answer = self._api.request("POST", "/files", self.attempts(), headers=_JSON, body=body)
        except ApiError as error:
            # When every file is refused, the status is that of the first refusal.
            if not isinstance(error.answer.get("files"), list):
                raise
            answered = error.answer["files"]
            request_id = error.request_id
            shape = unexpected("POST", "/files", Answer(error.status, {}, b""))
        else:
            answered = parse_answer("POST", "/files", answer).get("files")
            request_id = answer.headers.get("apigw-requestid")
            shape = unexpected("POST", "/files", answer)
        try:
            created = [self._created(one, request_id) for one in answered]
        except (AttributeError, KeyError, TypeError, ValueError, OverflowError):
            raise shape from None
        if len(created) != len(files):
            raise shape
        for one, file in zip(created, files, strict=True):
            by_first_part = not one.skipped and (one.file or one.action)
            if one.hash_first if file.sha256 else by_first_part:
                raise shape
        return created

    def create_one(self, file: NewFile) -> Created:
        """Announce one file; wait while S3 joins the parts of another upload of the same.

        Raises:
            ApiError, TransportError: As `create`, or the file is refused.
        """

        def create() -> Created:
            (created,) = self.create([file])
            if created.error is not None:
                raise created.error
            return created

        return self._once_completed(create)

    def sign(
        self, upload_id: str, parts: Sequence[Part], *, sized: bool = False
    ) -> dict[int, PresignedRequest]:
        """Get a presigned request for each of up to 100 parts.

        Args:
            sized: Whether to say the size of each part, as for a pipe, whose size isn't known.

        Raises:
            ApiError, TransportError: The API gave none.
        """
        path = f"/files/uploads/{upload_id}/parts"
        wanted = [
            {"number": part.number, "sha256": part.sha256} | ({"size": part.size} if sized else {})
            for part in parts
        ]
        answer = self._api.request(
            "POST", path, self.attempts(), headers=_JSON, body=orjson.dumps({"parts": wanted})
        )
        try:
            signed = {
                int(part["number"]): self._api.presigned_request(part["action"])
                for part in parse_answer("POST", path, answer)["parts"]
            }
        except (AttributeError, KeyError, TypeError, ValueError, OverflowError):
            raise unexpected("POST", path, answer) from None
        if signed.keys() != {part.number for part in parts}:
            raise unexpected("POST", path, answer)
        return signed

    def complete(
        self, upload_id: str, claim: Mapping[str, str | int], *, once: bool = False
    ) -> list[FileInfo]:
        """Complete an upload; the files of all names under which it was announced.

        Waits up to 15 minutes for S3 to join its parts.

        Args:
            claim: The size and hashes that the API doesn't know yet.
            once: Without retries.

        Raises:
            ApiError, TransportError: It isn't completed (yet).
        """
        path = f"/files/uploads/{upload_id}/complete"

        def complete() -> list[FileInfo]:
            attempts = Attempts(RetryPolicy(0), self._pacing) if once else self.attempts()
            body = orjson.dumps(claim) if claim else None
            answer = self._api.request(
                "POST", path, attempts, headers=_JSON if body else None, body=body
            )
            if answer.status == 202:
                raise self._still_completing(path, answer)
            return _read_files(path, answer)

        return self._once_completed(complete)

    def download(self, file_id: str) -> tuple[FileInfo, PresignedRequest]:
        """Get a file's record, and the presigned request for its content.

        Raises:
            ApiError, TransportError: The API gave none.
        """
        path = f"/files/{file_id}/download"
        answer = self._api.request("GET", path, self.attempts())
        file = read_file("GET", path, answer)
        try:
            return file, self._api.presigned_request(parse_answer("GET", path, answer)["action"])
        except (AttributeError, KeyError, TypeError, ValueError, OverflowError):
            raise unexpected("GET", path, answer) from None

    def abort(self, upload_id: str) -> None:
        """Abort an upload.

        Raises:
            ApiError, TransportError: It isn't aborted.
        """
        self._api.request("DELETE", f"/files/uploads/{upload_id}", self.attempts())

    def _still_completing(self, path: str, answer: Answer) -> ApiError:
        """The error for an answer 202, raised when the wait has been long enough."""
        problem = {
            "code": "completing",
            "detail": "S3 is still joining the parts: upload the file again later, which sends "
            "nothing twice",
            "request_id": answer.headers.get("apigw-requestid"),
            "retry_after": parse_retry_after(answer.headers.get("Retry-After"), self._pacing.now()),
        }
        return self._api.error(f"POST {path}", problem, answer.status)

    def _once_completed(self, request: Callable[[], _Answer]) -> _Answer:
        """Make a request until S3 has joined the parts, for 15 minutes at most.

        Raises:
            ApiError: S3 hasn't joined them, or the request is refused.
        """
        began = self._pacing.monotonic()
        while True:
            try:
                return request()
            except ApiError as error:
                waited = self._pacing.monotonic() - began
                if error.code != "completing" or waited > _LONGEST_COMPLETING:
                    raise
                pause = error.retry_after or _COMPLETING_PAUSE
            self._pacing.sleep(pause)

    def _created(self, answer: Mapping[str, Any], request_id: str | None) -> Created:
        if answer.get("duplicate") is True or answer.get("skipped") is True:
            return Created(file=FileInfo.of(answer["file"]), skipped="skipped" in answer)
        if "error" in answer:
            problem = {"request_id": request_id, **answer["error"]}
            return Created(error=self._api.error("POST /files", problem, int(problem["status"])))
        if answer.get("hash_first") is True:
            return Created(hash_first=True)
        upload_id = answer["upload_id"]
        if not isinstance(upload_id, str) or not upload_id.isalnum():  # it becomes part of paths
            raise TypeError("upload_id must be an id")
        if "part_size" in answer:
            part_size = int(answer["part_size"])
            if part_size < 1:
                raise ValueError("there must be parts")
            held = {int(part["number"]): str(part["sha256"]) for part in answer["parts"]}
            return Created(upload_id=upload_id, part_size=part_size, held=held)
        action = self._api.presigned_request(answer["action"]) if answer.get("action") else None
        return Created(upload_id=upload_id, action=action)


def _given(file: NewFile) -> dict[str, str | int]:
    return {name: value for name, value in vars(file).items() if value is not None}


def _read_files(path: str, answer: Answer) -> list[FileInfo]:
    """The files of an answer to `complete`.

    Raises:
        ApiError: The answer has none.
    """
    try:
        members = parse_answer("POST", path, answer)
        return [FileInfo.of(file) for file in members.get("files") or [members["file"]]]
    except (AttributeError, KeyError, TypeError):
        raise unexpected("POST", path, answer) from None


def read_file(method: str, path: str, answer: Answer) -> FileInfo:
    """The `file` of an answer.

    Raises:
        ApiError: The answer has none.
    """
    try:
        return FileInfo.of(parse_answer(method, path, answer)["file"])
    except (AttributeError, KeyError, TypeError):
        raise unexpected(method, path, answer) from None
