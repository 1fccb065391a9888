"""Uploads and files of two people in any order of events, against the real table and bucket.

The clock is the test's own, so that sessions end when it says so. A function that dies does so
between two requests to AWS: before one, or after it with its answer lost.
"""

from __future__ import annotations

import hashlib
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
import urllib3
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from ulid import ULID

from local.cloud import Cloud
from local.outputs import Outputs
from tests.integration.files.conftest import MIB, parts_of
from wideload_runtime.adapters import clients
from wideload_runtime.adapters.files_bucket import FilesBucket
from wideload_runtime.adapters.files_index import index_items
from wideload_runtime.adapters.files_items import file_of
from wideload_runtime.adapters.files_queue import VerificationQueue
from wideload_runtime.adapters.files_table import FilesTable
from wideload_runtime.core.errors import Refused
from wideload_runtime.core.files.limits import Limits
from wideload_runtime.core.files.names import DEFAULT_CONTENT_TYPE
from wideload_runtime.core.files.ports import Due
from wideload_runtime.core.files.records import (
    Announced,
    Content,
    File,
    FirstPart,
    NewName,
    Quota,
)
from wideload_runtime.core.files.requests import Change, Claim, UploadRequest, WantedPart
from wideload_runtime.core.files.sweep import Report
from wideload_runtime.core.files.transfer import FileTransfer, key_prefix

DAY = 24 * 3600
SMALL = [hashlib.shake_256(name).digest(500) for name in (b"a", b"b")]
LARGE = hashlib.shake_256(b"c").digest(MIB) * 3 + b"end"
"""Four parts, of which three are the same."""
CONTENTS = [*SMALL, LARGE]
QUOTA = Quota(2 * len(LARGE) + 1000, 2)
PEOPLE = st.sampled_from(["ann", "bob"])
PICK = st.integers(0, 5)
"""Which of several, the last ones more often."""
CRASH = st.sampled_from([None, None, None, 0, 1, 1, 2, 2, 3, 4, 5])
"""After how many requests to AWS the function dies; None: it doesn't."""


class Killed(BaseException):
    """A function died. No code of the project's catches it."""


@dataclass
class Fate:
    """Counts requests to AWS, and lets the function die at one of them."""

    left: int | None = None
    after: bool = False
    """Whether AWS still does what the last request asked for."""

    def before_call(self, **_: Any) -> None:
        if self.left is None:
            return
        if self.left == 0 and not self.after:
            raise Killed
        self.left -= 1

    def after_call(self, **_: Any) -> None:
        if self.left == -1 and self.after:
            raise Killed


@dataclass
class World:
    """File transfer as the functions make it, over the deployed table and bucket."""

    cloud: Cloud
    outputs: Outputs
    http: urllib3.PoolManager
    happened: Counter[str]
    fate: Fate = field(default_factory=Fate)
    ahead: float = 0.0

    def __post_init__(self) -> None:
        names = self.outputs["files"]
        self.name = names["bucket"]
        self.items = self.cloud.table(names["table"])
        self.s3 = self.cloud.client("s3")
        table, s3 = clients.table(names["table"]), clients.s3("path")
        for client in (table.meta.client, s3):
            client.meta.events.register("before-call", self.fate.before_call)
            client.meta.events.register("after-call", self.fate.after_call)
        self.table = _OwnTable(table)
        # Without a thread, from which a function's death would not be seen.
        self.bucket = FilesBucket(s3, self.name, run=lambda work, seconds: work())
        self.transfer = FileTransfer(
            table=self.table,
            bucket=self.bucket,
            verifications=VerificationQueue(None, ""),
            metrics=_NoMetrics(),
            limits=Limits(
                url_seconds=3600,
                session_seconds=7 * DAY,
                max_file_size=10**12,
                quota=QUOTA,
                # The emulator takes parts of any size: small ones are many more steps a minute.
                single_put=MIB,
                smallest_part=MIB,
            ),
            life_seconds=None,
            scan_seconds=None,
            new_id=lambda: str(ULID.from_timestamp(self.now())),
            now=self.now,
        )

    def now(self) -> float:
        return time.time() + self.ahead

    def keys(self, owner: str) -> set[str]:
        found = self.s3.list_objects_v2(Bucket=self.name, Prefix=key_prefix(owner))
        return {item["Key"] for item in found.get("Contents", [])}

    def multiparts(self, owner: str) -> set[str]:
        """S3's ids."""
        found = self.s3.list_multipart_uploads(Bucket=self.name, Prefix=key_prefix(owner))
        return {
            one["UploadId"]
            for one in found.get("Uploads", [])
            if one["Key"].startswith(key_prefix(owner))
        }

    def records(self, owner: str) -> list[dict[str, Any]]:
        """A person's items."""
        found = self.items.query(
            KeyConditionExpression="#owner = :owner",
            ExpressionAttributeNames={"#owner": "owner"},
            ExpressionAttributeValues={":owner": owner},
            ConsistentRead=True,
        )
        items: list[dict[str, Any]] = found["Items"]
        return items

    def sweep(self) -> Report:
        return self.transfer.sweep(seconds_left=lambda: 60, tell=_fail).run()


