"""The bucket of files: presigned requests, objects and multipart uploads."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from threading import Thread
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from wideload_runtime.adapters.clients import NO_ANSWER, is_passing
from wideload_runtime.adapters.s3_objects import NOT_CACHED, NOT_THERE, S3Object, is_missing
from wideload_runtime.adapters.telemetry import logger
from wideload_runtime.core.files.parts import base64_of
from wideload_runtime.core.files.ports import Action, Joining, Stored, StoredPart

REFUSED = {"InvalidPart", "InvalidPartOrder", "EntityTooSmall", "BadDigest"}
"""S3's errors when the parts have changed since they were listed."""
UNCLEAR = {"NoSuchUpload", "PreconditionFailed"}
"""S3's errors when the upload may have been completed before."""


def run_for(work: Callable[[], None], seconds: float) -> None:
    """Run work, but wait for it only for a time.

    S3 keeps the connection of a slow completion alive, so no timeout of the client's ends it.
    Nothing is lost when the wait ends: S3 continues, and the object shows the result.
    """
    thread = Thread(target=work, daemon=True)
    thread.start()
    thread.join(max(0, seconds))


class FilesBucket:
    """
    Args:
        client: An S3 client that signs with version 4.
        name: The bucket.
        run: Runs work for at most some seconds.
    """

    def __init__(
        self,
        client: Any,
        name: str,
        *,
        run: Callable[[Callable[[], None], float], None] = run_for,
    ) -> None:
        self._client = client
        self._name = name
        self._run = run

    # Presigned requests

    def sign_put(self, key: str, *, size: int, sha256: str, seconds: int) -> Action:
        return self._signed(
            "put_object",
            {
                "Key": key,
                "ContentLength": size,
                "ChecksumSHA256": base64_of(sha256),
                "IfNoneMatch": "*",
            },
            seconds,
            headers={
                "Content-Length": str(size),
                "x-amz-checksum-sha256": base64_of(sha256),
                "If-None-Match": "*",
            },
        )

    def sign_part(
        self, key: str, s3_upload_id: str, number: int, *, size: int, sha256: str, seconds: int
    ) -> Action:
        return self._signed(
            "upload_part",
            {
                "Key": key,
                "UploadId": s3_upload_id,
                "PartNumber": number,
                "ContentLength": size,
                "ChecksumSHA256": base64_of(sha256),
            },
            seconds,
            headers={"Content-Length": str(size), "x-amz-checksum-sha256": base64_of(sha256)},
        )

    def sign_get(self, key: str, *, content_type: str, disposition: str, seconds: int) -> Action:
        return self._signed(
            "get_object",
            {
                "Key": key,
                "ResponseContentType": content_type,
                "ResponseContentDisposition": disposition,
                "ResponseCacheControl": NOT_CACHED,
                # The PUT may have had any `Content-Encoding`, which is not signed. The header
                # can't be removed; this value doesn't change the bytes.
                "ResponseContentEncoding": "identity",
            },
            seconds,
            headers={},
            method="GET",
        )

    def _signed(
        self,
        operation: str,
        params: dict[str, Any],
        seconds: int,
        *,
        headers: dict[str, str],
        method: str = "PUT",
    ) -> Action:
        href = self._client.generate_presigned_url(
            operation, Params={"Bucket": self._name, **params}, ExpiresIn=seconds
        )
        return {"method": method, "href": href, "headers": headers, "expires_in": seconds}

    # Objects

    def stored(self, key: str) -> Stored | None:
        try:
            head = self._client.head_object(Bucket=self._name, Key=key, ChecksumMode="ENABLED")
        except ClientError as error:
            if is_missing(self._client, self._name, key, error):
                return None
            raise
        # Every object of ours has a checksum; without one, fail rather than remove anything.
        return Stored(head["ContentLength"], head["ChecksumSHA256"])

    def open(self, key: str) -> S3Object | None:
        """Open an object for reading once; None if it isn't there."""
        try:
            return S3Object(self._client, self._name, key)
        except ClientError as error:
            if is_missing(self._client, self._name, key, error):
                return None
            raise

    # Multipart uploads

    def begin_multipart(self, key: str) -> str:
        # With the algorithm declared, S3 refuses parts and completions without checksums.
        begun = self._client.create_multipart_upload(
            Bucket=self._name, Key=key, ChecksumAlgorithm="SHA256"
        )
        s3_upload_id: str = begun["UploadId"]
        return s3_upload_id

    def parts(self, key: str, s3_upload_id: str) -> list[StoredPart] | None:
        """List all parts: a thousand for each request, so at most ten requests."""
        found: list[StoredPart] = []
        wanted: dict[str, Any] = {"Bucket": self._name, "Key": key, "UploadId": s3_upload_id}
        while True:
            try:
                page = self._client.list_parts(**wanted)
            except ClientError as error:
                if error.response["Error"]["Code"] in NOT_THERE | {"NoSuchUpload"}:
                    return None
                raise
            found += [_part_of(part) for part in page.get("Parts", []) if "ChecksumSHA256" in part]
            if not page["IsTruncated"]:
                return found
            wanted["PartNumberMarker"] = page["NextPartNumberMarker"]

    def complete(
        self, key: str, s3_upload_id: str, parts: Sequence[StoredPart], *, seconds: float
    ) -> Joining:
        outcome: list[dict[str, Any] | Exception] = []

        def ask() -> None:
            try:
                outcome.append(self._complete(key, s3_upload_id, parts))
            except Exception as error:  # noqa: BLE001 - raised below, in the waiting thread
                outcome.append(error)

        self._run(ask, seconds)
        answered = outcome[0] if outcome else None
        if answered is None or isinstance(answered, NO_ANSWER):
            return "unclear"
        if isinstance(answered, ClientError):
            code = answered.response["Error"]["Code"]
            if code in UNCLEAR:
                return "unclear"
            if code == "ConditionalRequestConflict":
                return "conflict"
            if is_passing(answered):
                return "failed"
            if code in REFUSED:
                return "refused"
        if isinstance(answered, Exception):
            raise answered
        return "done"

    def _complete(self, key: str, s3_upload_id: str, parts: Sequence[StoredPart]) -> dict[str, Any]:
        answer: dict[str, Any] = self._client.complete_multipart_upload(
            Bucket=self._name,
            Key=key,
            UploadId=s3_upload_id,
            IfNoneMatch="*",
            MultipartUpload={
                "Parts": [
                    {
                        "PartNumber": part.number,
                        "ETag": part.etag,
                        "ChecksumSHA256": part.checksum,
                    }
                    for part in parts
                ]
            },
        )
        return answer

    # Remove

    def remove(self, key: str, s3_upload_id: str | None = None) -> None:
        # The multipart upload first, since completing it could make the object again.
        if s3_upload_id:
            self._abort(key, s3_upload_id)
        self._client.delete_object(Bucket=self._name, Key=key)

    def try_remove_all(self, keys: Sequence[str]) -> None:
        if not keys:
            return
        wanted = {"Objects": [{"Key": key} for key in keys], "Quiet": True}
        try:
            failed = self._client.delete_objects(Bucket=self._name, Delete=wanted).get("Errors", [])
        except (BotoCoreError, ClientError):
            logger.exception("could not remove objects yet", count=len(keys))
        else:
            for error in failed:
                key = error["Key"].rpartition("/")[2]
                logger.error("could not remove an object yet", id=key, code=error["Code"])

    def try_remove(self, key: str, s3_upload_id: str | None = None) -> bool:
        try:
            self.remove(key, s3_upload_id)
        except (BotoCoreError, ClientError):
            logger.exception("could not remove an object yet", id=key.rpartition("/")[2])
            return False
        return True

    def try_abort(self, key: str, s3_upload_id: str) -> None:
        try:
            self._abort(key, s3_upload_id)
        except (BotoCoreError, ClientError):
            logger.exception("could not abort a multipart upload", id=key.rpartition("/")[2])

    def _abort(self, key: str, s3_upload_id: str) -> None:
        try:
            self._client.abort_multipart_upload(Bucket=self._name, Key=key, UploadId=s3_upload_id)
        except ClientError as error:
            if error.response["Error"]["Code"] not in NOT_THERE | {"NoSuchUpload"}:
                raise


def _part_of(part: dict[str, Any]) -> StoredPart:
    return StoredPart(part["PartNumber"], part["Size"], part["ETag"], part["ChecksumSHA256"])
