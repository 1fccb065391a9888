"""Write a document as seekable gzip: a series of members that each hold whole records.

For other programs it is an ordinary `.json.gz`. With the sizes of its members, any page of
records is one range request: the member's bytes, gunzipped, are `record,record,…`.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from typing import NamedTuple

from isal import isal_zlib

from wideload_runtime.core.ingest.json_window import Run

LEVEL = 1
"""ISA-L's level: on a call log, level 3 took twice the time for 1.4 % fewer bytes
(docs/adr/0005-seekable-gzip.md)."""
MEMBER = 256 * 1024
"""Bytes of JSON in a member, at least."""
MAX_MEMBER = 4 * 1024 * 1024
"""Bytes of JSON up to which members grow: one is a page of records, and an answer has 6 MB."""
MEMBERS_BEFORE_GROWTH = 2048
"""Members grow with the document beyond `MEMBER` times this (512 MiB), so that the index of
the largest document (16 GiB: some 10,000 members) still fits into an item of 400 KB."""

_ENTRY = struct.Struct("<QI")


class Member(NamedTuple):
    """A member that holds records."""

    offset: int
    """Where it starts in the archived object, in bytes."""
    size: int
    """Bytes of gzip."""
    first_record: int
    records: int


class SeekableGzip:
    """Compress the runs of one document.

    Args:
        write: Takes the compressed bytes, in order.

    Attributes:
        size: Compressed bytes so far.
        prefix_size: Compressed bytes before the first record.
    """

    def __init__(self, write: Callable[[bytes], None]) -> None:
        self.size = 0
        self.prefix_size = 0
        self._write = write
        self._document_size = 0
        self._index = bytearray()
        self._inside = False
        self._open_member()

    @property
    def index(self) -> bytes:
        """Size and number of records of each member of records, packed (see `members`)."""
        return bytes(self._index)

    def add(self, run: Run) -> None:
        full = self._member_size >= member_size(self._document_size)
        # A record in pieces, since it is larger than a window, gets a member of its own.
        alone = run.records == 0
        if run.cut and (full or alone or run.inside != self._inside):
            self._close_member()
            self._inside = run.inside
            self._open_member()
        self._member_size += len(run.data)
        self._document_size += len(run.data)
        self._records += run.records
        self._put(self._deflate.compress(run.data))

    def close(self) -> None:
        self._close_member()

    def _open_member(self) -> None:
        self._deflate = isal_zlib.compressobj(LEVEL, isal_zlib.DEFLATED, 31)
        self._member_start = self.size
        self._member_size = 0
        self._records = 0

    def _close_member(self) -> None:
        self._put(self._deflate.flush())
        if self._inside:
            self._index += _ENTRY.pack(self.size - self._member_start, self._records)
        else:
            self.prefix_size = self.prefix_size or self.size

    def _put(self, data: bytes) -> None:
        if data:
            self.size += len(data)
            self._write(data)


def member_size(document_size: int) -> int:
    """Bytes of JSON after which a member is full, so far into a document."""
    return min(max(MEMBER, document_size // MEMBERS_BEFORE_GROWTH), MAX_MEMBER)


def members(index: bytes, prefix_size: int) -> Iterator[Member]:
    """Read the index that `SeekableGzip` wrote."""
    offset = prefix_size
    record = 0
    for size, records in _ENTRY.iter_unpack(index):
        yield Member(offset, size, record, records)
        offset += size
        record += records
