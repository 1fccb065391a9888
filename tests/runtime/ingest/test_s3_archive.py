"""Archives whose parts are sent beside the work that makes them."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from wideload_runtime.adapters.ingest_bucket import PART, PARTS_AHEAD, S3Archive

WHOLE = bytes(PART)


class Slow:
    """An S3 client whose parts take until they are let through."""

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.broken = 0
        """Number of a part that fails."""
        self.parts: dict[int, int] = {}
        self.log: list[str] = []
        self.under_way = 0
        self.most = 0
        self.completed: list[int] = []
        self._lock = threading.Lock()

    def put_object(self, *, Body: bytes, **_: Any) -> dict[str, Any]:  # noqa: N803
        self.log.append(f"put {len(Body)}")
        return {}

    def create_multipart_upload(self, **_: Any) -> dict[str, Any]:
        self.log.append("create")
        return {"UploadId": "u"}

    def upload_part(self, *, PartNumber: int, Body: bytes, **_: Any) -> dict[str, Any]:  # noqa: N803
        with self._lock:
            self.under_way += 1
            self.most = max(self.most, self.under_way)
        assert self.gate.wait(60)
        with self._lock:
            self.under_way -= 1
            self.log.append(f"part {PartNumber}")
        if PartNumber == self.broken:
            raise OSError("broken")
        self.parts[PartNumber] = len(Body)
        return {"ETag": f"e{PartNumber}"}

    def complete_multipart_upload(
        self,
        *,
        MultipartUpload: dict[str, Any],  # noqa: N803
        **_: Any,
    ) -> dict[str, Any]:
        parts = MultipartUpload["Parts"]
        assert all(part["ETag"] == f"e{part['PartNumber']}" for part in parts)
        self.completed = [part["PartNumber"] for part in parts]
        return {}

    def abort_multipart_upload(self, **_: Any) -> dict[str, Any]:
        self.log.append("abort")
        return {}


def test_parts_are_sent_beside_the_work_and_bounded_in_number() -> None:
    s3 = Slow()
    archive = S3Archive(s3, "bucket", "key")
    written: list[int] = []

    def write() -> None:
        for number in range(6):
            archive.write(WHOLE)
            written.append(number)
        archive.write(b"rest")
        archive.commit()

    writer = threading.Thread(target=write)
    writer.start()
    wait_until(lambda: len(written) == PARTS_AHEAD and s3.under_way == PARTS_AHEAD)
    writer.join(0.2)
    held = len(written)
    s3.gate.set()
    writer.join(60)

    assert held == PARTS_AHEAD, "more parts were kept in memory than may be"
    assert s3.most == PARTS_AHEAD
    assert s3.completed == [1, 2, 3, 4, 5, 6, 7]
    assert s3.parts == {**dict.fromkeys(range(1, 7), PART), 7: 4}


def test_a_part_that_fails_fails_the_archive() -> None:
    s3 = Slow()
    s3.broken = 1
    s3.gate.set()
    archive = S3Archive(s3, "bucket", "key")
    for _ in range(PARTS_AHEAD):
        archive.write(WHOLE)

    with pytest.raises(OSError, match="broken"):
        archive.write(WHOLE)

    archive.abort()
    assert s3.log[-1] == "abort"
    assert s3.completed == []


def test_a_last_part_that_fails_fails_the_commit() -> None:
    s3 = Slow()
    s3.broken = 2
    s3.gate.set()
    archive = S3Archive(s3, "bucket", "key")
    archive.write(WHOLE)
    archive.write(b"rest")

    with pytest.raises(OSError, match="broken"):
        archive.commit()
    assert s3.completed == []


def test_an_abort_comes_after_the_parts_under_way() -> None:
    """A part that ends after the abort could stay in S3, and be paid for."""
    s3 = Slow()
    archive = S3Archive(s3, "bucket", "key")
    for _ in range(PARTS_AHEAD):
        archive.write(WHOLE)
    wait_until(lambda: s3.under_way == PARTS_AHEAD)
    aborting = threading.Thread(target=archive.abort)
    aborting.start()
    aborting.join(0.2)
    early = "abort" in s3.log
    s3.gate.set()
    aborting.join(60)

    assert not early
    assert sorted(s3.log) == ["abort", "create", "part 1", "part 2"]
    assert s3.log[-1] == "abort"


def test_a_small_archive_is_one_put() -> None:
    s3 = Slow()
    archive = S3Archive(s3, "bucket", "key")
    archive.write(b"small")
    archive.commit()
    archive.abort()

    assert s3.log == ["put 5"]


def wait_until(condition: Any) -> None:
    for _ in range(6000):
        if condition():
            return
        threading.Event().wait(0.01)
    raise AssertionError("it never came")
