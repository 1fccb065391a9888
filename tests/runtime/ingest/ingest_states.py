"""The states of a payload, in any order of events, for a table and a bucket on AWS or in memory.

The clock is the test's own, so that leases and URLs end when it says so; the queue is a list.
"""

from __future__ import annotations

import gzip
import hashlib
import time
from contextlib import nullcontext
from dataclasses import dataclass, replace
from typing import Any, Protocol

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from ulid import ULID

from wideload_runtime.adapters.ingest_bucket import IngestBucket
from wideload_runtime.adapters.ingest_table import IngestTable, payload_of
from wideload_runtime.core.errors import LeaseHeldError, LeaseLostError, OutOfTimeError, Refused
from wideload_runtime.core.ingest.ingest import Ingest
from wideload_runtime.core.ingest.payloads import Payload, archive_key
from wideload_runtime.core.ingest.processing import Caller, Processor
from wideload_runtime.core.ingest.reading import Reader
from wideload_runtime.core.ingest.requests import Claim, UploadRequest
from wideload_runtime.core.ingest.sweep import Sweep

LEASE_MS = 35_000
URL_SECONDS = 900
LARGE = b'{"call_id":"c","noise":"%s"}' % hashlib.shake_256(b"x").digest(9_000).hex().encode()
DOCUMENTS = {
    "small": b'{"n":1}',
    "large": LARGE,
    "gzipped": gzip.compress(LARGE),
    "another": LARGE.replace(b"c", b"d", 1),
    "bad": LARGE[:-1],
}


class Place(Protocol):
    """Where payloads are stored: a table and an S3 client, or what stands for them."""

    @property
    def payloads(self) -> Any:
        """The table, with the requests of `tables.Table`."""
        ...

    @property
    def s3(self) -> Any: ...

    @property
    def bucket(self) -> str: ...

    def items(self) -> list[dict[str, Any]]:
        """Payloads' records."""
        ...

    def keys(self, prefix: str) -> frozenset[str]: ...

    def upload(self, key: str, body: bytes) -> None: ...


@dataclass
class Known:
    """A payload as its client knows it."""

    key: str
    signed: str | None
    """The document that its URL was made for."""
    uploaded: bool = False
    stored_as: Payload | None = None
    """The record as it was when a client was told `stored`."""
    read: bool = False
    """Whether its document has been read back."""
    deleted: bool = False


class _NoMetrics:
    def add(self, name: str, value: float) -> None: ...


class _Queue:
    def __init__(self) -> None:
        self.messages: list[str] = []
        self.hidden: list[str] = []
        """Delivered and not deleted: they come back."""

    def send(self, s3_key: str, *, reason: str) -> None:
        self.messages.append(s3_key)


