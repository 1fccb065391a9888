"""Payload ingest over AWS in memory: the functions' own code behind a loopback port."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import tests.fake_aws.environment  # noqa: F401 - before the handlers
from tests.fake_aws.dynamo import KEYS, PAYLOADS, FakeDynamoTable
from tests.fake_aws.gateway import FORBIDDEN, UNAUTHORIZED, Context, Gateway, running_with
from tests.fake_aws.http import STAGE, Service, serving_at
from tests.fake_aws.messages import Fault, Refused, Seen
from tests.fake_aws.s3 import Body, FakeS3
from tests.fake_aws.s3_http import S3Http
from tests.fake_aws.wire import Wire
from wideload_runtime.adapters.ingest_bucket import IngestBucket
from wideload_runtime.adapters.ingest_table import IngestTable, item_of
from wideload_runtime.adapters.key_table import KeyTable
from wideload_runtime.core.api_keys import ApiKey, secret_hash
from wideload_runtime.core.ingest.gunzip import gunzip
from wideload_runtime.core.ingest.ingest import Ingest
from wideload_runtime.core.ingest.payloads import (
    Payload,
    archive_key,
    parse_transit_key,
    tenant_call,
    tenant_shard,
)
from wideload_runtime.core.ingest.processing import Processor
from wideload_runtime.core.ingest.reading import MAX_PAGE, Reader
from wideload_runtime.handlers import ingest_api, key_authorizer

TENANT = "acme"
KEY_ID = "abcdefghijkl"
API_KEY = f"wl_{KEY_ID}_secret-of-the-key-with-32-characters"
RECORDS = "transcript_with_metrics"
START = datetime(2026, 11, 22, 9, tzinfo=UTC).timestamp()
URL_SECONDS = 900
_LISTS = ("/call-logs", "/call-logs/{payload_id}/records")
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def payload_id(number: int) -> str:
    """The id of the payload of this number, from 1: a ULID of the minute it is made in."""
    milliseconds = int(START + 60 * (number - 1)) * 1000
    time = "".join(_ALPHABET[milliseconds >> shift & 31] for shift in range(45, -1, -5))
    return f"{time}{number:016}"


PAYLOAD_1, PAYLOAD_2, PAYLOAD_3, PAYLOAD_4, PAYLOAD_5 = map(payload_id, range(1, 6))
PAYLOAD_7, PAYLOAD_9 = payload_id(7), payload_id(9)


@dataclass
class _Queue:
    """The worker's queue."""

    keys: list[str] = field(default_factory=list)

    def send(self, s3_key: str, *, reason: str, **options: Any) -> None:
        self.keys.append(s3_key)


class _Metrics:
    def add(self, name: str, value: float) -> None:
        pass


