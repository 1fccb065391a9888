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
    TOP,
    Content,
    File,
    FirstPart,
    NewName,
    Placement,
    Quota,
    Removal,
    StoredObject,
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


def object_of(upload: Upload, **changes: Any) -> StoredObject:
    stored = StoredObject(
        object_id=upload.upload_id,
        key=upload.key,
        size=upload.size,
        sha256=upload.sha256 or "",
        names=len(upload.names),
        file_id=upload.upload_id,
        verified=False,
    )
    return replace(stored, **changes)


def file_of(stored: StoredObject, **changes: Any) -> File:
    file = File(
        file_id=stored.object_id,
        name=f"Протокол {stored.object_id}.pdf",
        content_type="application/pdf",
        created_at=NOW,
        object_id=stored.object_id,
        size=stored.size,
        sha256=stored.sha256,
        key=stored.key,
    )
    return replace(file, **changes)


def finish(records: Any, upload: Upload, stored: StoredObject, **options: Any) -> bool:
    done: bool = records.finish(
        upload,
        stored,
        Placement(file_of(stored)),
        **{"due_at": None, "expires_at": FAR_OFF, "scan_due_at": None, **options},
    )
    return done


def removal(file: File, stored: StoredObject, *, hold: bool = False) -> Removal:
    trash = Trash(stored.object_id, stored.key, NOW, stored.size if hold else None)
    return Removal(file, stored, trash)


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
    assert not finish(records, begun, object_of(upload))
    assert finish(records, again, object_of(upload), due_at=NOW)
    assert not finish(records, again, object_of(upload), due_at=NOW)
    assert records.usage() == Usage(500, 1, 0)
    assert records.find([upload.announced]) == {upload.announced: object_of(upload)}
    assert not records.close(again, "aborted", due_at=NOW, hold=False)
    done = records.upload(upload.upload_id)
    assert done
    assert (done.state, done.expires_at, done.due_at) == ("completed", None, NOW)
    assert (done.file_id, done.object_id) == (upload.upload_id, upload.upload_id)
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
    stored = object_of(upload, sha256="e" * 64, first_sha256=part.sha256)

    assert records.find([part]) == {}
    assert records.open(upload, QUOTA)
    assert not records.open(replace(upload, upload_id=str(ULID())), QUOTA)
    assert records.find([part, FirstPart("f" * 64, 50)]) == {part: upload}
    other = finished(records, "other", first_sha256=part.sha256, size=500)
    assert records.find([part]) == {part: other}
    assert records.delete(removal(file_of(other), other))
    assert records.find([part]) == {part: upload}
    assert finish(records, upload, stored)
    assert records.find([part]) == {part: stored}
    assert records.mark_corrupt(stored)
    assert records.find([part]) == {}


@KINDS
def test_an_upload_gives_way_to_an_object_of_its_content(table: FilesTable) -> None:
    records = table.of(owner())
    part = FirstPart("f" * 64, 500)
    upload = replace(make_upload(), sha256=None, first_sha256=part.sha256)
    loser = make_upload()
    stored = object_of(loser, object_id=upload.upload_id, file_id=upload.upload_id)
    trash = Trash(loser.upload_id, loser.key, NOW)
    placement = Placement(file_of(stored, file_id=loser.upload_id, name="other"))
    assert records.open(upload, QUOTA)
    assert records.open(loser, QUOTA)
    assert records.stored_with(stored.content) is None

    def give_way() -> bool:
        return records.give_way(loser, stored, placement, trash, due_at=None, expires_at=FAR_OFF)

    assert not give_way()
    assert finish(records, upload, stored)
    assert records.stored_with(stored.content) == stored
    assert not finish(records, loser, object_of(loser))
    assert give_way()
    assert not give_way()

    assert records.usage() == Usage(500, 2, 0)
    assert records.trash(loser.upload_id) == trash
    done = records.upload(loser.upload_id)
    assert done
    assert (done.state, done.file_id, done.object_id, done.due_at) == (
        "completed", loser.upload_id, stored.object_id, None,
    )  # fmt: skip
    (shared,) = records.stored([stored.object_id]).values()
    assert (shared.names, shared.file_id) == (2, loser.upload_id)
    assert records.file(loser.upload_id) == placement.file


