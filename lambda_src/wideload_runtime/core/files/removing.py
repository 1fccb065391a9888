"""Removal of files and, with their last name, of their objects."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from wideload_runtime.core.files.ports import Bucket, Records
from wideload_runtime.core.files.records import File, Removal, StoredObject, Trash
from wideload_runtime.core.times import iso

MOST_AT_ONCE = 9
"""Files that one transaction removes. Each may be eleven items (its own, four of the index, the
object's, two by which that is found, the upload's, the trash, the scan's), and a transaction has at
most 100.
https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html"""
LEFTOVER_SECONDS = 24 * 3600
"""Seconds after which the sweep checks aborted, expired and deleted uploads again: longer than any
URL is valid (12 hours), since a PUT that began in time may store its object long after."""


def removal_of(file: File, stored: StoredObject, now: float) -> Removal:
    """Return the removal of a file, and of its object if that is its last name.

    While a URL could store the object again, its bytes are still counted.
    """
    hold = stored.urls_end is not None and stored.urls_end > iso(now)
    due_at = stored.urls_end if hold and stored.urls_end else iso(now + LEFTOVER_SECONDS)
    trash = Trash(stored.object_id, stored.key, due_at, stored.size if hold else None)
    return Removal(file, stored, trash)


def remove(file: File, records: Records, bucket: Bucket, now: float) -> bool:
    """Remove a file; False if it has changed meanwhile.

    The record is deleted first, so that no file is listed without content; a trash item makes the
    sweep check the object again.
    """
    stored = records.stored([file.object_id]).get(file.object_id)
    if stored is None:
        return False
    removal = removal_of(file, stored, now)
    if not records.delete(removal):
        return False
    clear(removal, bucket)
    return True


def remove_all(files: Iterable[File], records: Records, bucket: Bucket, now: float) -> set[str]:
    """Remove files, several at once; return the ids of those that had not changed meanwhile."""
    removed: set[str] = set()
    for batch in _of_different_objects(files):
        stored = records.stored([file.object_id for file in batch])
        there = [file for file in batch if file.object_id in stored]
        removals = [removal_of(file, stored[file.object_id], now) for file in there]
        if removals and records.delete(*removals):
            bucket.try_remove_all([each.stored.key for each in removals if each.is_last])
            removed |= {file.file_id for file in there}
        else:
            removed |= {file.file_id for file in there if remove(file, records, bucket, now)}
    return removed


def _of_different_objects(files: Iterable[File]) -> Iterator[list[File]]:
    """Yield all files in batches, since a transaction changes an item only once."""
    waiting = list(files)
    while waiting:
        batch: dict[str, File] = {}
        for file in waiting:
            if len(batch) < MOST_AT_ONCE:
                batch.setdefault(file.object_id, file)
        yield list(batch.values())
        waiting = [file for file in waiting if batch.get(file.object_id) != file]


def clear(removal: Removal | None, bucket: Bucket) -> None:
    """Remove the object of a removal that is recorded, if it was of the last name."""
    if removal and removal.is_last:
        bucket.try_remove(removal.stored.key)
