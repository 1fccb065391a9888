"""The adapters of file transfer against DynamoDB and S3, and the fakes of the unit tests against
the same: each does the same in both, and what comes of it is compared."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest
import urllib3
from ulid import ULID

from local.cloud import Cloud
from tests.fake_aws.dynamo import FakeDynamoTable
from tests.fake_aws.s3 import Body, FakeS3, S3Refused
from tests.fake_aws.wire import Wire
from tests.runtime.fakes import FakeClock
from wideload_runtime.adapters import clients
from wideload_runtime.adapters.files_bucket import FilesBucket
from wideload_runtime.adapters.files_table import FilesTable
from wideload_runtime.adapters.tables import Table
from wideload_runtime.core.files.parts import base64_of, composite
from wideload_runtime.core.files.ports import Ask, Stored
from wideload_runtime.core.files.records import (
    Content,
    File,
    FirstPart,
    Quota,
    Trash,
    Upload,
    Usage,
)

MIB = 1024**2
NOW = "2026-11-22T09:00:00.000Z"
LATER = "2026-11-22T09:05:00.000Z"
FAR_OFF = 4_000_000_000
"""Epoch seconds."""
QUOTA = Quota(1000, 2)
KINDS = pytest.mark.parametrize("kind", ["fake", "real"])


@pytest.fixture(scope="session")
def real_table(cloud: Cloud) -> Any:
    dynamodb = cloud.client("dynamodb")
    name = "files-of-a-test"
    dynamodb.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[
            {"AttributeName": attribute, "AttributeType": "S"}
            for attribute in ("owner", "item", "due_shard", "due_at")
        ],
        KeySchema=[
            {"AttributeName": "owner", "KeyType": "HASH"},
            {"AttributeName": "item", "KeyType": "RANGE"},
        ],
        GlobalSecondaryIndexes=[
            {
                "IndexName": "by_due",
                "KeySchema": [
                    {"AttributeName": "due_shard", "KeyType": "HASH"},
                    {"AttributeName": "due_at", "KeyType": "RANGE"},
                ],
                "Projection": {"ProjectionType": "KEYS_ONLY"},
            }
        ],
    )
    return Table(dynamodb, name)


@pytest.fixture
def table(kind: str, request: pytest.FixtureRequest) -> FilesTable:
    return FilesTable(
        FakeDynamoTable(Wire()) if kind == "fake" else request.getfixturevalue("real_table")
    )


def make_upload(name: str = "a", size: int = 500) -> Upload:
    upload_id = str(ULID())
    return Upload(
        upload_id=upload_id,
        state="open",
        name="Протокол.pdf",
        size=size,
        content_type="application/pdf",
        sha256=Body.made_up(size, name).sha256,
        part_size=100,
        part_count=5,
        key=f"files/x/{upload_id}",
        created_at=NOW,
        session_ends="2026-11-29T09:00:00.000Z",
        due_at="2026-11-29T09:00:00.000Z",
    )


def file_of(upload: Upload) -> File:
    return File(
        file_id=upload.upload_id,
        name=upload.name,
        size=upload.size,
        content_type=upload.content_type,
        sha256=upload.sha256 or "",
        verified=False,
        created_at=NOW,
        key=upload.key,
    )


def owner() -> str:
    return f"owner {ULID()}"


@KINDS
def test_an_upload_from_beginning_to_end(table: FilesTable) -> None:
    records = table.of(owner())
    upload = make_upload()

    assert records.open(upload, QUOTA)
    assert records.upload(upload.upload_id) == upload
    assert records.find([upload.announced, Content("0" * 64, 1)]) == {upload.announced: upload}
    records.begin_multipart(upload, "first")
    records.begin_multipart(upload, "second")
    begun = replace(upload, s3_upload_id="first")
    assert records.upload(upload.upload_id) == begun
    ask = Ask("A", LATER, "c-5", Content(upload.sha256 or "", 500), "f" * 64)
    other = replace(ask, id="B")
    assert records.begin_ask(upload, ask, since=NOW, due_at=NOW) is None
    completing = records.begin_ask(begun, ask, since=NOW, due_at=NOW)
    assert completing == replace(
        begun,
        state="completing",
        composite="c-5",
        joined_sha256=upload.sha256,
        joined_size=500,
        joined_first_sha256="f" * 64,
        completing_since=NOW,
        due_at=NOW,
        ask_id="A",
        ask_ends=LATER,
    )
    assert records.begin_ask(begun, other, since=NOW, due_at=NOW) is None
    # As when the answer to the request was lost, and it is made again underneath.
    same = records.begin_ask(begun, ask, since=NOW, due_at=NOW)
    assert same == completing
    ended = records.end_ask(completing, ends=NOW, conflict_since=None)
    assert ended == replace(completing, ask_ends=NOW)
    second = records.begin_ask(ended, other, since=NOW, due_at=NOW)
    assert second == replace(completing, ask_id="B")
    assert records.end_ask(completing, ends=NOW, conflict_since=NOW) is None
    refused = records.end_ask(second, ends=NOW, conflict_since=NOW)
    assert refused == replace(second, ask_ends=NOW, conflict_since=NOW)
    assert not records.reopen(begun)
    assert records.reopen(refused)
    again = replace(
        begun,
        composite="c-5",
        joined_sha256=upload.sha256,
        joined_size=500,
        joined_first_sha256="f" * 64,
    )
    assert records.upload(upload.upload_id) == again
    assert not records.finish(begun, file_of(upload), due_at=None, expires_at=FAR_OFF)
    assert records.finish(again, file_of(upload), due_at=NOW, expires_at=FAR_OFF)
    assert not records.finish(again, file_of(upload), due_at=NOW, expires_at=FAR_OFF)
    assert records.usage() == Usage(500, 1, 0)
    assert records.find([upload.announced]) == {upload.announced: file_of(upload)}
    assert not records.close(again, "aborted", due_at=NOW, hold=False)
    done = records.upload(upload.upload_id)
    assert done
    assert (done.state, done.expires_at, done.due_at) == ("completed", FAR_OFF, NOW)
    records.settle(done, expires_at=FAR_OFF + 1)
    settled = records.upload(upload.upload_id)
    assert settled == replace(done, due_at=None, expires_at=FAR_OFF + 1)
    records.settle(done, expires_at=5)
    assert records.upload(upload.upload_id) is None  # though it is still there


@KINDS
def test_uploads_and_files_are_found_by_their_first_part(table: FilesTable) -> None:
    records = table.of(owner())
    part = FirstPart("f" * 64, 500)
    upload = replace(make_upload(), sha256=None, first_sha256=part.sha256)
    file = replace(file_of(make_upload()), file_id=upload.upload_id, first_sha256=part.sha256)

    assert records.find([part]) == {}
    assert records.open(upload, QUOTA)
    assert not records.open(replace(upload, upload_id=str(ULID())), QUOTA)
    assert records.find([part, FirstPart("f" * 64, 50)]) == {part: upload}
    other = finished(records, "other", first_sha256=part.sha256, size=500)
    assert records.find([part]) == {part: other}
    assert records.delete(other, due_at=NOW, hold=False)
    assert records.find([part]) == {part: upload}
    assert records.finish(upload, file, due_at=None, expires_at=FAR_OFF)
    assert records.find([part]) == {part: file}
    assert records.mark_corrupt(file)
    assert records.find([part]) == {}


@KINDS
def test_an_upload_gives_way_to_a_file_of_its_content(table: FilesTable) -> None:
    records = table.of(owner())
    part = FirstPart("f" * 64, 500)
    upload = replace(make_upload(), sha256=None, first_sha256=part.sha256)
    loser = make_upload()
    file = replace(file_of(loser), file_id=upload.upload_id)
    trash = Trash(loser.upload_id, loser.key, NOW)
    assert records.open(upload, QUOTA)
    assert records.open(loser, QUOTA)
    assert records.file_with(file.content) is None

    assert not records.give_way(loser, file, trash, expires_at=FAR_OFF)
    assert records.finish(upload, file, due_at=None, expires_at=FAR_OFF)
    assert records.file_with(file.content) == file
    assert not records.finish(loser, file_of(loser), due_at=None, expires_at=FAR_OFF)
    assert records.give_way(loser, file, trash, expires_at=FAR_OFF)
    assert not records.give_way(loser, file, trash, expires_at=FAR_OFF)

    assert records.usage() == Usage(500, 1, 0)
    assert records.trash(loser.upload_id) == trash
    done = records.upload(loser.upload_id)
    assert done
    assert (done.state, done.file_id, done.due_at) == ("completed", file.file_id, None)


@KINDS
def test_an_upload_whose_claim_was_taken_can_be_closed(table: FilesTable) -> None:
    records = table.of(owner())
    upload = replace(make_upload(), sha256=None, first_sha256="f" * 64)
    loser = make_upload()
    file = replace(file_of(loser), file_id=upload.upload_id)
    assert records.open(upload, QUOTA)
    assert records.open(loser, QUOTA)
    assert records.finish(upload, file, due_at=None, expires_at=FAR_OFF)

    assert records.close(loser, "aborted", due_at=NOW, hold=False)
    assert not records.close(loser, "aborted", due_at=NOW, hold=False)

    assert records.usage() == Usage(500, 1, 0)
    assert records.find([file.content]) == {file.content: file}


@KINDS
def test_an_unsized_upload_grows_within_the_quota(table: FilesTable) -> None:
    records = table.of(owner())
    upload = replace(make_upload(size=0), sha256=None, unsized=True, part_count=0)
    assert records.open(upload, QUOTA)

    assert records.grow(upload, 600, QUOTA)
    grown = replace(upload, size=600)
    assert records.upload(upload.upload_id) == grown
    assert not records.grow(upload, 300, QUOTA)
    assert not records.grow(grown, 1001, QUOTA)
    assert not records.grow(grown, 5000, QUOTA)
    assert records.grow(grown, 1000, QUOTA)
    assert records.usage() == Usage(1000, 1, 1)
    assert not records.close(grown, "aborted", due_at=NOW, hold=False)
    grown = replace(upload, size=1000)
    file = replace(file_of(upload), size=250)
    assert records.finish(grown, file, due_at=None, expires_at=FAR_OFF)

    assert records.usage() == Usage(250, 1, 0)
    done = records.upload(upload.upload_id)
    assert done
    assert (done.size, done.part_count) == (250, 3)


@KINDS
def test_a_content_is_there_once_and_the_quota_holds(table: FilesTable) -> None:
    records = table.of(owner())
    first, second = make_upload("a", 500), make_upload("b", 500)

    assert records.open(first, QUOTA)
    assert not records.open(make_upload("a", 500), QUOTA)
    assert not records.open(make_upload("x", 501), QUOTA)
    assert not records.open(make_upload("x", 1001), QUOTA)
    assert records.open(second, QUOTA)
    assert not records.open(make_upload("x", 0), QUOTA)
    assert records.open(make_upload("x", 0), Quota(None, 3))
    assert records.usage() == Usage(1000, 3, 3)
    assert not records.open(make_upload("y", 0), Quota(None, 4, 3))
    assert not records.open(make_upload("y", 0), Quota(None, 4, 0))
    assert records.close(first, "expired", due_at=NOW, hold=False)
    assert not records.close(first, "aborted", due_at=NOW, hold=False)
    assert records.usage() == Usage(500, 2, 2)
    assert records.open(make_upload("a", 500), Quota(1000, 3, 3))


@KINDS
def test_what_is_held_is_given_back_once(table: FilesTable) -> None:
    records = table.of(owner())
    upload = make_upload("a", 500)
    records.open(upload, QUOTA)
    file = finished(records, "b")
    before = records.usage()

    assert records.close(upload, "aborted", due_at=NOW, hold=True)
    assert records.delete(file, due_at=NOW, hold=True)

    assert records.usage() == replace(before, open_uploads=0)
    closed, trash = records.upload(upload.upload_id), records.trash(file.file_id)
    assert closed
    assert trash
    assert (closed.held, trash.held) == (500, file.size)
    for _ in range(2):
        for ended in (closed, trash):
            records.give_back(ended, due_at="2026-11-23T09:00:00.000Z")
    assert records.usage() == Usage()
    assert records.upload(upload.upload_id) == replace(
        closed, held=None, due_at="2026-11-23T09:00:00.000Z"
    )
    assert records.trash(file.file_id) == replace(
        trash, held=None, due_at="2026-11-23T09:00:00.000Z"
    )


@KINDS
def test_beginning_anew_leaves_trash(table: FilesTable) -> None:
    records = table.of(owner())
    upload = make_upload()
    records.open(upload, QUOTA)
    records.begin_multipart(upload, "first")
    begun = replace(upload, s3_upload_id="first")
    trash = Trash(str(ULID()), upload.key, NOW)

    assert not records.begin_anew(upload, key="files/x/new", trash=trash)
    assert records.trash(trash.id) is None
    assert records.begin_anew(begun, key="files/x/new", trash=trash)
    assert not records.begin_anew(begun, key="files/x/newer", trash=trash)
    assert records.upload(upload.upload_id) == replace(upload, key="files/x/new")
    assert records.trash(trash.id) == trash
    records.forget(trash)
    assert records.trash(trash.id) is None


def finished(records: Any, name: str, *, first_sha256: str | None = None, size: int = 10) -> File:
    upload = make_upload(name, size)
    file = replace(file_of(upload), first_sha256=first_sha256)
    assert records.open(upload, Quota(None, 100))
    assert records.finish(upload, file, due_at=None, expires_at=5)
    return file


@KINDS
def test_files(table: FilesTable) -> None:
    records = table.of(owner())
    files = [finished(records, str(number)) for number in range(5)]
    files.sort(key=lambda file: file.file_id, reverse=True)
    one, other = files[0], files[1]

    newest, more = records.listed("created_at", limit=10, descending=True)
    assert [one.file for one in newest] == files
    assert not more
    page, more = records.listed("created_at", after=files[1].file_id, limit=2, descending=True)
    assert [one.file for one in page] == files[2:4]
    assert records.listed("created_at", after="0" * 26, limit=2, descending=True) == ([], False)
    assert len(records.uploads(before=None, limit=10)) == 5
    assert records.rename(one.file_id, "b") == replace(one, name="b")
    assert records.rename("0" * 26, "b") is None
    records.mark_verified(one)
    assert records.file(one.file_id) == replace(one, name="b", verified=True)
    assert not records.mark_corrupt(one)
    assert records.mark_corrupt(other)
    assert not records.mark_corrupt(other)
    records.mark_verified(other)
    corrupt = replace(other, corrupt=True)
    assert records.file(other.file_id) == corrupt
    assert records.find([other.content]) == {}
    assert not records.delete(other, due_at=NOW, hold=False)
    assert records.delete(corrupt, due_at=NOW, hold=False)
    assert records.delete(one, due_at=NOW, hold=False)
    assert not records.delete(one, due_at=NOW, hold=False)
    records.mark_verified(one)
    assert records.file(one.file_id) is None
    assert records.upload(one.file_id) is None
    assert records.trash(one.file_id) == Trash(one.file_id, one.key, NOW)
    assert records.usage() == Usage(30, 3, 0)


@KINDS
def test_what_is_due(table: FilesTable) -> None:
    who = owner()
    records = table.of(who)
    uploads = [make_upload(str(number), 1) for number in range(12)]
    for upload in uploads:
        records.open(upload, Quota(None, 100))
    file = finished(records, "file")
    records.delete(file, due_at=NOW, hold=False)

    def due(now: str) -> list[tuple[str, str]]:
        return sorted((one.kind, one.id) for one in table.due(now) if one.owner == who)

    assert due("2026-11-22T08:59:59.999Z") == []
    assert due(NOW) == [("trash", file.file_id)]
    assert due("2026-11-29T09:00:00.000Z") == sorted(
        [("trash", file.file_id), *(("upload", upload.upload_id) for upload in uploads)]
    )
    for upload in uploads:
        records.close(upload, "expired", due_at=NOW, hold=False)
        records.settle(upload, expires_at=5)
    assert due("2026-12-29T09:00:00.000Z") == [("trash", file.file_id)]


@KINDS
def test_many_contents_at_once(table: FilesTable) -> None:
    records = table.of(owner())
    files = [finished(records, str(number)) for number in range(60)]
    upload = make_upload("open", 1)
    records.open(upload, Quota(None, 100))

    found = records.find([*(file.content for file in files), upload.announced])

    assert found == {upload.announced: upload, **{file.content: file for file in files}}
    assert records.find([]) == {}


# S3


@dataclass
class Bucket:
    adapter: FilesBucket
    send: Callable[[dict[str, Any], bytes], tuple[int, str]]
    """Make an action's request with a body; S3's status and code."""
    prefix: str


@pytest.fixture
def s3(
    kind: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Bucket]:
    prefix = f"files/{ULID()}/"
    if kind == "fake":
        fake = FakeS3(Wire(), FakeClock().now)

        def send_to_fake(action: dict[str, Any], body: bytes) -> tuple[int, str]:
            try:
                fake.send(action, Body.of(body))
            except S3Refused as refused:
                return refused.status, refused.code
            return 200, ""

        yield Bucket(FilesBucket(fake, "bucket"), send_to_fake, prefix)
        return
    cloud: Cloud = request.getfixturevalue("cloud")
    for name, value in cloud.settings.items():
        monkeypatch.setenv(name, value)
    client = clients.s3("path")
    client.create_bucket(Bucket="files-of-a-test")
    with urllib3.PoolManager(ca_certs=str(cloud.ca_bundle), retries=False) as pool:

        def send(action: dict[str, Any], body: bytes) -> tuple[int, str]:
            answer = pool.request(
                action["method"], action["href"], body=body, headers=action["headers"]
            )
            code = answer.data.decode().partition("<Code>")[2].partition("</Code>")[0]
            return answer.status, code

        yield Bucket(FilesBucket(client, "files-of-a-test"), send, prefix)


@KINDS
@pytest.mark.parametrize("data", [b"", b"hello"])
def test_a_single_put(s3: Bucket, data: bytes) -> None:
    key, body = s3.prefix + "a", Body.of(data)
    action = s3.adapter.sign_put(key, size=len(data), sha256=body.sha256, seconds=60)

    assert s3.adapter.stored(key) is None
    assert s3.send({**action, "headers": {}}, data)[0] == 403
    assert s3.send(action, b"x" * len(data))[0] == (400 if data else 200)
    if data:
        assert s3.send(action, data) == (200, "")
    assert s3.send(action, data) == (412, "PreconditionFailed")
    assert s3.adapter.stored(key) == Stored(len(data), base64_of(body.sha256))
    s3.adapter.remove(key)
    s3.adapter.remove(key)
    assert s3.adapter.stored(key) is None


@KINDS
def test_a_multipart_upload(s3: Bucket) -> None:
    key = s3.prefix + "b"
    pieces = [b"a" * 5 * MIB, b"b" * 5 * MIB, b"c"]
    upload_id = s3.adapter.begin_multipart(key)

    def send(number: int, data: bytes) -> tuple[int, str]:
        sha256 = Body.of(data).sha256
        action = s3.adapter.sign_part(
            key, upload_id, number, size=len(data), sha256=sha256, seconds=60
        )
        return s3.send(action, data)

    assert s3.adapter.parts(key, upload_id) == []
    for number, piece in enumerate(pieces, start=1):
        assert send(number, piece) == (200, "")
    parts = s3.adapter.parts(key, upload_id)
    assert parts
    assert [(part.number, part.size, part.checksum) for part in parts] == [
        (number, len(piece), Body.of(piece).checksum) for number, piece in enumerate(pieces, 1)
    ]
    assert send(2, b"d" * 5 * MIB) == (200, "")
    assert s3.adapter.complete(key, upload_id, parts, seconds=5) == "refused"
    assert s3.adapter.stored(key) is None
    assert send(2, pieces[1]) == (200, "")
    again = s3.adapter.parts(key, upload_id) or []
    assert s3.adapter.complete(key, upload_id, again, seconds=20) == "done"
    expected = composite([Body.of(piece).sha256 for piece in pieces])
    assert s3.adapter.stored(key) == Stored(10 * MIB + 1, expected)
    # S3 remembers for a while that it did so, or knows the upload no more.
    assert s3.adapter.complete(key, upload_id, again, seconds=5) in {"done", "unclear"}
    assert s3.adapter.parts(key, upload_id) is None
    assert send(1, pieces[0]) == (404, "NoSuchUpload")
    s3.adapter.remove(key, upload_id)


@KINDS
def test_no_object_is_made_where_one_is(s3: Bucket) -> None:
    key = s3.prefix + "c"
    upload_id = s3.adapter.begin_multipart(key)
    action = s3.adapter.sign_part(
        key, upload_id, 1, size=1, sha256=Body.of(b"x").sha256, seconds=60
    )
    assert s3.send(action, b"x") == (200, "")
    put = s3.adapter.sign_put(key, size=1, sha256=Body.of(b"y").sha256, seconds=60)
    assert s3.send(put, b"y") == (200, "")
    parts = s3.adapter.parts(key, upload_id) or []

    assert s3.adapter.complete(key, upload_id, parts, seconds=5) == "unclear"

    assert s3.adapter.stored(key) == Stored(1, Body.of(b"y").checksum)


@KINDS
def test_an_aborted_upload_takes_nothing(s3: Bucket) -> None:
    key = s3.prefix + "d"
    upload_id = s3.adapter.begin_multipart(key)
    action = s3.adapter.sign_part(
        key, upload_id, 1, size=1, sha256=Body.of(b"x").sha256, seconds=60
    )

    s3.adapter.try_abort(key, upload_id)
    s3.adapter.try_abort(key, upload_id)

    assert s3.send(action, b"x") == (404, "NoSuchUpload")
    assert s3.adapter.parts(key, upload_id) is None


@KINDS
def test_pages_of_parts(s3: Bucket) -> None:
    key = s3.prefix + "e"
    upload_id = s3.adapter.begin_multipart(key)
    for number in range(1, 1_003):
        body = str(number).encode()
        sha256 = Body.of(body).sha256
        action = s3.adapter.sign_part(
            key, upload_id, number, size=len(body), sha256=sha256, seconds=60
        )
        assert s3.send(action, body) == (200, "")

    parts = s3.adapter.parts(key, upload_id)

    assert parts
    assert [part.number for part in parts] == list(range(1, 1_003))
    s3.adapter.try_abort(key, upload_id)
