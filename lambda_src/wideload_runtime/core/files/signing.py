"""Sign the requests that send a file to S3."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from wideload_runtime.core.errors import Refused, conflict
from wideload_runtime.core.files.completing import (
    ROUNDS,
    known_upload,
    still_completing,
    upload_gone,
)
from wideload_runtime.core.files.limits import Limits
from wideload_runtime.core.files.ports import Action, Bucket, Records
from wideload_runtime.core.files.records import Upload
from wideload_runtime.core.files.requests import WantedPart
from wideload_runtime.core.times import epoch, iso


@dataclass(frozen=True, kw_only=True)
class Signing:
    """Presigned requests of one person's uploads."""

    records: Records
    bucket: Bucket
    limits: Limits
    now: Callable[[], float]

    def sign(self, upload_id: str, parts: Sequence[WantedPart]) -> list[dict[str, Any]]:
        """Return an action for each part.

        Raises:
            Refused: `unknown_upload`, `upload_gone`, `upload_completed`, `completing`, `conflict`
                or `invalid_request`.
        """
        upload = self._sendable(upload_id)
        lengths = [_length(upload, part) for part in parts]
        if not upload.is_multipart:
            if any(part.sha256 != upload.sha256 for part in parts):
                raise Refused(
                    "invalid_request", "The upload is one PUT, but sha256 is not the file's."
                )
            action = self.put(upload)
            return [{"number": part.number, "action": action} for part in parts]
        if upload.unsized:
            ends = [
                (part.number - 1) * upload.part_size + length
                for part, length in zip(parts, lengths, strict=True)
            ]
            upload = self._grown(upload, max(ends))
        upload = self._begun_in_s3(upload)
        seconds = self._url_seconds(upload)
        return [
            {"number": part.number, "action": self._put_part(upload, part, length, seconds)}
            for part, length in zip(parts, lengths, strict=True)
        ]

    def _grown(self, upload: Upload, size: int) -> Upload:
        """Return an unsized upload whose bytes are counted up to `size`."""
        for _ in range(ROUNDS):
            if size <= upload.size:
                return upload
            self.limits.check_size(size)
            if self.records.grow(upload, size, self.limits.quota):
                return replace(upload, size=size)
            counted, upload = upload.size, self._sendable(upload.upload_id)
            if upload.size == counted:
                self.limits.check_room(self.records.usage(), size - counted, "more bytes")
        raise conflict()

    def _sendable(self, upload_id: str) -> Upload:
        upload = known_upload(self.records, upload_id)
        if upload.is_over(iso(self.now())):
            raise upload_gone(upload)
        if upload.state == "completed":
            raise upload_completed()
        if upload.state == "completing":
            raise still_completing()
        return upload

    def _begun_in_s3(self, upload: Upload) -> Upload:
        """Return the upload with one multipart upload in S3, also if several requests begin it."""
        for _ in range(ROUNDS):
            if upload.s3_upload_id:
                return upload
            begun = self.bucket.begin_multipart(upload.key)
            self.records.begin_multipart(upload, begun)
            # Read it again: the answer may be of an attempt after a lost one.
            kept = self.records.upload(upload.upload_id)
            if kept is None or kept.s3_upload_id != begun:
                self.bucket.try_abort(upload.key, begun)
            upload = self._sendable(upload.upload_id)
        raise conflict()

    def put(self, upload: Upload) -> Action:
        seconds = self._url_seconds(upload)
        return self.bucket.sign_put(
            upload.key, size=upload.size, sha256=upload.sha256 or "", seconds=seconds
        )

    def _put_part(self, upload: Upload, part: WantedPart, size: int, seconds: int) -> Action:
        return self.bucket.sign_part(
            upload.key,
            upload.s3_upload_id or "",
            part.number,
            size=size,
            sha256=part.sha256,
            seconds=seconds,
        )

    def _url_seconds(self, upload: Upload) -> int:
        """Seconds for which a URL is valid, at most until its session ends."""
        left = int(epoch(upload.session_ends) - self.now())
        return max(1, min(self.limits.url_seconds, left))


def upload_completed() -> Refused:
    return Refused("upload_completed", "The upload is completed: delete its file, if you like.")


def _length(upload: Upload, part: WantedPart) -> int:
    """Return the bytes of a part.

    Raises:
        Refused: `invalid_request`: the upload takes no such part.
    """
    if upload.unsized:
        if part.size is None or not upload.takes(part.number, part.size):
            raise Refused(
                "invalid_request",
                f"Part {part.number}: size is missing or not from 1 to {upload.part_size}. The "
                "upload was begun without its size, so each part needs one.",
            )
        return part.size
    if part.number > upload.part_count:
        raise Refused(
            "invalid_request",
            f"Part {part.number} is wanted, but the upload has {upload.part_count}.",
        )
    length = upload.length_of(part.number)
    if part.size not in (None, length):
        raise Refused(
            "invalid_request",
            f"Part {part.number} has {length} bytes, but its size is given as {part.size}.",
        )
    return length