class States(RuleBasedStateMachine):
    place: Place
    payloads = Bundle("payloads")

    def __init__(self) -> None:
        super().__init__()
        place = self.place
        self.ahead = 0.0
        self.owners = 0
        self.tenant = f"t{str(ULID()).lower()}"
        self.known: dict[str, Known] = {}
        self.queue = _Queue()
        self.dead: list[str] = []
        self.stalled: list[tuple[Payload, str]] = []
        """Payloads that stopped functions still hold, and the owners of their leases."""
        self.table = IngestTable(place.payloads)
        self.bucket = IngestBucket(place.s3, place.bucket, url_seconds=URL_SECONDS)
        self.processor = Processor(
            table=self.table,
            objects=self.bucket,
            metrics=_NoMetrics(),
            records_field="transcript_with_metrics",
            retention_seconds=None,
            lease_ms=LEASE_MS,
            tell_failed=lambda _: None,
            now=self.now,
        )
        self.ingest = Ingest(
            table=self.table,
            urls=self.bucket,
            processor=self.processor,
            queue=self.queue,
            metrics=_NoMetrics(),
            bucket_name=place.bucket,
            upload_url_seconds=URL_SECONDS,
            in_request_limit=10_000,  # so that a larger one is handed to the worker
            new_id=lambda: str(ULID.from_timestamp(self.now())),
            now=self.now,
        )
        self.reader = Reader(
            table=self.table,
            archives=self.bucket,
            records_field="transcript_with_metrics",
            upload_url_seconds=URL_SECONDS,
            now=self.now,
        )
        self.sweep = Sweep(
            table=self.table,
            processor=self.processor,
            listing=self.bucket,
            queue=self.queue,
            metrics=_NoMetrics(),
            upload_url_seconds=URL_SECONDS,
            now=self.now,
        )

    def now(self) -> float:
        return time.time() + self.ahead

    def pass_time(self, seconds: float) -> None:
        self.ahead += seconds
        if seconds > 1:
            self.queue.messages += self.queue.hidden
            self.queue.hidden.clear()

    def owner(self) -> str:
        self.owners += 1
        return f"owner-{self.owners}"

    # What clients do

    @rule(target=payloads, signed=st.sampled_from([None, *DOCUMENTS]))
    def ask_for_url(self, signed: str | None) -> str:
        body = DOCUMENTS[signed] if signed else b""
        wish = UploadRequest(
            content_length=len(body) or None,
            sha256=hashlib.sha256(body).hexdigest() if signed else None,
        )
        issued = self.ingest.issue_upload_url(self.tenant, wish).body
        self.known[issued["payload_id"]] = Known(issued["s3_key"], signed)
        return str(issued["payload_id"])

    @rule(payload_id=payloads, document=st.sampled_from(list(DOCUMENTS)))
    def put(self, payload_id: str, document: str) -> None:
        known = self.known[payload_id]
        if known.signed and (known.uploaded or known.deleted):
            return  # the URL stores those bytes, and once
        self.place.upload(known.key, DOCUMENTS[known.signed or document])
        known.uploaded = not known.deleted
        self.queue.send(known.key, reason="unclaimed")  # as the bucket's event does

    @rule(target=payloads, document=st.sampled_from(["small", "large", "gzipped"]))
    def send(self, document: str) -> str:
        """All of it at once, since chance alone seldom comes so far."""
        payload_id = self.ask_for_url(document)
        self.put(payload_id, document)
        self.claim(payload_id, in_time=True)
        self.deliver_all()
        return payload_id

    @rule(payload_id=payloads, in_time=st.booleans())
    def claim(self, payload_id: str, in_time: bool) -> None:
        known = self.known[payload_id]
        caller = Caller(self.tenant, self.owner(), lambda: in_time)
        try:
            reply = self.ingest.accept(caller, Claim(known.key))
        except Refused as refused:
            if refused.code == "unknown_key":
                assert known.deleted
            if refused.code == "not_uploaded":
                assert not known.uploaded
            return
        if reply.body["state"] == "stored":
            self.told_stored(payload_id, reply.body["sha256"])

    @rule(payload_id=consumes(payloads))
    def delete(self, payload_id: str) -> None:
        record = self.table.get(payload_id)
        busy = record is not None and record.state in ("uploaded", "processing")
        with pytest.raises(Refused, match="in_progress") if busy else nullcontext():
            self.reader.delete(self.tenant, payload_id)
        self.known[payload_id].deleted = not busy

    # What functions do, and what happens to them

    @rule(payload_id=payloads, in_time=st.booleans())
    def work(self, payload_id: str, in_time: bool) -> None:
        self.deliver(self.known[payload_id].key, in_time=in_time)

    def deliver(self, key: str, *, in_time: bool = True) -> None:
        try:
            done = self.processor.work(key, owner=self.owner(), has_time=lambda: in_time)
        except LeaseHeldError:
            return  # as if for the fifth time: it goes to the dead letters, without a redrive
        except OutOfTimeError:
            self.queue.hidden.append(key)
            return
        if done is not None and done.state == "stored":
            self.told_stored(done.payload_id, done.sha256)

    @rule(payload_id=payloads)
    def die_with_the_lease(self, payload_id: str) -> None:
        now = int(self.now() * 1000)
        owner = self.owner()
        leased = self.table.lease(payload_id, owner=owner, now=now, until=now + LEASE_MS)
        if leased is not None:
            self.stalled.append((leased, owner))

    @precondition(lambda self: self.stalled)
    @rule()
    def come_back_too_late(self) -> None:
        """A function that was not dead but slow: what it found out counts no more."""
        payload, owner = self.stalled.pop()
        held = self.table.get(payload.payload_id)
        if held is not None and held.lease_owner == owner:
            self.table.release(payload.payload_id, owner=owner)
            return
        failed = replace(payload, state="failed", error_code="invalid_json", error_detail="late")
        with pytest.raises(LeaseLostError):
            self.table.finish(failed, owner=owner)

    @rule(payload_id=payloads)
    def die_before_the_record_is_written(self, payload_id: str) -> None:
        known = self.known[payload_id]
        upload = self.bucket.open_upload(known.key)
        now = int(self.now() * 1000)
        payload = self.table.lease(payload_id, owner=self.owner(), now=now, until=now + LEASE_MS)
        if payload is not None and upload is not None:
            try:
                self.processor.store(
                    payload, upload.chunks(), max_size=10**9, has_time=lambda: True
                )
            except Refused:
                return

    @rule(payload_id=payloads)
    def give_up(self, payload_id: str) -> None:
        self.processor.give_up(self.known[payload_id].key, owner=self.owner())
        self.dead.append(self.known[payload_id].key)

    @rule()
    def messages_are_lost(self) -> None:
        self.queue.messages.clear()
        self.queue.hidden.clear()

    @rule()
    def leases_end(self) -> None:
        self.pass_time(LEASE_MS / 1000 + 1)

    @rule()
    def an_hour_later_the_sweep(self) -> None:
        self.pass_time(3600)
        self.sweep.run()

    @rule()
    def deliver_all(self) -> None:
        while self.queue.messages:
            self.deliver(self.queue.messages.pop())

    # What always holds

    def told_stored(self, payload_id: str, sha256: str | None) -> None:
        record = self.table.get(payload_id)
        assert record is not None
        assert (record.state, record.sha256) == ("stored", sha256)
        known = self.known[payload_id]
        assert known.stored_as in (None, record), "stored twice"
        known.stored_as = record

    @invariant()
    def what_was_told_stays_true(self) -> None:
        # All records at once: one request for each took most of this test's time.
        records = {item["payload_id"]: payload_of(item) for item in self.place.items()}
        for payload_id, known in self.known.items():
            record = records.get(payload_id)
            if known.deleted:
                assert record is None
                continue
            assert record is not None
            if known.stored_as is not None:
                assert record == known.stored_as
            # Once here, and once more in the end.
            if record.state == "stored" and not known.read:
                self.is_readable(record)
                known.stored_as, known.read = record, True

    def is_readable(self, record: Payload) -> None:
        shown = self.reader.payload(self.tenant, record.payload_id)
        if "document" in shown:
            document = shown["document"].text
        else:
            found = self.place.s3.get_object(Bucket=self.place.bucket, Key=record.archive_key)
            document = gzip.decompress(found["Body"].read())
        assert hashlib.sha256(document).hexdigest() == record.sha256 == shown["sha256"]
        assert document != DOCUMENTS["bad"]

    @invariant()
    def one_archive_at_most_and_none_of_what_was_deleted(self) -> None:
        allowed = {
            archive_key(self.tenant, payload_id)
            for payload_id, known in self.known.items()
            if not known.deleted
        }
        assert self.place.keys(f"archive/{self.tenant}/") <= allowed

    def teardown(self) -> None:
        """Left alone, and redriven, everything that was uploaded comes to its end."""
        self.queue.messages += self.dead
        for _ in range(2):
            self.pass_time(3600)
            self.sweep.run()
            self.deliver_all()
        for payload_id, known in self.known.items():
            record = self.table.get(payload_id)
            if known.uploaded and not known.deleted:
                assert record is not None
                assert record.done, record.state
            if record is not None:
                if record.state == "stored":
                    self.is_readable(record)
                self.table.delete(record)


def run_in_any_order(where: Place, *, max_examples: int) -> None:
    """Run the same orders of events each time, so many, of 25 events each."""

    class Machine(States):
        place = where

    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=max_examples,
            stateful_step_count=25,
            deadline=None,
            database=None,
            derandomize=True,
            phases=[Phase.generate],  # shrinking takes minutes
            suppress_health_check=list(HealthCheck),
        ),
    )
