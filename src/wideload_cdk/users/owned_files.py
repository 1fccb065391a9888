"""Usage and deletion of one person's files.

The items are those that `wideload_runtime.adapters.files_items` writes; a test compares them.
"""

from __future__ import annotations

import collections
import dataclasses
import datetime as dt
import hashlib
import zlib
from collections.abc import Callable, Iterator
from typing import Any

from wideload_cdk.operate.objects import Objects, delete_objects
from wideload_cdk.operate.paging import all_items
from wideload_cdk.shared.limits import URL_MINUTES

# Longer than an access token works after its user was disabled, which is an hour.
BLOCKED = dt.timedelta(days=1)
# When no upload URL can store an object again, so that the sweep can delete it.
URLS_END = dt.timedelta(hours=1, minutes=URL_MINUTES.most)
DUE_SHARDS = 4
# More than any quota of open uploads.
FULL = 10**12


@dataclasses.dataclass(frozen=True, kw_only=True)
class Usage:
    """Bytes, files and open uploads that count towards a person's quotas."""

    bytes: int
    files: int
    open_uploads: int


@dataclasses.dataclass(frozen=True, kw_only=True)
class FilesReport:
    """The numbers of a person's files, uploads and objects that were found, or deleted."""

    files: int
    uploads: int
    """Upload sessions: open ones, and those that ended within a week."""
    objects: int
    bytes: int
    multipart_uploads: int
    """Multipart uploads that were neither completed nor aborted."""
    swept_until: str | None
    """When the sweep has deleted the last object that an upload URL could store again; None: no
    such URL was given out."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class OwnedFiles:
    """Counts or deletes one person's files, uploads and objects.

    Args:
        table: The files table, a boto3 `Table`.
        s3: boto3's `s3` client.
        bucket: Name of the bucket of files.
        owner: User id: the claim `sub` of the person's tokens.
        now: Clock.
        tell: Called with a sentence after each step.
    """

    table: Any
    s3: Any
    bucket: str
    owner: str
    now: Callable[[], dt.datetime] = lambda: dt.datetime.now(dt.UTC)
    tell: Callable[[str], object] = lambda _: None

    def is_known(self) -> bool:
        """Whether the person has, or recently had, files or uploads. Needs `dynamodb:GetItem`."""
        return self._usage_item() is not None

    def usage(self) -> Usage:
        """Read what counts towards the quotas; zeros after a deletion. Needs `dynamodb:GetItem`."""
        item = self._usage_item() or {}
        if item.get("open_uploads", 0) >= FULL:
            item = {}
        return Usage(
            **{each.name: int(item.get(each.name, 0)) for each in dataclasses.fields(Usage)}
        )

    def delete(self, *, dry_run: bool = False) -> FilesReport:
        """Delete every record and object; safe to repeat, also after an interrupted run.

        The person's access token may work for another hour. To keep it from starting uploads, the
        usage record stays for a day, at a value above every quota. Objects that an upload URL
        could store again keep a record, by which the sweep deletes them when the URL has expired.
        """
        done = "found" if dry_run else "deleted"
        if not dry_run:
            self._block()
        counted: collections.Counter[str] = collections.Counter()
        swept: list[str] = []
        with self.table.batch_writer(overwrite_by_pkeys=["owner", "item"]) as batch:
            for item in self._items(self.owner):
                kind = item["item"].partition("#")[0]
                counted[kind] += 1
                trash = self._trash_of(item, kind)
                swept += [trash["due_at"]] if trash else []
                if dry_run or kind == "USAGE":
                    continue
                # The sweep's record first, so that at any time a record names each object.
                if trash:
                    batch.put_item(Item=trash)
                if kind != "TRASH":
                    batch.delete_item(Key=self._key(item["item"]))
            for scan in [] if dry_run else self._items(_scans_of(self.owner)):
                batch.delete_item(Key={"owner": scan["owner"], "item": scan["item"]})
        self.tell(f"{counted['FILE']:,} files and {counted['UPLOAD']:,} uploads {done}")
        objects = delete_objects(self.s3, self.bucket, _prefix_of(self.owner), dry_run=dry_run)
        self.tell(f"{objects.versions:,} objects {done}, {objects.bytes:,} bytes")
        return _report(counted, objects, swept)

    def _usage_item(self) -> dict[str, Any] | None:
        answer = self.table.get_item(Key=self._key("USAGE"), ConsistentRead=True)
        item: dict[str, Any] | None = answer.get("Item")
        return item

    def _block(self) -> None:
        ends = int((self.now() + BLOCKED).timestamp())
        item = {**self._key("USAGE"), "open_uploads": FULL, "expires_at": ends}
        self.table.put_item(Item=item)

    def _items(self, owner: str) -> Iterator[dict[str, Any]]:
        arguments: dict[str, Any] = {
            "KeyConditionExpression": "#owner = :owner",
            "ExpressionAttributeNames": {"#owner": "owner"},
            "ExpressionAttributeValues": {":owner": owner},
            "ConsistentRead": True,
        }
        yield from all_items(self.table.query, **arguments)

    def _trash_of(self, item: dict[str, Any], kind: str) -> dict[str, Any] | None:
        """The record by which the sweep deletes an object that an upload URL may store again."""
        if kind == "TRASH":
            due_at = item["due_at"]
        # Earlier versions wrote a file and its object as one item.
        elif kind in ("OBJECT", "FILE") and item.get("urls_end", "") > iso(self.now()):
            due_at = item["urls_end"]
        elif kind == "UPLOAD" and "due_at" in item:
            due_at = iso(self.now() + URLS_END)
        else:
            return None
        name = item["item"].partition("#")[2]
        return {
            **self._key(f"TRASH#{name}"),
            "key": item["key"],
            "due_at": due_at,
            "due_shard": f"due#{zlib.crc32(name.encode()) % DUE_SHARDS}",
        }

    def _key(self, item: str) -> dict[str, str]:
        return {"owner": self.owner, "item": item}


def _scans_of(owner: str) -> str:
    """Partition of the records of scans of a person's objects."""
    return "SCAN#" + _prefix_of(owner).split("/")[1]


def _prefix_of(owner: str) -> str:
    """Prefix of the keys of a person's objects."""
    return f"files/{hashlib.sha256(owner.encode()).hexdigest()[:32]}/"


def _report(counted: collections.Counter[str], objects: Objects, swept: list[str]) -> FilesReport:
    return FilesReport(
        files=counted["FILE"],
        uploads=counted["UPLOAD"],
        objects=objects.versions,
        bytes=objects.bytes,
        multipart_uploads=objects.uploads,
        swept_until=max(swept, default=None),
    )


def iso(time: dt.datetime) -> str:
    """A time as the runtime writes it: in UTC and of fixed width, so that strings sort as times."""
    return time.astimezone(dt.UTC).isoformat(timespec="milliseconds")[:-6] + "Z"