def _fail(due: Any) -> None:
    raise AssertionError(f"the sweep could not deal with {due}")


class _OwnTable(FilesTable):
    """Where the sweep sees this test's people alone: its clock is not that of the others."""

    people: frozenset[str] = frozenset()

    def due(self, now: str) -> Iterator[Due]:
        return (due for due in super().due(now) if due.owner in self.people)


class _NoMetrics:
    def add(self, name: str, value: float) -> None: ...


class Transfers(RuleBasedStateMachine):
    """Table and bucket agree with every answer that people got, after any event."""

    world: World

    def __init__(self) -> None:
        super().__init__()
        self.world.ahead = 0.0
        self.world.fate.left = None
        run = str(ULID())
        self.owners = {name: f"{name} {run}" for name in ("ann", "bob")}
        self.world.table.people = frozenset(self.owners.values())
        self.uploads: dict[str, list[tuple[str, bytes]]] = {"ann": [], "bob": []}
        self.actions: list[tuple[dict[str, Any], bytes, float]] = []
        """A signed request: its bytes, and its time."""
        self.told: dict[str, tuple[str, bytes]] = {}
        """Whose each file is, and what it holds; without those whose deletion was begun."""

    def attempt(self, crash: int | None, after: bool, work: Callable[[], Any]) -> Any:
        """The answer to a request; None if it was refused, or its function died."""
        fate = self.world.fate
        fate.left, fate.after = crash, after
        try:
            return work()
        except Refused:
            self.world.happened["refused"] += 1
            return None
        except Killed:
            self.world.happened["died"] += 1
            return None
        finally:
            fate.left = None

    def of(self, who: str) -> Any:
        return self.world.transfer.uploads(self.owners[who], seconds_left=lambda: 20)

    def files_of(self, who: str) -> Any:
        return self.world.transfer.files(self.owners[who])

    def pick(self, who: str, pick: int) -> tuple[str, bytes] | None:
        known = self.uploads[who]
        return known[-1 - min(pick, len(known) - 1)] if known else None

    def remember(self, who: str, shown: dict[str, Any], content: bytes) -> None:
        self.world.happened["told of a file"] += 1
        assert shown["size"] == len(content)
        assert shown["sha256"] == hashlib.sha256(content).hexdigest()
        self.told[shown["file_id"]] = (who, content)

    # What people do

    @rule(
        who=PEOPLE,
        content=st.sampled_from(CONTENTS),
        hashed=st.booleans(),
        crash=CRASH,
        after=st.booleans(),
    )
    def create(
        self, who: str, content: bytes, hashed: bool, crash: int | None, after: bool
    ) -> None:
        announced: Announced = Content(hashlib.sha256(content).hexdigest(), len(content))
        if not hashed:
            announced = FirstPart(hashlib.sha256(content[:MIB]).hexdigest(), len(content))
        name = NewName(name="a.bin", content_type=DEFAULT_CONTENT_TYPE)
        wish = UploadRequest(name, announced)
        answers = self.attempt(crash, after, lambda: self.of(who).create([wish]))
        if not answers:
            return
        [answer] = answers
        if "hash_first" in answer:
            self.world.happened["to be hashed first"] += 1
            return
        if "duplicate" in answer:
            self.remember(who, answer["file"], content)
            return
        if (answer["upload_id"], content) not in self.uploads[who]:
            self.uploads[who].append((answer["upload_id"], content))
        if "action" in answer:
            self.actions.append((answer["action"], content, self.world.now()))

    @rule(
        who=PEOPLE,
        pick=PICK,
        numbers=st.sets(st.integers(1, 4), min_size=1),
        crash=CRASH,
        after=st.booleans(),
    )
    def sign_and_put(
        self, who: str, pick: int, numbers: set[int], crash: int | None, after: bool
    ) -> None:
        known = self.pick(who, pick)
        if known is None:
            return
        upload_id, content = known
        pieces = dict(enumerate(parts_of(content, MIB), 1)) if content == LARGE else {1: content}
        wanted = [
            WantedPart(number, hashlib.sha256(pieces[number]).hexdigest())
            for number in sorted(numbers & pieces.keys())
        ]
        if not wanted:
            return
        signed = self.attempt(crash, after, lambda: self.of(who).signing.sign(upload_id, wanted))
        for part in signed or []:
            self.actions.append((part["action"], pieces[part["number"]], self.world.now()))
            self.send(0)

    @rule(pick=PICK)
    def send(self, pick: int) -> None:
        """Make a request to S3, perhaps long after it was signed."""
        if not self.actions:
            return
        action, body, signed_at = self.actions[-1 - min(pick, len(self.actions) - 1)]
        if self.world.now() - signed_at > action["expires_in"]:
            return  # S3's clock is another
        answer = self.world.http.request(
            action["method"], action["href"], body=body, headers=action["headers"]
        )
        assert answer.status in (200, 404, 412), answer.data
        self.world.happened[f"S3 answered {answer.status}"] += 1

    @rule(
        who=PEOPLE,
        content=st.sampled_from(CONTENTS),
        hashed=st.booleans(),
        crash=CRASH,
        after=st.booleans(),
    )
    def upload(
        self, who: str, content: bytes, hashed: bool, crash: int | None, after: bool
    ) -> None:
        """All of it, where the last step may go wrong: chance alone seldom comes so far."""
        self.create(who, content, hashed, None, False)
        known = next((one for one in self.uploads[who][::-1] if one[1] == content), None)
        if known is None:
            return
        self.uploads[who].remove(known)
        self.uploads[who].append(known)
        self.sign_and_put(who, 0, {1, 2, 3, 4}, None, False)
        self.complete(who, 0, crash, after)

    @rule(who=PEOPLE, crash=CRASH, after=st.booleans())
    def upload_twice(self, who: str, crash: int | None, after: bool) -> None:
        """One content by its first part and by its hash, of which one gives way."""
        for hashed in (True, False):
            self.create(who, LARGE, hashed, None, False)
        for pick in (0, 1):
            self.sign_and_put(who, pick, {1, 2, 3, 4}, None, False)
        for pick in (0, 1):
            self.complete(who, pick, crash, after)

    @rule(who=PEOPLE, pick=PICK, crash=CRASH, after=st.booleans())
    def complete(self, who: str, pick: int, crash: int | None, after: bool) -> None:
        known = self.pick(who, pick)
        if known is None:
            return
        upload_id, content = known
        claim = _claim(content) if content == LARGE else None
        complete = self.of(who).complete
        answer = self.attempt(crash, after, lambda: complete(upload_id, claim))
        if answer:
            self.world.happened["gave way"] += answer["file"]["file_id"] != upload_id
            self.remember(who, answer["file"], content)

    @rule(who=PEOPLE, pick=PICK, crash=CRASH, after=st.booleans(), late=st.booleans())
    def abort(self, who: str, pick: int, crash: int | None, after: bool, late: bool) -> None:
        if known := self.pick(who, pick):
            self.attempt(crash, after, lambda: self.of(who).abort(known[0]))
            if late:
                self.send(0)

    @rule(pick=PICK, crash=CRASH, after=st.booleans(), late=st.booleans())
    def delete(self, pick: int, crash: int | None, after: bool, late: bool) -> None:
        if not self.told:
            self.upload("ann", SMALL[0], True, None, False)
        if not self.told:
            return
        file_id = sorted(self.told)[-1 - min(pick, len(self.told) - 1)]
        who, _ = self.told.pop(file_id)
        self.world.happened["deleted"] += 1
        self.attempt(crash, after, lambda: self.files_of(who).delete(file_id))
        if late:
            self.send(0)

    @rule(who=PEOPLE, pick=PICK)
    def trespass(self, who: str, pick: int) -> None:
        known, other = self.pick(who, pick), "bob" if who == "ann" else "ann"
        if known is None:
            return
        upload_id, content = known
        uploads, files = self.of(other), self.files_of(other)
        wanted = [WantedPart(1, hashlib.sha256(content).hexdigest())]
        attempts: list[Callable[[], Any]] = [
            lambda: uploads.show(upload_id),
            lambda: uploads.signing.sign(upload_id, wanted),
            lambda: uploads.completion.complete(upload_id),
            lambda: uploads.abort(upload_id),
            lambda: files.get(upload_id),
            lambda: files.change(upload_id, Change("mine")),
            lambda: files.download(upload_id),
            lambda: files.delete(upload_id),
        ]
        for work in attempts:
            with pytest.raises(Refused) as refused:
                work()
            assert refused.value.status == 404

    # What time and the sweep do

    @rule(hours=st.sampled_from([0.3, 25, 24 * 7]))
    def pass_time(self, hours: float) -> None:
        self.world.ahead += hours * 3600

    @rule(crash=CRASH, after=st.booleans())
    def sweep(self, crash: int | None, after: bool) -> None:
        report = self.attempt(crash, after, self.world.sweep)
        if report is not None:
            self.swept(report)

    def swept(self, report: Report) -> None:
        assert report.failed == 0
        self.world.happened["expired"] += report.expired
        self.world.happened["completed by the sweep"] += report.completed
        self.world.happened["leftovers"] += report.leftovers

    # What always holds

    @invariant()
    def table_and_bucket_fit_together(self) -> None:
        for owner in self.owners.values():
            self.check(owner)

    def check(self, owner: str) -> None:
        items = self.world.records(owner)
        named = {item["item"]: item for item in items}
        files, objects = _of(items, "FILE#"), _of(items, "OBJECT#")
        uploads, trash = _of(items, "UPLOAD#"), _of(items, "TRASH#")
        opened = [upload for upload in uploads if upload["state"] in ("open", "completing")]
        held = [one["held"] for one in [*uploads, *trash] if "held" in one]
        usage = named.get("USAGE", {})
        assert {name: usage.get(name, 0) for name in ("bytes", "files", "open_uploads")} == {
            "bytes": sum(one["size"] for one in [*objects, *opened]) + sum(held),
            "files": len([*files, *opened, *held]),
            "open_uploads": len(opened),
        }
        assert usage.get("bytes", 0) <= (QUOTA.bytes or 0)
        assert len(opened) <= QUOTA.open_uploads
        contents = {f"CONTENT#{one['sha256']}#{one['size']}": _id_of(one) for one in objects}
        assert len(contents) == len(objects), "a content is there twice"
        names = Counter(file["object_id"] for file in files)
        assert names == {_id_of(one): one["names"] for one in objects}
        indexed = {item["item"] for file in files for item in index_items(_file_of(file))}
        kinds = ("NAME#", "SIZE#", "DATE#", "TITLE#")
        assert indexed == {name for name in named if name.startswith(kinds)}
        firsts = {
            f"FIRST#{one['first_sha256']}#{one['size']}#{_id_of(one)}": _id_of(one)
            for one in objects
            if "first_sha256" in one
        }
        for one in opened:
            if "first_sha256" in one:
                firsts[f"FIRST#{one['first_sha256']}#{one['size']}#open"] = _id_of(one)
            elif (name := f"CONTENT#{one['sha256']}#{one['size']}") in named:
                contents.setdefault(name, _id_of(one))
        assert contents | firsts == {
            name: item.get("object_id", item.get("upload_id"))
            for name, item in named.items()
            if name.startswith(("CONTENT#", "FIRST#"))
        }
        keys = self.world.keys(owner)
        assert {file["key"] for file in files} <= keys, "a file without its object"
        # What is left behind is known to the sweep.
        watched = [*(one for one in uploads if "due_at" in one), *trash]
        assert keys <= {one["key"] for one in [*files, *watched]}, "an object without a record"
        for file_id, (who, content) in self.told.items():
            if self.owners[who] == owner:
                file = named[f"FILE#{file_id}"]
                assert file["size"] == len(content)
                stored = named[f"OBJECT#{file['object_id']}"]
                assert stored["verified"] is (content != LARGE)

    def teardown(self) -> None:
        """Left alone, nothing remains but the files, and those hold what was uploaded."""
        world = self.world
        for _ in range(3):
            world.ahead += 8 * DAY
            self.swept(world.sweep())
        for who, owner in self.owners.items():
            self.check(owner)
            items = world.records(owner)
            files = _of(items, "FILE#")
            assert _of(items, "TRASH#") == []
            states = {one["state"] for one in _of(items, "UPLOAD#")}
            assert states <= {"completed", "aborted", "expired"}
            assert world.keys(owner) == {file["key"] for file in files}
            # Of a multipart upload that no record tells of, the bucket's own rule takes care.
            known = {one.get("s3_upload_id") for one in _of(items, "UPLOAD#")}
            assert not world.multiparts(owner) & known
            for file in files:
                found = world.s3.get_object(Bucket=world.name, Key=file["key"])["Body"].read()
                assert hashlib.sha256(found).hexdigest() == file["sha256"]
                self.files_of(who).delete(_id_of(file))
            assert world.keys(owner) == set()