@KINDS
def test_an_upload_whose_claim_was_taken_can_be_closed(table: FilesTable) -> None:
    records = table.of(owner())
    upload = replace(make_upload(), sha256=None, first_sha256="f" * 64)
    loser = make_upload()
    stored = object_of(loser, object_id=upload.upload_id, file_id=upload.upload_id)
    assert records.open(upload, QUOTA)
    assert records.open(loser, QUOTA)
    assert finish(records, upload, stored)

    assert records.close(loser, "aborted", due_at=NOW, hold=False)
    assert not records.close(loser, "aborted", due_at=NOW, hold=False)

    assert records.usage() == Usage(500, 1, 0)
    assert records.find([stored.content]) == {stored.content: stored}


@KINDS
def test_further_names_of_an_upload(table: FilesTable) -> None:
    records = table.of(owner())
    upload = make_upload()
    second = NewName(folder="x", name="b", content_type="text/plain", metadata={"team": "é"})
    assert records.open(upload, QUOTA)

    assert records.add_name(upload, second, Quota(1000, 2, 2))
    assert not records.add_name(upload, second, QUOTA)
    named = replace(upload, also=(second,))
    assert records.upload(upload.upload_id) == named
    assert not records.add_name(named, second, Quota(1000, 2, 2))
    assert not finish(records, upload, object_of(upload))
    stored = object_of(named)
    assert finish(records, named, stored, due_at=NOW)
    assert records.usage() == Usage(500, 2, 0)
    done = records.upload(upload.upload_id)
    assert done
    assert done.unmade == 1
    file = file_of(stored, file_id=str(ULID()), name="b")
    assert not records.delete(replace_names(removal(file_of(stored), stored), 1))
    made = records.make_further(done, 0, Placement(file))
    assert made == replace(done, also=(replace(second, file_id=file.file_id),))
    assert records.upload(upload.upload_id) == made
    assert records.make_further(done, 0, Placement(file)) is None
    assert records.stored([stored.object_id])[stored.object_id].names == 2
    assert records.usage() == Usage(500, 2, 0)


@KINDS
def test_names_of_an_object_are_made_replaced_moved_and_deleted(table: FilesTable) -> None:
    records = table.of(owner())
    one, other = finished(records, "one"), finished(records, "other")
    first, quota = file_of(one), Quota(None, 2, 4)
    second = file_of(one, file_id=str(ULID()), name="b")

    assert records.make(Placement(second), quota)
    assert not records.make(Placement(second), quota)
    assert not records.make(Placement(replace(second, file_id=str(ULID()))), quota)
    assert not records.make(Placement(replace(second, name="z")), quota)
    assert not records.delete(removal(replace(first, name="z"), replace(one, names=2)))
    rotten = finished(records, "rotten")
    assert records.mark_corrupt(rotten)
    over = file_of(rotten, file_id=str(ULID()), name="over")
    assert not records.make(Placement(over), Quota(None, 2))
    assert records.delete(removal(file_of(rotten), replace(rotten, corrupt=True)))
    third = file_of(one, file_id=str(ULID()), name="c", folder_id="nowhere")
    assert not records.make(Placement(third), quota)
    assert not records.make(Placement(replace(third, folder_id=TOP)), Quota(None, 2, 3))
    assert records.usage() == Usage(20, 3, 0)
    assert records.named(TOP, ["b", "c"]) == {"b": second.file_id}
    # The other file takes the name, and its content has no name left.
    gone = removal(file_of(other), other)
    taking = replace(second, name=file_of(other).name)
    assert not records.move(replace(second, name="x"), Placement(taking, gone))
    assert not records.move(second, Placement(taking))
    assert records.move(second, Placement(taking, gone))
    assert records.file(second.file_id) == taking
    assert records.file(gone.file.file_id) is None
    assert records.trash(other.object_id) == gone.trash
    assert records.usage() == Usage(10, 2, 0)
    assert records.named(TOP, ["b", taking.name]) == {taking.name: second.file_id}
    two = replace(one, names=2, file_id=second.file_id)
    assert records.stored([one.object_id]) == {one.object_id: two}
    assert records.delete(removal(first, two))
    assert not records.delete(removal(taking, two))
    assert records.delete(removal(taking, replace(two, names=1)))
    assert records.usage() == Usage()


