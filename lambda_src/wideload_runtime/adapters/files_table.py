"""The table of files and uploads in DynamoDB.

Partition key `owner`, sort key `item`:

    FILE#<file id>              a file
    CONTENT#<sha256>#<size>     `file_id`, or `upload_id` while one is open: it is written on the
                                condition that it isn't there, so two uploads of the same content
                                are one
    FIRST#<sha256>#<size>#<file id>
                                a file with this first part and size
    FIRST#<sha256>#<size>#open  `upload_id` of the open upload that was begun with this first part,
                                on the same condition
    UPLOAD#<upload id>          an upload
    TRASH#<id>                  an object without an owner
    USAGE                       `bytes`, `files`, `open_uploads`: changed in the same transaction
                                as what they count; they include `held` of an UPLOAD
                                or a TRASH, and what is signed of an upload of unknown size

The index `by_due` holds the items that the sweep must handle, by `due_shard` and `due_at`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields
from typing import Any

from wideload_runtime.adapters.files_items import (
    DUE_SHARDS,
    FILE,
    KINDS,
    TRASH,
    UPLOAD,
    USAGE,
    announced_item,
    content_item,
    file_item,
    file_of,
    first_part_item,
    first_part_prefix,
    record_of,
    trash_item,
    trash_of,
    upload_item,
    upload_of,
)
from wideload_runtime.adapters.files_owner_items import OwnerItems, Write, expression_of
from wideload_runtime.core.files.ports import Ask, Due
from wideload_runtime.core.files.records import (
    Announced,
    Content,
    End,
    File,
    FirstPart,
    Quota,
    Trash,
    Upload,
    Usage,
)
from wideload_runtime.core.turns import in_turns

_ASKED = "#completing_since, #ask_id, #ask_ends, #conflict_since"
"""Attributes of the request to S3 to join the parts."""
_JOINED = "#composite, #joined_sha256, #joined_size, #joined_first_sha256"
"""Attributes of the object that S3 was asked to make."""
_COMPLETED = (
    "#state = :completed, #sha256 = :sha256, #size = :size, #part_count = :part_count, "
    "#expires_at = :expires_at"
)


class FilesTable:
    """
    Args:
        table: A boto3 `Table`.
        now: Epoch seconds.
    """

    def __init__(
        self,
        table: Any,
        *,
        sleep: Callable[[float], None] = time.sleep,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._table = table
        self._sleep = sleep
        self._now = now

    def of(self, owner: str) -> OwnRecords:
        return OwnRecords(self._table, owner, sleep=self._sleep, now=self._now)

    def due(self, now: str) -> Iterator[Due]:
        return in_turns(self._due_in(shard, now) for shard in range(DUE_SHARDS))

    def _due_in(self, shard: int, now: str) -> Iterator[Due]:
        wanted: dict[str, Any] = {
            "IndexName": "by_due",
            **expression_of(
                KeyConditionExpression="#due_shard = :shard AND #due_at <= :now",
                values={":shard": f"due#{shard}", ":now": now},
            ),
        }
        while True:
            page = self._table.query(**wanted)
            for item in page["Items"]:
                prefix, _, name = item["item"].partition("#")
                yield Due(item["owner"], KINDS[prefix + "#"], name, item["due_at"])
            if "LastEvaluatedKey" not in page:
                return
            wanted["ExclusiveStartKey"] = page["LastEvaluatedKey"]


class OwnRecords(OwnerItems):
    """One person's records: no method takes an owner."""

    # Read

    def find(self, announced: Sequence[Announced]) -> dict[Announced, File | Upload]:
        wanted: dict[str, Announced] = {
            content_item(one): one for one in announced if isinstance(one, Content)
        }
        named = {wanted[item["item"]]: _record_named(item) for item in self._items(wanted)}
        for part in {one for one in announced if isinstance(one, FirstPart)}:
            # The open upload sorts after the files, any of which comes before it.
            if newest := self._newest(first_part_prefix(part), None, 2):
                named[part] = _record_named(newest[-1])
        records = {item["item"]: record_of(item) for item in self._items(set(named.values()))}
        return {one: records[name] for one, name in named.items() if name in records}

    def file_with(self, content: Content) -> File | None:
        item = self._item(content_item(content)) or {}
        return self.file(item["file_id"]) if "file_id" in item else None

    def file(self, file_id: str) -> File | None:
        item = self._item(FILE + file_id)
        return file_of(item) if item else None

    def upload(self, upload_id: str) -> Upload | None:
        item = self._item(UPLOAD + upload_id)
        return upload_of(item) if item else None

    def trash(self, identifier: str) -> Trash | None:
        item = self._item(TRASH + identifier)
        return trash_of(item) if item else None

    def usage(self) -> Usage:
        item = self._item(USAGE) or {}
        return Usage(*(int(item.get(field.name, 0)) for field in fields(Usage)))

    def files(self, *, before: str | None, limit: int) -> list[File]:
        return [file_of(item) for item in self._newest(FILE, before, limit)]

    def uploads(self, *, before: str | None, limit: int) -> list[Upload]:
        return [upload_of(item) for item in self._newest(UPLOAD, before, limit)]

    # Uploads

    def open(self, upload: Upload, quota: Quota) -> bool:
        most = {
            "bytes": None if quota.bytes is None else quota.bytes - upload.size,
            "files": None if quota.files is None else quota.files - 1,
            "open_uploads": quota.open_uploads - 1,
        }
        limits = {name: limit for name, limit in most.items() if limit is not None}
        if min(limits.values()) < 0:
            return False
        claim = announced_item(upload.announced)
        named = {"item": claim, "upload_id": upload.upload_id}
        return self._transact(
            *([self._put(named, "attribute_not_exists(#item)")] if claim else []),
            self._put(upload_item(upload), "attribute_not_exists(#item)"),
            self._count(
                {"bytes": upload.size, "files": 1, "open_uploads": 1},
                " AND ".join(
                    f"(attribute_not_exists(#{name}) OR #{name} <= :most_{name})" for name in limits
                ),
                {f":most_{name}": limit for name, limit in limits.items()},
            ),
        )

    def grow(self, upload: Upload, size: int, quota: Quota) -> bool:
        more = size - upload.size
        most = None if quota.bytes is None else quota.bytes - more
        if most is not None and most < 0:
            return False
        room = ("#bytes <= :most", {":most": most}) if most is not None else ()
        return self._transact(
            self._change(
                UPLOAD + upload.upload_id,
                "SET #size = :size",
                "#state = :open AND #size = :was",
                {":size": size, ":open": "open", ":was": upload.size},
            ),
            self._count({"bytes": more}, *room),
        )

    def begin_multipart(self, upload: Upload, s3_upload_id: str) -> None:
        self._update(
            UPLOAD + upload.upload_id,
            "SET #s3_upload_id = :new",
            "#state = :open AND #key = :key AND attribute_not_exists(#s3_upload_id)",
            {":new": s3_upload_id, ":open": "open", ":key": upload.key},
        )

    def begin_ask(self, upload: Upload, ask: Ask, *, since: str, due_at: str) -> Upload | None:
        same, values = _unchanged(upload, "s3_upload_id", "ask_id")
        item = self._update(
            UPLOAD + upload.upload_id,
            "SET #state = :completing, #completing_since = :since, #due_at = :due_at, "
            "#ask_id = :ask_id, #ask_ends = :ask_ends, #composite = :composite, "
            "#joined_sha256 = :sha256, #joined_size = :size, "
            "#joined_first_sha256 = :first_sha256",
            # Or its own id: boto3 repeats a request whose answer was lost.
            f"(#state = :was_state AND {same}) OR (#state = :completing AND #ask_id = :ask_id)",
            {
                ":completing": "completing",
                ":composite": ask.composite,
                ":sha256": ask.content.sha256,
                ":size": ask.content.size,
                ":first_sha256": ask.first_sha256,
                ":since": since,
                ":due_at": due_at,
                ":ask_id": ask.id,
                ":ask_ends": ask.ends,
                ":was_state": upload.state,
                **values,
            },
        )
        return upload_of(item) if item else None

    def end_ask(self, upload: Upload, *, ends: str, conflict_since: str | None) -> Upload | None:
        item = self._update(
            UPLOAD + upload.upload_id,
            "SET #ask_ends = :ends" + (", #conflict_since = :conflict" if conflict_since else ""),
            "#state = :completing AND #ask_id = :ask_id",
            {
                ":completing": "completing",
                ":ask_id": upload.ask_id,
                ":ends": ends,
                **({":conflict": conflict_since} if conflict_since else {}),
            },
        )
        return upload_of(item) if item else None

    def reopen(self, upload: Upload) -> bool:
        same, values = _unchanged(upload)
        item = self._update(
            UPLOAD + upload.upload_id,
            f"SET #state = :open, #due_at = :due_at REMOVE {_ASKED}",
            f"#state = :completing AND {same}",
            {
                ":open": "open",
                ":completing": "completing",
                ":due_at": upload.session_ends,
                **values,
            },
        )
        return item is not None

    def begin_anew(self, upload: Upload, *, key: str, trash: Trash) -> bool:
        same, values = _unchanged(upload)
        return self._transact(
            self._change(
                UPLOAD + upload.upload_id,
                "SET #state = :open, #due_at = :due_at, #key = :key "
                f"REMOVE {_ASKED}, {_JOINED}, #s3_upload_id",
                f"#state = :was_state AND {same}",
                {
                    ":open": "open",
                    ":due_at": upload.session_ends,
                    ":key": key,
                    ":was_state": upload.state,
                    **values,
                },
            ),
            self._put(trash_item(trash)),
        )

    def finish(self, upload: Upload, file: File, *, due_at: str | None, expires_at: int) -> bool:
        due = "SET #due_at = :due_at," if due_at else "REMOVE #due_at, #due_shard SET"
        same, values = _unchanged(upload)
        return self._transact(
            self._put(file_item(file), "attribute_not_exists(#item)"),
            self._change(
                content_item(file.content),
                "SET #file_id = :id REMOVE #upload_id",
                "attribute_not_exists(#file_id)",
                {":id": file.file_id},
            ),
            *(
                [self._put(first_part_item(file.first_part, file.file_id))]
                if file.first_part
                else []
            ),
            *self._first_part_released(upload),
            self._change(
                UPLOAD + upload.upload_id,
                f"{due} {_COMPLETED}",
                f"#state IN (:open, :completing) AND {same}",
                {
                    **_completed(upload, file, expires_at),
                    **({":due_at": due_at} if due_at else {}),
                    **values,
                },
            ),
            self._count({"open_uploads": -1, "bytes": file.size - upload.size}),
        )

    def give_way(self, upload: Upload, file: File, trash: Trash, *, expires_at: int) -> bool:
        same, values = _unchanged(upload)
        given_back = _given_back(upload.size) if trash.held is None else {}
        return self._transact(
            self._change(
                content_item(file.content),
                "SET #file_id = :id",
                "#file_id = :id",
                {":id": file.file_id},
            ),
            *self._first_part_released(upload),
            self._change(
                UPLOAD + upload.upload_id,
                f"REMOVE #due_at, #due_shard SET #file_id = :file_id, {_COMPLETED}",
                f"#state IN (:open, :completing) AND {same}",
                {
                    ":file_id": file.file_id,
                    **_completed(upload, file, expires_at),
                    **values,
                },
            ),
            self._put(trash_item(trash)),
            self._count({"open_uploads": -1, **given_back}),
        )

    def _first_part_released(self, upload: Upload) -> list[Write]:
        """Return the write that removes the claim of an upload on its first part, if it has one."""
        claim = announced_item(upload.announced)
        is_content = isinstance(upload.announced, Content)
        return [] if claim is None or is_content else [self._claim_removed(claim, upload)]

    def _claim_removed(self, claim: str, upload: Upload) -> Write:
        return self._remove(claim, "#upload_id = :id", {":id": upload.upload_id})

    def close(self, upload: Upload, state: End, *, due_at: str, hold: bool) -> bool:
        same = " AND #size = :was_size" if upload.unsized else ""
        writes = [
            self._change(
                UPLOAD + upload.upload_id,
                "SET #state = :state, #due_at = :due_at" + (", #held = :held" if hold else ""),
                "#state IN (:open, :completing)" + same,
                {
                    **({":was_size": upload.size} if upload.unsized else {}),
                    ":state": state,
                    ":due_at": due_at,
                    ":open": "open",
                    ":completing": "completing",
                    **({":held": upload.size} if hold else {}),
                },
            ),
            self._count({"open_uploads": -1, **({} if hold else _given_back(upload.size))}),
        ]
        claim = announced_item(upload.announced)
        if claim is None:
            return self._transact(*writes)
        if self._transact(*writes, self._claim_removed(claim, upload)):
            return True
        # A file of its content may have taken its claim.
        named = self._item(claim) or {}
        return named.get("upload_id") != upload.upload_id and self._transact(*writes)

    def give_back(self, ended: Upload | Trash, *, due_at: str) -> None:
        name = UPLOAD + ended.upload_id if isinstance(ended, Upload) else TRASH + ended.id
        self._transact(
            self._change(
                name,
                "SET #due_at = :due_at REMOVE #held",
                "attribute_exists(#held)",
                {":due_at": due_at},
            ),
            self._count(_given_back(ended.held or 0)),
        )

    def settle(self, upload: Upload, *, expires_at: int) -> None:
        self._update(
            UPLOAD + upload.upload_id,
            "SET #expires_at = :expires_at REMOVE #due_at, #due_shard",
            "#state IN (:completed, :aborted, :expired)",
            {
                ":expires_at": expires_at,
                ":completed": "completed",
                ":aborted": "aborted",
                ":expired": "expired",
            },
        )

    # Files

    def rename(self, file_id: str, name: str) -> File | None:
        item = self._update(
            FILE + file_id, "SET #name = :name", "attribute_exists(#item)", {":name": name}
        )
        return file_of(item) if item else None

    def delete(self, file: File, *, due_at: str, hold: bool) -> bool:
        content = self._remove(content_item(file.content), "#file_id = :id", {":id": file.file_id})
        return self._transact(
            *self._first_part_forgotten(file),
            self._remove(FILE + file.file_id, "attribute_exists(#item)"),
            # A corrupt file has lost its content item; if it became corrupt meanwhile, nothing
            # is deleted.
            *([] if file.corrupt else [content]),
            self._remove(UPLOAD + file.file_id),
            self._put(
                trash_item(Trash(file.file_id, file.key, due_at, file.size if hold else None))
            ),
            *([] if hold else [self._count(_given_back(file.size))]),
        )

    def forget(self, trash: Trash) -> None:
        self._table.delete_item(Key=self._key(TRASH + trash.id))

    def mark_verified(self, file: File) -> None:
        self._update(
            FILE + file.file_id,
            "SET #verified = :true",
            "attribute_exists(#item) AND attribute_not_exists(#corrupt)",
            {":true": True},
        )

    def mark_corrupt(self, file: File) -> bool:
        return self._transact(
            self._change(
                FILE + file.file_id,
                "SET #corrupt = :true",
                "#verified = :false AND attribute_not_exists(#corrupt)",
                {":true": True, ":false": False},
            ),
            self._remove(content_item(file.content), "#file_id = :id", {":id": file.file_id}),
            *self._first_part_forgotten(file),
        )

    def _first_part_forgotten(self, file: File) -> list[Write]:
        part = file.first_part
        return [self._remove(first_part_prefix(part) + file.file_id)] if part else []

    def _count(
        self,
        changes: dict[str, int],
        condition: str | None = None,
        values: dict[str, Any] | None = None,
    ) -> Write:
        """Add to the counters."""
        added = ", ".join(f"#{name} :add_{name}" for name in changes)
        expression = expression_of(
            UpdateExpression=f"ADD {added}",
            **({"ConditionExpression": condition} if condition else {}),
            values={**(values or {}), **{f":add_{name}": n for name, n in changes.items()}},
        )
        return {"Update": {"Key": self._key(USAGE), **expression}}