class IngestService(Service):
    """The API with an API key of the tenant `acme`, its S3 and its worker.

    The clock stands still, and goes on by a minute with each new payload.

    Attributes:
        in_request_limit: Bytes of an uploaded object up to which it is processed in the request.
        polls_until_done: Looks at a queued payload, until the worker processes it.
        max_page: Bytes of a page of records.
        before_delete: Called before a payload is deleted.
    """

    def __init__(self, root: str) -> None:
        super().__init__(root)
        self.time = START
        self.in_request_limit = 25_000_000
        self.polls_until_done = 2
        self.max_page = MAX_PAGE
        self.api_key_header = "x-api-key"
        self.tells_version = True
        self.before_delete: Callable[[str], object] = lambda payload_id: None
        wire = Wire()
        self.items = FakeDynamoTable(wire, "payloads", PAYLOADS)
        self.bucket = FakeS3(wire, self.now, endpoint=root, bucket="s3")
        self.s3 = S3Http(self.bucket, self.now)
        self._keys = KeyTable(FakeDynamoTable(wire, "keys", KEYS))
        key = ApiKey(KEY_ID, TENANT, secret_hash(API_KEY), revoked=False)
        self._keys.put(key, created_at="2026-11-22T09:00:00.000Z", label="")
        self._table = IngestTable(self.items, sleep=lambda seconds: None, now=self.now)
        self._objects = IngestBucket(self.bucket, "s3", url_seconds=URL_SECONDS)
        self._queue = _Queue()
        self._gateway = Gateway("ingest")
        self._count = 0

    def now(self) -> float:
        return self.time

    # For tests

    @property
    def payloads(self) -> dict[str, Payload]:
        """Records of payloads, by id."""
        found = (self._table.get(key[0]) for key in list(self.items.items))
        return {payload.payload_id: payload for payload in found if payload}

    @property
    def documents(self) -> dict[str, bytes]:
        """Documents that are stored, by payload id."""
        stored = [one for one in self.payloads.values() if one.state == "stored"]
        return {one.payload_id: self._document(one) for one in stored}

    @property
    def objects(self) -> dict[str, bytes]:
        """Contents of the bucket, by key."""
        return self.s3.objects

    @property
    def reservations(self) -> set[str]:
        """Idempotency keys that are in use."""
        return {key[0] for key in self.items.items if key[0].startswith("idempotency#")}

    def put(self, payload_id: str, **members: Any) -> None:
        """Write a record of a payload."""
        given = {"tenant": TENANT, "source": "s3", "created_at": "2026-11-22T09:02:00.000Z"}
        payload = Payload(payload_id=payload_id, **{**given, **members})
        if payload.done:
            shards = {"tenant_call": tenant_call(payload), "tenant_shard": tenant_shard(payload)}
            payload = replace(payload, **shards)
        self._table.create(payload)

    def change(self, payload_id: str, **members: Any) -> None:
        """Change a record of a payload."""
        changed = replace(self.payloads[payload_id], **members)
        self.items.put_item(Item=item_of(changed))

    def damage_archive(self, payload_id: str, damage: Callable[[bytes], bytes]) -> None:
        """Have S3 hold other bytes of a document."""
        key = archive_key(TENANT, payload_id)
        self.bucket.store(key, Body.of(damage(self.objects[key])))

    def stored(self) -> list[str]:
        """Ids of payloads that are stored."""
        return [one.payload_id for one in self.payloads.values() if one.state == "stored"]

    def process_unclaimed(self) -> None:
        """Process every object that was not claimed, as the worker does a while after its PUT."""
        for key in list(self.bucket.objects):
            if parse_transit_key(key):
                self._work(key)

    # The API

    def answer(self, seen: Seen) -> Fault:
        path = seen.path.removeprefix(STAGE)
        template = self._gateway.route(seen.method, path)
        with running_with(ingest_api, ingest=self._ingest(), reader=self._reader()):
            authorizer = self._authorize(seen.headers.get(self.api_key_header))
            self._gateway.check(template, seen)
            if template in _LISTS and "limit" in seen.query:
                shorter = min(int(seen.query["limit"]), self.longest_page)
                seen = replace(seen, query={**seen.query, "limit": str(shorter)})
            self._before(seen.method, template, path)
            answer = self._gateway.invoke(ingest_api.handler, seen, path, authorizer)
        if not self.tells_version:
            del answer.headers["Wideload-Version"], answer.headers["Wideload-Caller"]
        return self.tampered(f"{seen.method} {template}", answer)

    def _authorize(self, api_key: str | None) -> dict[str, Any]:
        if api_key is None:
            raise Refused(UNAUTHORIZED)
        with running_with(key_authorizer, keys=self._keys):
            found = key_authorizer.handler({"identitySource": [api_key]}, Context())
        if not found["isAuthorized"]:
            raise Refused(FORBIDDEN)
        return {"lambda": found["context"]}

    def _before(self, method: str, template: str, path: str) -> None:
        """Let the worker work, or the test act, before a request."""
        if template == "/call-logs/{payload_id}" and method == "DELETE":
            self.before_delete(path.rpartition("/")[2])
        if template == "/call-logs/{payload_id}" and method == "GET" and self._queue.keys:
            self.polls_until_done -= 1
            if self.polls_until_done <= 0:
                while self._queue.keys:
                    self._work(self._queue.keys.pop())

    def _work(self, s3_key: str) -> None:
        self._processor(960_000).work(s3_key, owner="worker", has_time=lambda: True)

    def _document(self, payload: Payload) -> bytes:
        packed = payload.document
        if packed is None:
            packed = self.objects[archive_key(payload.tenant, payload.payload_id)]
        return b"".join(gunzip([packed]))

    # The functions' services

    def _ingest(self) -> Ingest:
        return Ingest(
            table=self._table,
            urls=self._objects,
            processor=self._processor(35_000),
            queue=self._queue,
            metrics=_Metrics(),
            bucket_name="s3",
            upload_url_seconds=URL_SECONDS,
            in_request_limit=self.in_request_limit,
            new_id=self._new_id,
            now=self.now,
        )

    def _reader(self) -> Reader:
        return Reader(
            table=self._table,
            archives=self._objects,
            records_field=RECORDS,
            upload_url_seconds=URL_SECONDS,
            now=self.now,
            max_page=self.max_page,
        )

    def _processor(self, lease_ms: int) -> Processor:
        return Processor(
            table=self._table,
            objects=self._objects,
            metrics=_Metrics(),
            records_field=RECORDS,
            retention_seconds=None,
            lease_ms=lease_ms,
            tell_failed=lambda payload: None,
            now=self.now,
        )

    def _new_id(self) -> str:
        self._count += 1
        self.time = max(self.time, START + 60 * (self._count - 1))
        return payload_id(self._count)


def serving(tls: ssl.SSLContext | None = None) -> AbstractContextManager[IngestService]:
    """Payload ingest on a free port, gone at the end."""
    return serving_at(IngestService, tls)