def replace_names(one: Removal, names: int) -> Removal:
    return replace(one, stored=replace(one.stored, names=names))


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
    assert finish(records, grown, object_of(upload, size=250))

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
    stored = finished(records, "b")
    before = records.usage()

    assert records.close(upload, "aborted", due_at=NOW, hold=True)
    assert records.delete(removal(file_of(stored), stored, hold=True))

    assert records.usage() == replace(before, open_uploads=0)
    closed, trash = records.upload(upload.upload_id), records.trash(stored.object_id)
    assert closed
    assert trash
    assert (closed.held, trash.held) == (500, stored.size)
    for _ in range(2):
        for ended in (closed, trash):
            records.give_back(ended, due_at="2026-11-23T09:00:00.000Z")
    assert records.usage() == Usage()
    assert records.upload(upload.upload_id) == replace(
        closed, held=None, due_at="2026-11-23T09:00:00.000Z"
    )
    assert records.trash(stored.object_id) == replace(
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


def finished(
    records: Any, name: str, *, first_sha256: str | None = None, size: int = 10
) -> StoredObject:
    upload = make_upload(name, size)
    stored = object_of(upload, first_sha256=first_sha256)
    assert records.open(upload, Quota(None, 100))
    assert finish(records, upload, stored, expires_at=5)
    return stored


@KINDS
def test_files(table: FilesTable) -> None:
    records = table.of(owner())
    stored = [finished(records, str(number)) for number in range(5)]
    stored.sort(key=lambda one: one.object_id, reverse=True)
    files, (one, other) = list(map(file_of, stored)), stored[:2]

    newest, more = records.listed("created_at", limit=10, descending=True)
    assert [one.file for one in newest] == files
    assert not more
    page, more = records.listed("created_at", after=files[1].file_id, limit=2, descending=True)
    assert [one.file for one in page] == files[2:4]
    assert records.listed("created_at", after="0" * 26, limit=2, descending=True) == ([], False)
    assert len(records.uploads(before=None, limit=10)) == 5
    records.mark_verified(one)
    verified = replace(one, verified=True, verified_by="verifier")
    assert records.stored([one.object_id]) == {one.object_id: verified}
    assert not records.mark_corrupt(one)
    assert records.mark_corrupt(other)
    assert not records.mark_corrupt(other)
    records.mark_verified(other)
    corrupt = replace(other, corrupt=True)
    assert records.stored([other.object_id]) == {other.object_id: corrupt}
    assert records.find([other.content]) == {}
    assert not records.delete(removal(files[1], other))
    assert records.delete(removal(files[1], corrupt))
    assert records.delete(removal(files[0], one))
    assert not records.delete(removal(files[0], one))
    records.mark_verified(one)
    assert records.stored([one.object_id]) == {}
    assert records.file(files[0].file_id) is None
    assert records.upload(one.object_id) is None
    assert records.trash(one.object_id) == Trash(one.object_id, one.key, NOW)
    assert records.usage() == Usage(30, 3, 0)


@KINDS
def test_what_is_due(table: FilesTable) -> None:
    who = owner()
    records = table.of(who)
    uploads = [make_upload(str(number), 1) for number in range(12)]
    for upload in uploads:
        records.open(upload, Quota(None, 100))
    stored = finished(records, "file")
    records.delete(removal(file_of(stored), stored))

    def due(now: str) -> list[tuple[str, str]]:
        return sorted((one.kind, one.id) for one in table.due(now) if one.owner == who)

    assert due("2026-11-22T08:59:59.999Z") == []
    assert due(NOW) == [("trash", stored.object_id)]
    assert due("2026-11-29T09:00:00.000Z") == sorted(
        [("trash", stored.object_id), *(("upload", upload.upload_id) for upload in uploads)]
    )
    for upload in uploads:
        records.close(upload, "expired", due_at=NOW, hold=False)
        records.settle(upload, expires_at=5)
    assert due("2026-12-29T09:00:00.000Z") == [("trash", stored.object_id)]


@KINDS
def test_many_contents_at_once(table: FilesTable) -> None:
    records = table.of(owner())
    objects = [finished(records, str(number)) for number in range(60)]
    upload = make_upload("open", 1)
    records.open(upload, Quota(None, 100))

    found = records.find([*(one.content for one in objects), upload.announced])

    assert found == {upload.announced: upload, **{one.content: one for one in objects}}
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