def _completed(upload: Upload, file: File, expires_at: int) -> dict[str, Any]:
    """Return the values of `_COMPLETED`, and of the states before it."""
    return {
        ":completed": "completed",
        ":sha256": file.sha256,
        ":size": file.size,
        ":part_count": upload.of_size(file.size).part_count,
        ":expires_at": expires_at,
        ":open": "open",
        ":completing": "completing",
    }


def _record_named(item: dict[str, Any]) -> str:
    """Return the item of the file or upload that a CONTENT or FIRST item names."""
    return f"{UPLOAD}{item['upload_id']}" if "upload_id" in item else f"{FILE}{item['file_id']}"


def _given_back(size: int) -> dict[str, int]:
    return {"bytes": -size, "files": -1}


def _unchanged(upload: Upload, *names: str) -> tuple[str, dict[str, Any]]:
    """Return a condition that attributes are unchanged, and its values.

    By default they are those of the object that S3 is asked to make.
    """
    conditions, values = ["#key = :was_key"], {":was_key": upload.key}
    grows = ["size"] if upload.unsized else []
    for name in [*(names or ("composite", "s3_upload_id")), *grows]:
        value = getattr(upload, name)
        if value is None:
            conditions.append(f"attribute_not_exists(#{name})")
        else:
            conditions.append(f"#{name} = :was_{name}")
            values[f":was_{name}"] = value
    return " AND ".join(conditions), values
