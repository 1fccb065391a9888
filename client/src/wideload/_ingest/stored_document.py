"""Read a payload's document from S3, through broken connections and expired URLs."""

from __future__ import annotations

import gzip
import hashlib
import zlib
from typing import IO, cast

from wideload._ingest.models import CallLog
from wideload._presigned import PresignedAnswer, PresignedCall
from wideload._retry import AttemptFailed, Attempts
from wideload.errors import IntegrityError

_COPY_BLOCK = 256 * 1024


class StoredDocument:
    """The bytes of an object in S3 as a file object, read once from the beginning.

    After a broken connection, reading continues at the byte where it broke.

    Args:
        call: GETs the object.
        attempts: The retries of the call.
    """

    def __init__(self, call: PresignedCall, attempts: Attempts) -> None:
        self._call = call
        self._attempts = attempts
        self._answer: PresignedAnswer | None = None
        self._at = 0

    def read(self, amount: int) -> bytes:
        """Up to `amount` bytes, b"" at the end.

        Raises:
            TransportError: No answer until the last attempt.
            UploadError: S3 refused.
        """
        return self._attempts.run(lambda: self._read(amount))

    def close(self) -> None:
        """Close the connection."""
        if self._answer is not None:
            self._answer.close()
            self._answer = None

    def _read(self, amount: int) -> bytes:
        if self._answer is None:
            headers = {"Range": f"bytes={self._at}-"} if self._at else {}
            self._answer = self._call.get(headers, status=206 if self._at else 200)
        try:
            block = self._answer.read(amount)
        except AttemptFailed:
            self.close()
            raise
        self._at += len(block)
        return block


def copy_document(log: CallLog, source: StoredDocument, file: IO[bytes]) -> None:
    """Write the document that `source` gives to `file`, uncompressed, and check it.

    Raises:
        IntegrityError: Its size or SHA-256 isn't the recorded one.
        TransportError, UploadError: As `StoredDocument.read`.
    """
    sha256 = hashlib.sha256()
    size = 0
    compressed = log.document_encoding == "gzip"
    stream = gzip.GzipFile(fileobj=cast(IO[bytes], source)) if compressed else source
    while True:
        try:
            block = stream.read(_COPY_BLOCK)
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            damaged = IntegrityError(f"the document of {log.payload_id} is no whole gzip: {error}")
            damaged.payload_id = log.payload_id
            raise damaged from None
        if not block:
            break
        sha256.update(block)
        size += len(block)
        file.write(block)
        if size > (log.size or 0):
            break  # it isn't the document, and must not fill the disk
    check_document(log, size, sha256.hexdigest())


def check_document(log: CallLog, size: int, sha256: str) -> None:
    """Compare size and SHA-256 of a document with the record.

    Raises:
        IntegrityError: They differ.
    """
    if (size, sha256) != (log.size, log.sha256):
        differs = IntegrityError(
            f"the document of {log.payload_id} has {size} bytes with SHA-256 {sha256}, "
            f"recorded are {log.size} bytes with SHA-256 {log.sha256}"
        )
        differs.payload_id = log.payload_id
        raise differs
