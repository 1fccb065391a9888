"""Read a payload's document from S3, through broken connections and expired URLs."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterator
from typing import IO

from wideload._ingest.models import CallLog
from wideload._presigned import PresignedAnswer, PresignedCall
from wideload._retry import AttemptFailed, Attempts
from wideload._steps import Work, settled
from wideload.errors import IntegrityError

_COPY_BLOCK = 256 * 1024
_GZIP_WBITS = 31


class StoredDocument:
    """The bytes of an object in S3, read once from the beginning.

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

    async def read(self, amount: int) -> bytes:
        """Up to `amount` bytes, b"" at the end.

        Raises:
            TransportError: No answer until the last attempt.
            UploadError: S3 refused.
        """
        return await self._attempts.run_async(lambda: self._read(amount))

    async def close(self) -> None:
        """Close the connection."""
        if self._answer is not None:
            await self._answer.close_async()
            self._answer = None

    async def _read(self, amount: int) -> bytes:
        if self._answer is None:
            headers = {"Range": f"bytes={self._at}-"} if self._at else {}
            self._answer = await self._call.get_async(headers, status=206 if self._at else 200)
        try:
            block = await self._answer.read_async(amount)
        except AttemptFailed:
            await self.close()
            raise
        self._at += len(block)
        return block


async def copy_document(log: CallLog, source: StoredDocument, file: IO[bytes], work: Work) -> None:
    """Write the document that `source` gives to `file`, uncompressed, and check it.

    Args:
        work: Decompresses, hashes and writes.

    Raises:
        IntegrityError: Its size or SHA-256 isn't the recorded one.
        TransportError, UploadError: As `StoredDocument.read`.
    """
    copy = _Copy(log, file)
    while block := await source.read(_COPY_BLOCK):
        if not await settled(work(copy.write, block)):
            break
    copy.check()


class _Copy:
    """The copy of a document in a file, which grows by the blocks that come from S3."""

    def __init__(self, log: CallLog, file: IO[bytes]) -> None:
        self._log = log
        self._file = file
        self._sha256 = hashlib.sha256()
        self._size = 0
        self._member: zlib._Decompress | None = None  # of the gzip, that is read now

    def write(self, block: bytes) -> bool:
        """Add a block; False if it isn't the document, and must not fill the disk.

        Raises:
            IntegrityError: It isn't gzip, though it should be.
        """
        blocks = self._decompress(block) if self._log.document_encoding == "gzip" else [block]
        try:
            for text in blocks:
                self._sha256.update(text)
                self._size += len(text)
                self._file.write(text)
                if self._size > (self._log.size or 0):
                    self._member = None
                    return False
        except zlib.error as error:
            raise self._no_gzip(error) from None
        return True

    def check(self) -> None:
        """Compare size and SHA-256 with the record.

        Raises:
            IntegrityError: They differ, or the gzip isn't complete.
        """
        if self._member is not None:
            raise self._no_gzip("it ends early")
        check_document(self._log, self._size, self._sha256.hexdigest())

    def _decompress(self, data: bytes) -> Iterator[bytes]:
        """Decompress a series of gzip members, in blocks of bounded size."""
        while data:
            if self._member is None:
                data = data.lstrip(b"\0")  # padding between members, which the format allows
                if not data:
                    return
                self._member = zlib.decompressobj(_GZIP_WBITS)
            member = self._member
            yield member.decompress(data, _COPY_BLOCK)
            data = member.unconsumed_tail
            if member.eof:
                data, self._member = member.unused_data, None

    def _no_gzip(self, reason: object) -> IntegrityError:
        error = IntegrityError(f"the document of {self._log.payload_id} is no whole gzip: {reason}")
        error.payload_id = self._log.payload_id
        return error


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