def _claim(content: bytes) -> Claim:
    digests = b"".join(hashlib.sha256(part).digest() for part in parts_of(content, MIB))
    return Claim(hashlib.sha256(content).hexdigest(), hashlib.sha256(digests).hexdigest())


def _of(items: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [item for item in items if item["item"].startswith(kind)]


def _file_of(item: dict[str, Any]) -> File:
    return file_of({name: value for name, value in item.items() if name != "owner"})


def _id_of(item: dict[str, Any]) -> str:
    return str(item["item"]).partition("#")[2]


def test_any_order_of_events(
    cloud: Cloud, outputs: Outputs, http: urllib3.PoolManager, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in cloud.settings.items():
        monkeypatch.setenv(name, value)
    happened: Counter[str] = Counter()

    class Machine(Transfers):
        world = World(cloud, outputs, http, happened)

    # Many more orders of events, in process: tests/runtime/files/test_files_states.py.
    limits: dict[str, Any] = {"max_examples": 6, "stateful_step_count": 25}
    run_state_machine_as_test(
        Machine,
        settings=settings(
            deadline=None,
            database=None,
            derandomize=True,
            phases=[Phase.generate],  # shrinking takes minutes
            suppress_health_check=list(HealthCheck),
            **limits,
        ),
    )
    sys.stdout.write(f"\n{dict(happened)}\n")
    wanted = {"refused", "died", "told of a file", "deleted", "expired", "leftovers"}
    wanted |= {"to be hashed first", "gave way"}
    assert wanted <= {name for name, count in happened.items() if count}
