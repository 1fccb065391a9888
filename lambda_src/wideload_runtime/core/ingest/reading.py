"""Read and delete stored payloads, for their tenant only."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Protocol

from wideload_runtime.core.cursors import encode_cursor
from wideload_runtime.core.errors import Refused
from wideload_runtime.core.ingest.gunzip import gunzip
from wideload_runtime.core.ingest.paging import Listing, Page
from wideload_runtime.core.ingest.payloads import (
    UNUSED_SECONDS,
    Listed,
    Payload,
    PayloadTable,
    archive_key,
)
from wideload_runtime.core.ingest.records import cut, records_of
from wideload_runtime.core.ingest.seekable_gzip import MAX_MEMBER, Member, members
from wideload_runtime.core.json_text import JsonText
from wideload_runtime.core.times import iso
from wideload_runtime.core.ulids import is_ulid

MAX_PAGE = 4_500_000
"""Bytes of records in one page: 6.0 million in base64, of the 6,291,556 of a function's answer.
https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html"""
MAX_UNPACKED = 2 * MAX_MEMBER
"""Bytes of an archive member that are read for a page: one with several records is smaller."""

_SHOWN = (
    "payload_id", "state", "call_id", "source", "created_at", "stored_at", "uploaded_size",
    "upload_duration_ms", "size", "sha256", "records", "summary", "summary_complete",
    "array_lengths",
)  # fmt: skip


class Archives(Protocol):
    def presign_get(self, key: str, *, filename: str) -> str: ...
    def exists(self, key: str) -> bool: ...
    def read_range(self, key: str, *, offset: int, size: int) -> bytes | None: ...
    def delete(self, *keys: str) -> None: ...


@dataclass(frozen=True, kw_only=True)
class Reader:
    """
    Args:
        max_page: Bytes of records in one page.
    """

    table: PayloadTable
    archives: Archives
    records_field: str
    upload_url_seconds: int
    now: Callable[[], float] = time.time
    max_page: int = MAX_PAGE

    def payload(self, tenant: str, payload_id: str) -> dict[str, Any]:
        """Return a payload's record, and as its last member the document if that is small.

        Raises:
            Refused: `unknown_payload`, also for another tenant's payload; `document_gone`.
        """
        payload = self._owned(tenant, payload_id)
        known = _shown(self._unused(payload))
        if payload.archive_key:
            # Otherwise S3 would answer the URL of a missing object with 403.
            if not self.archives.exists(payload.archive_key):
                raise _gone()
            filename = f"{payload_id}.json.gz"
            url = self.archives.presign_get(payload.archive_key, filename=filename)
            known |= {"document_url": url, "document_encoding": "gzip"}
        if payload.document:
            known["document"] = JsonText(_unpacked(payload.document))
        return known

    def listed(self, tenant: str, wanted: Listing) -> dict[str, Any]:
        """Return finished payloads, newest first, and a cursor to the next."""
        if wanted.ids.empty:
            found = Listed([], None)
        elif wanted.call_id is None:
            found = self.table.list_tenant(tenant, wanted.ids, wanted.limit)
        else:
            found = self.table.list_call(tenant, wanted.call_id, wanted.ids, wanted.limit)
        return {
            "items": [_shown(payload) for payload in found.payloads],
            "cursor": encode_cursor(found.last) if found.last else None,
        }

    def records(self, tenant: str, payload_id: str, page: Page) -> dict[str, Any]:
        """Return some records, by one range request for a document of any size.

        Raises:
            Refused: `unknown_payload`; `not_stored` before there are records; `document_gone`.
        """
        payload = self._owned(tenant, payload_id)
        if payload.state != "stored":
            raise Refused("not_stored", f"The payload is {payload.state}: it has no records yet.")
        total = payload.records or 0
        member = Member(offset=0, size=0, first_record=0, records=total)
        text = b""
        if payload.document:
            text, total = records_of(_unpacked(payload.document), self.records_field)
        elif payload.archive_key and page.first < total:
            member = _member_of(payload, page.first)
            text = self._member(payload.archive_key, member)
        if page.first >= total:
            return {"items": [], "cursor": None}
        items, count = cut(text, page.first - member.first_record, page.limit, self.max_page)
        if not count:
            raise _too_large(page.first, member)
        following = page.first + count
        return {
            "items": JsonText(items),
            "cursor": encode_cursor(str(following)) if following < total else None,
        }

    def _member(self, archive_key: str, member: Member) -> bytes:
        """Return one archive member, unpacked."""
        text = b""
        if member.size <= MAX_UNPACKED:
            raw = self.archives.read_range(archive_key, offset=member.offset, size=member.size)
            if raw is None:
                raise _gone()
            for piece in gunzip([raw]):
                text += piece
                if len(text) > MAX_UNPACKED:
                    break
        if not text or len(text) > MAX_UNPACKED:
            raise _too_large(member.first_record, member)
        return text

    def delete(self, tenant: str, payload_id: str) -> None:
        """Delete a payload: its objects first, so that none is left without a record.

        Raises:
            Refused: `unknown_payload`, or `in_progress` while it is being processed.
        """
        while True:
            payload = self._owned(tenant, payload_id)
            if payload.state in ("uploaded", "processing"):
                raise Refused(
                    "in_progress", "The payload is being processed: delete it then.", retry_after=5
                )
            keys = [payload.s3_key] if payload.s3_key else []
            if payload.document is None:
                # Not in the record: a function may have crashed between archive and record.
                keys.append(archive_key(tenant, payload_id))
            self.archives.delete(*keys)
            # A claim may have made an archive meanwhile.
            if self.table.delete(payload):
                return

    def _unused(self, payload: Payload) -> Payload:
        """Return the payload, as `expired` if its URL has expired unused."""
        over = iso(self.now() - self.upload_url_seconds - UNUSED_SECONDS)
        unused = payload.state == "issued" and payload.created_at < over
        return replace(payload, state="expired") if unused else payload

    def _owned(self, tenant: str, payload_id: str) -> Payload:
        payload = self.table.get(payload_id) if is_ulid(payload_id) else None
        if payload is None or payload.tenant != tenant:
            raise Refused("unknown_payload", "No payload of yours has this id.")
        return payload


def _shown(payload: Payload) -> dict[str, Any]:
    known = {name: value for name in _SHOWN if (value := getattr(payload, name)) is not None}
    if payload.error_code:
        known["error"] = {"code": payload.error_code, "detail": payload.error_detail}
    return known


def _unpacked(document: bytes) -> bytes:
    return b"".join(gunzip([document]))


def _gone() -> Refused:
    return Refused(
        "document_gone",
        "The payload was stored, but its document was deleted from the archive: send it again if "
        "you still have it, and delete this payload.",
    )


def _too_large(record: int, member: Member) -> Refused:
    return Refused(
        "record_too_large",
        f"Record {record} is too large or nested too deep for an answer: read it from "
        f"document_url, bytes {member.offset} to {member.offset + member.size - 1}, gunzipped.",
    )


def _member_of(payload: Payload, record: int) -> Member:
    pages = members(payload.member_index or b"", payload.prefix_size or 0)
    return next(page for page in pages if record < page.first_record + page.records)
