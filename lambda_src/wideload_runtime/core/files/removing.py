"""Removal of files with their objects."""

from __future__ import annotations

from wideload_runtime.core.files.ports import Bucket, Records
from wideload_runtime.core.files.records import File
from wideload_runtime.core.times import iso

LEFTOVER_SECONDS = 24 * 3600
"""Seconds after which the sweep checks aborted, expired and deleted uploads again: longer than any
URL is valid (12 hours), since a PUT that began in time may store its object long after."""


def remove(file: File, records: Records, bucket: Bucket, now: float) -> bool:
    """Remove a file; False if it has changed meanwhile.

    The record is deleted first, so that no file is listed without content; a trash item makes the
    sweep check the object again. While the URL that stored it is valid, and could store it again,
    the file is still counted.
    """
    hold = file.urls_end is not None and file.urls_end > iso(now)
    due_at = file.urls_end if hold and file.urls_end else iso(now + LEFTOVER_SECONDS)
    if not records.delete(file, due_at=due_at, hold=hold):
        return False
    bucket.try_remove(file.key)
    return True
