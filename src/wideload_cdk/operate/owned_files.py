"""What one person has in file transfer: count and delete it.

It knows the table as `wideload_runtime.adapters.files_items` writes it; a test holds the two
together.
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
from wideload_cdk.shared.bucket import MAX_URL_AGE

# For which an access token works after its person was disabled, and some more.
BLOCKED = dt.timedelta(days=1)
# The sweep looks at an object again when no URL can make it anew.
URLS_END = dt.timedelta(hours=MAX_URL_AGE.to_hours() + 1)
DUE_SHARDS = 4
# More uploads than any quota lets be open.
FULL = 10**12


@dataclasses.dataclass(frozen=True, kw_only=True)
class Usage:
    """What a person takes, as the quotas count it."""

    bytes: int
    files: int
    open_uploads: int


@dataclasses.dataclass(frozen=True, kw_only=True)
class FilesReport:
    """What there is of a person's, or was before it was deleted."""

    files: int
    uploads: int
    """Sessions: open ones, and those that ended within a week."""
    objects: int
    bytes: int
    multipart_uploads: int
    """That were neither completed nor aborted."""
    swept_until: str | None
    """When the sweep removes the last of what a URL could store again; None: nothing could."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class OwnedFiles:
    """
    Args:
        table: The files table, a boto3 `Table`.
        s3: boto3's `s3` client.
        bucket: Name of the bucket of files.
        owner: Whose: the claim `sub` of their tokens.
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
        """Whether they have, or lately had, anything. Needs `dynamodb:GetItem`."""
        return self._usage_item() is not None

    def usage(self) -> Usage:
        """What the quotas count; nothing once it was deleted. Needs `dynamodb:GetItem`."""
        item = self._usage_item() or {}
        if item.get("open_uploads", 0) >= FULL:
            item = {}
        return Usage(
            **{each.name: int(item.get(each.name, 0)) for each in dataclasses.fields(Usage)}
        )

    def delete(self, *, dry_run: bool = False) -> FilesReport:
        """Delete every record and object; safe to repeat, also after a run that was cut off.

        A token that the person has may work for an hour more: so that it begins nothing new, the
        record of their usage is left at its limit for a day. Objects that a URL could still store
        again are left to the sweep, which removes them, and forgets them, once none can.
        """
        done = "found" if dry_run else "deleted"
        if not dry_run:
            self._block()
        counted: collections.Counter[str] = collections.Counter()
        swept: list[str] = []
        with self.table.batch_writer(overwrite_by_pkeys=["owner", "item"]) as batch:
            for item in self._items():
                kind = item["item"].partition("#")[0]
                counted[kind] += 1
                trash = self._trash_of(item, kind)
                swept += [trash["due_at"]] if trash else []
                if dry_run or kind == "USAGE":
                    continue
                # What is to be swept first: at any time, a record names each object.
                if trash:
                    batch.put_item(Item=trash)
                if kind != "TRASH":
                    batch.delete_item(Key=self._key(item["item"]))
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

    def _items(self) -> Iterator[dict[str, Any]]:
        arguments: dict[str, Any] = {
            "KeyConditionExpression": "#owner = :owner",
            "ExpressionAttributeNames": {"#owner": "owner"},
            "ExpressionAttributeValues": {":owner": self.owner},
            "ConsistentRead": True,
        }
        yield from all_items(self.table.query, **arguments)

    def _trash_of(self, item: dict[str, Any], kind: str) -> dict[str, Any] | None:
        """The record by which the sweep removes an object that a URL may make anew."""
        if kind == "TRASH":
            due_at = item["due_at"]
        elif kind == "FILE" and item.get("urls_end", "") > iso(self.now()):
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


def _prefix_of(owner: str) -> str:
    """What the keys of a person's objects begin with."""
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
    """As the runtime writes times: of a fixed width, so that texts sort as times do."""
    return time.astimezone(dt.UTC).isoformat(timespec="milliseconds")[:-6] + "Z"
