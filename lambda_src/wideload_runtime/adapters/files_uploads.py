"""One person's uploads in DynamoDB: each change is one conditional write or transaction."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from wideload_runtime.adapters.files_items import (
    TRASH,
    UPLOAD,
    announced_item,
    content_item,
    first_part_item,
    new_name_value,
    object_item,
    trash_item,
    upload_item,
    upload_of,
)
from wideload_runtime.adapters.files_names import OwnNames, counts_of
from wideload_runtime.adapters.files_owner_items import Write, given_back
from wideload_runtime.adapters.files_scans import scan_named
from wideload_runtime.core.files.ports import Ask
from wideload_runtime.core.files.records import (
    Content,
    End,
    NewName,
    Placement,
    Quota,
    StoredObject,
    Trash,
    Upload,
)

_ASKED = "#completing_since, #ask_id, #ask_ends, #conflict_since"
"""Attributes of the request to S3 to join the parts."""
_JOINED = "#composite, #joined_sha256, #joined_size, #joined_first_sha256"
"""Attributes of the object that S3 was asked to make."""


class OwnUploads(OwnNames):
    """Changes of one person's uploads: no method takes an owner."""

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
            *self._count(
                {"bytes": upload.size, "files": 1, "open_uploads": 1},
                " AND ".join(
                    f"(attribute_not_exists(#{name}) OR #{name} <= :most_{name})" for name in limits
                ),
                {f":most_{name}": limit for name, limit in limits.items()},
            ),
        )

    def add_name(self, upload: Upload, name: NewName, quota: Quota) -> bool:
        most = None if quota.files is None else quota.files - 1
        room = ("#files <= :most", {":most": most}) if most is not None else ()
        same, values = _unchanged(upload, "also")
        return self._transact(
            self._change(
                UPLOAD + upload.upload_id,
                "SET #also = :also",
                f"#state IN (:open, :completing) AND {same}",
                {
                    ":also": _values([*upload.also, name]),
                    ":open": "open",
                    ":completing": "completing",
                    **values,
                },
            ),
            *self._count({"files": 1}, *room),
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
            *self._count({"bytes": more}, *room),
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
            # Or its own id: botocore repeats a request whose answer was lost.
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

    def finish(
        self,
        upload: Upload,
        stored: StoredObject,
        placement: Placement,
        *,
        due_at: str | None,
        expires_at: int,
        scan_due_at: str | None,
    ) -> bool:
        part = stored.first_part
        return self._transact(
            *self._placed(placement),
            self._put(object_item(stored), "attribute_not_exists(#item)"),
            self._change(
                content_item(stored.content),
                "SET #object_id = :id REMOVE #upload_id",
                "attribute_not_exists(#object_id)",
                {":id": stored.object_id},
            ),
            *([self._put(first_part_item(part, stored.object_id))] if part else []),
            *self._first_part_released(upload),
            self._completed(upload, stored, placement, due_at, expires_at),
            *scan_named(self.owner, stored, scan_due_at),
            *self._count(
                counts_of(placement, {"open_uploads": -1, "bytes": stored.size - upload.size})
            ),
        )

    def give_way(
        self,
        upload: Upload,
        stored: StoredObject,
        placement: Placement,
        trash: Trash,
        *,
        due_at: str | None,
        expires_at: int,
    ) -> bool:
        more = len(upload.names) - placement.is_there
        sizes = {"bytes": -upload.size} if trash.held is None else {"files": 1}
        counts = Counter({"open_uploads": -1, "files": -int(placement.is_there)})
        counts.update(sizes)
        return self._transact(
            *self._placed(placement),
            self._named(stored.object_id, more, placement.file),
            *self._first_part_released(upload),
            self._completed(upload, stored, placement, due_at, expires_at),
            self._put(trash_item(trash)),
            *self._count(counts_of(placement, counts)),
        )

    def make_further(self, upload: Upload, index: int, placement: Placement) -> Upload | None:
        also = list(upload.also)
        also[index] = replace(also[index], file_id=placement.file.file_id)
        same, values = _unchanged(upload, "also")
        is_there = placement.is_there
        made = self._transact(
            *self._placed(placement),
            self._change(
                UPLOAD + upload.upload_id,
                "SET #also = :also",
                f"#state = :completed AND {same}",
                {":also": _values(also), ":completed": "completed", **values},
            ),
            *([self._uncounted(placement.file.object_id)] if is_there else []),
            *self._count(counts_of(placement, {"files": -1} if is_there else {})),
        )
        return replace(upload, also=tuple(also)) if made else None

    def _completed(
        self,
        upload: Upload,
        stored: StoredObject,
        placement: Placement,
        due_at: str | None,
        expires_at: int,
    ) -> Write:
        ends = "#due_at = :due_at" if due_at else "#expires_at = :expires_at"
        same, values = _unchanged(upload, "composite", "s3_upload_id", "also")
        return self._change(
            UPLOAD + upload.upload_id,
            ("" if due_at else "REMOVE #due_at, #due_shard ")
            + "SET #state = :completed, #sha256 = :sha256, #size = :size, "
            f"#part_count = :part_count, #file_id = :file_id, #object_id = :object_id, {ends}",
            f"#state IN (:open, :completing) AND {same}",
            {
                ":completed": "completed",
                ":sha256": stored.sha256,
                ":size": stored.size,
                ":part_count": upload.of_size(stored.size).part_count,
                ":file_id": placement.file.file_id,
                ":object_id": stored.object_id,
                **({":due_at": due_at} if due_at else {":expires_at": expires_at}),
                ":open": "open",
                ":completing": "completing",
                **values,
            },
        )

    def _first_part_released(self, upload: Upload) -> list[Write]:
        """Return the write that removes the claim of an upload on its first part, if it has one."""
        claim = announced_item(upload.announced)
        is_content = isinstance(upload.announced, Content)
        return [] if claim is None or is_content else [self._claim_removed(claim, upload)]

    def _claim_removed(self, claim: str, upload: Upload) -> Write:
        return self._remove(claim, "#upload_id = :id", {":id": upload.upload_id})

    def close(self, upload: Upload, state: End, *, due_at: str, hold: bool) -> bool:
        same, values = _unchanged(upload, "also")
        names = len(upload.names)
        counts = {"files": 1 - names} if hold else given_back(upload.size, names)
        writes = [
            self._change(
                UPLOAD + upload.upload_id,
                "SET #state = :state, #due_at = :due_at" + (", #held = :held" if hold else ""),
                f"#state IN (:open, :completing) AND {same}",
                {
                    ":state": state,
                    ":due_at": due_at,
                    ":open": "open",
                    ":completing": "completing",
                    **({":held": upload.size} if hold else {}),
                    **values,
                },
            ),
            *self._count({"open_uploads": -1, **counts}),
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
            *self._count(given_back(ended.held or 0)),
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


def _values(names: Sequence[NewName]) -> list[dict[str, Any]]:
    return list(map(new_name_value, names))


def _unchanged(upload: Upload, *names: str) -> tuple[str, dict[str, Any]]:
    """Return a condition that attributes are unchanged, and its values.

    By default they are those of the object that S3 is asked to make.
    """
    conditions = ["#key = :was_key"]
    values: dict[str, Any] = {":was_key": upload.key}
    grows = ["size"] if upload.unsized else []
    for name in [*(names or ("composite", "s3_upload_id")), *grows]:
        value = _values(upload.also) or None if name == "also" else getattr(upload, name)
        if value is None:
            conditions.append(f"attribute_not_exists(#{name})")
        else:
            conditions.append(f"#{name} = :was_{name}")
            values[f":was_{name}"] = value
    return " AND ".join(conditions), values
