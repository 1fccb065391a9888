"""Check a document as a stream, and archive it."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

from wideload_runtime.core.errors import OutOfTimeError, Refused
from wideload_runtime.core.ingest.gunzip import decoded
from wideload_runtime.core.ingest.json_scan import JsonScanner
from wideload_runtime.core.ingest.seekable_gzip import SeekableGzip
from wideload_runtime.core.ingest.summary import Scalars

IN_ITEM_GZIP = 8 * 1024
"""Bytes of gzip up to which a document stays in its item: a DynamoDB write unit (1 KB) costs an
eighth of an S3 PUT (https://aws.amazon.com/dynamodb/pricing/on-demand/, /s3/pricing/)."""
IN_ITEM_JSON = 256 * 1024
"""Bytes of JSON up to which a document stays in its item, so that it can be answered inline."""


FREE_CPU_SECONDS = 20
CPU_SECONDS_PER_BYTE = 1e-6
MAX_CPU_SECONDS = 600
"""CPU time that a document may take: a constant, and a time for each byte of JSON, three times the
worst that was measured (bench/slow_documents.py); at most two thirds of a worker's 15 minutes, so
that no document uses up a whole invocation, five times over."""


class Archive(Protocol):
    """A new object, which exists only once it is committed, as a whole."""

    def write(self, data: bytes) -> None: ...
    def commit(self) -> None: ...
    def abort(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Document:
    """Sizes, hash and summary of a document that was read to its end."""

    size: int
    """Bytes of JSON."""
    sha256: str
    """Hex SHA-256 of the JSON."""
    records: int
    summary: Scalars
    summary_complete: bool
    array_lengths: dict[str, int]
    gzip_size: int
    in_item: bytes | None
    """The document as gzip, when it is small enough for its item; else it is archived."""
    prefix_size: int
    """Bytes of gzip before the first record."""
    member_index: bytes


def keep(
    chunks: Iterable[bytes],
    *,
    open_archive: Callable[[], Archive],
    records_field: str,
    max_size: int,
    has_time: Callable[[], bool],
    cpu_seconds: Callable[[], float] = time.thread_time,
) -> Document:
    """Read a document to its end, check it, and archive it unless it fits into its item.

    Args:
        chunks: The sent bytes: JSON or its gzip.
        open_archive: Opens the object for the document.
        records_field: Name of the top-level array whose elements are the records.
        max_size: Bytes of JSON that the document may have.
        has_time: Called for each chunk, and for each MiB that it unpacks to.
        cpu_seconds: A clock of the CPU time of this thread.

    Raises:
        Refused: The document isn't one JSON object, or is too large, or takes too much CPU time
            for its size.
        OutOfTimeError: `has_time` returned False. In both cases nothing is stored.
    """
    sink = _Sink(open_archive)
    sha256 = hashlib.sha256()
    size = 0
    compressed = SeekableGzip(sink.write)
    # Called before and after unpacking: a gzip may unpack to nothing for long, or to much at once.
    timed = _in_time(decoded(_in_time(chunks, has_time), max_size=max_size), has_time)
    started = cpu_seconds()
    scanner = JsonScanner(timed, records_field=records_field)
    try:
        for run in scanner.runs():
            sha256.update(run.data)
            size += len(run.data)
            compressed.add(run)
            allowed = min(FREE_CPU_SECONDS + size * CPU_SECONDS_PER_BYTE, MAX_CPU_SECONDS)
            if cpu_seconds() - started > allowed:
                raise Refused(
                    "document_too_slow",
                    f"The first {size} bytes of JSON took more than {allowed:.0f} s of CPU time: "
                    "split the document, or nest it less.",
                )
        compressed.close()
        in_item = sink.finish(archive=size > IN_ITEM_JSON)
    except BaseException:
        sink.abort()
        raise
    return Document(
        size=size,
        sha256=sha256.hexdigest(),
        records=scanner.records,
        summary=scanner.summary.scalars,
        summary_complete=scanner.summary.complete,
        array_lengths=scanner.summary.array_lengths,
        gzip_size=compressed.size,
        in_item=in_item,
        prefix_size=compressed.prefix_size,
        member_index=compressed.index,
    )


def _in_time(chunks: Iterable[bytes], has_time: Callable[[], bool]) -> Iterator[bytes]:
    for chunk in chunks:
        if not has_time():
            raise OutOfTimeError
        yield chunk


class _Sink:
    """Buffer the first bytes until there are more than an item may hold."""

    def __init__(self, open_archive: Callable[[], Archive]) -> None:
        self._open_archive = open_archive
        self._held = bytearray()
        self._archive: Archive | None = None

    def write(self, data: bytes) -> None:
        if self._archive is not None:
            self._archive.write(data)
            return
        self._held += data
        if len(self._held) > IN_ITEM_GZIP:
            self._open()

    def finish(self, *, archive: bool) -> bytes | None:
        """Commit, or return the gzip if it goes into the item."""
        if self._archive is None and not archive:
            return bytes(self._held)
        (self._archive or self._open()).commit()
        return None

    def abort(self) -> None:
        if self._archive is not None:
            self._archive.abort()

    def _open(self) -> Archive:
        self._archive = self._open_archive()
        self._archive.write(bytes(self._held))
        self._held.clear()
        return self._archive
