"""The states of a payload in any order of events, over a table and a bucket in memory."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.fake_aws.dynamo import PAYLOADS, FakeDynamoTable
from tests.fake_aws.s3 import Body, FakeS3
from tests.fake_aws.wire import Wire
from tests.runtime.ingest.ingest_states import run_in_any_order

pytestmark = pytest.mark.exhaustive


@dataclass
class InMemory:
    bucket: str = "b"
    wire: Wire = field(default_factory=Wire)

    def __post_init__(self) -> None:
        self.payloads = FakeDynamoTable(self.wire, "payloads", PAYLOADS)
        self.s3 = FakeS3(self.wire, time.time, bucket=self.bucket)

    def items(self) -> list[dict[str, Any]]:
        return [item for item in self.payloads.items.values() if "tenant" in item]

    def keys(self, prefix: str) -> frozenset[str]:
        return frozenset(key for key in self.s3.objects if key.startswith(prefix))

    def upload(self, key: str, body: bytes) -> None:
        self.s3.store(key, Body.of(body))


def test_any_order_of_events() -> None:
    run_in_any_order(InMemory(), max_examples=40)
