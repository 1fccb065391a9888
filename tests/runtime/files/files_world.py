"""File transfer over a table and a bucket in memory, and two people who use it."""

from __future__ import annotations

import hashlib
import threading
from collections import Counter
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError, HTTPClientError
from ulid import ULID

from tests.fake_aws.dynamo import FakeDynamoTable
from tests.fake_aws.s3 import Body, FakeS3, S3Refused
from tests.fake_aws.wire import Outcome, Wire, frozen
from tests.runtime.fakes import FakeClock, FakeMetrics
from wideload_runtime.adapters.files_bucket import FilesBucket
from wideload_runtime.adapters.files_index import folder_item, index_items
from wideload_runtime.adapters.files_items import (
    announced_item,
    content_item,
    first_part_item,
)
from wideload_runtime.adapters.files_scans import FileScans, scan_key
from wideload_runtime.adapters.files_table import FilesTable
from wideload_runtime.core.errors import Refused
from wideload_runtime.core.files.completing import UNDER_WAY_SECONDS
from wideload_runtime.core.files.files import Files
from wideload_runtime.core.files.folders import Folders
from wideload_runtime.core.files.limits import Limits
from wideload_runtime.core.files.lists import FileQuery
from wideload_runtime.core.files.names import DEFAULT_CONTENT_TYPE
from wideload_runtime.core.files.parts import MIN_PART, part_size
from wideload_runtime.core.files.ports import Due
from wideload_runtime.core.files.records import (
    Content,
    FirstPart,
    NewName,
    Quota,
    StoredObject,
    Unsized,
    Upload,
    Usage,
)
from wideload_runtime.core.files.requests import Claim, UploadRequest, WantedPart
from wideload_runtime.core.files.scanning import Scanning
from wideload_runtime.core.files.sweep import Report
from wideload_runtime.core.files.transfer import FileTransfer
from wideload_runtime.core.files.uploads import Uploads
from wideload_runtime.core.files.verifying import ObjectGoneError, Verifier

MIB = 1024**2
DAY = 24 * 3600.0
URL_SECONDS = 3600


@dataclass
class FakeVerifications:
    """The verifier's queue."""

    wanted: bool = False
    most: int | None = None
    works: bool = True
    asked: list[tuple[str, str]] = field(default_factory=list)

    def wants(self, size: int) -> bool:
        return self.wanted and (self.most is None or size <= self.most)

    def ask(self, owner: str, file_id: str) -> bool:
        if self.wanted and self.works:
            self.asked.append((owner, file_id))
        return self.works


class FakeEvents:
    def __init__(self) -> None:
        self.told: list[tuple[str, dict[str, Any]]] = []

    def put(self, events: list[tuple[str, dict[str, Any]]]) -> None:
        self.told += events


class FilesWorld:
    """
    Args:
        quota_bytes: Of each person.
        max_open: Open uploads of each person.
        quota_files: Files of each person.
        verify: Whether multipart uploads are verified.
        part: Bytes of a part.
        one_put: Bytes of the largest file that is one PUT. Default: eight parts.
    """

    def __init__(
        self,
        *,
        quota_bytes: int | None = None,
        max_open: int = 100,
        quota_files: int | None = None,
        verify: bool = False,
        life_seconds: int | None = None,
        scan_seconds: int | None = None,
        part: int = MIN_PART,
        one_put: int | None = None,
    ) -> None:
        self.clock = FakeClock()
        self.wire = Wire()
        self.dynamo = FakeDynamoTable(self.wire)
        self.s3 = FakeS3(self.wire, self.clock.now, min_part=part)
        self.table = FilesTable(self.dynamo, sleep=lambda seconds: None, now=self.clock.now)
        self.bucket = FilesBucket(self.s3, "bucket", run=_at_once)
        self.verifications = FakeVerifications(wanted=verify)
        self.metrics = FakeMetrics()
        self.events = FakeEvents()
        self._made: Counter[str] = Counter()
        self.seconds_left = 20.0
        self.failures: list[Due] = []
        self.unhashed = False
        """Whether an upload was begun by its first part."""
        self.transfer = FileTransfer(
            table=self.table,
            bucket=self.bucket,
            verifications=self.verifications,
            metrics=self.metrics,
            limits=Limits(
                url_seconds=URL_SECONDS,
                session_seconds=7 * 24 * 3600,
                max_file_size=1024**4,
                quota=Quota(quota_bytes, max_open, quota_files),
                single_put=one_put or 8 * part,
                smallest_part=part,
            ),
            life_seconds=life_seconds,
            scan_seconds=scan_seconds,
            new_id=self._new_id,
            now=self.clock.now,
        )
        self.scanning = Scanning(
            scans=FileScans(self.dynamo, sleep=lambda seconds: None, now=self.clock.now),
            metrics=self.metrics,
        )
        self.verifier = Verifier(
            table=self.table,
            contents=self.bucket,
            events=self.events,
            metrics=self.metrics,
            environment="test",
        )
        self.ann = Person(self, "ann")
        self.bob = Person(self, "bob")
        self.look_again()

    def look_again(self) -> None:
        """See to it that both persons' items are of this version, which is then known a minute."""
        self.table.of("ann")
        self.table.of("bob")
        self.wire.requests.clear()

    def _new_id(self) -> str:
        """The same one in each order of what is done at once."""
        actor = threading.current_thread().name
        self._made[actor] += 1
        random = hashlib.sha256(f"{actor} {self._made[actor]}".encode()).digest()[:10]
        return str(ULID.from_bytes(ULID.from_timestamp(self.clock.now()).bytes[:6] + random))

    def state(self) -> Hashable:
        """All that what is done at once shares, for `AtOnce`."""
        rest = [self.s3.state(), self.verifications.asked, self.events.told, self.failures]
        return self.clock.time, self.dynamo.state(), frozen(self.table._brought_over), frozen(rest)

    def sweep(self) -> Report:
        return self.transfer.sweep(
            seconds_left=lambda: self.seconds_left, tell=self.failures.append
        ).run()

    def end_urls(self) -> Report:
        """Let all URLs end that were signed until now, and the sweep look."""
        self.clock.time += URL_SECONDS + UNDER_WAY_SECONDS
        return self.sweep()

    def count(self, metric: str) -> float:
        return sum(self.metrics.values.get(metric, []))

    def items(self, prefix: str) -> list[dict[str, Any]]:
        found = [item for item in self.dynamo.items.values() if item["item"].startswith(prefix)]
        return sorted(found, key=lambda item: str(item["item"]))


@dataclass
class Person:
    """A person who uses the API, and the steps of what they do."""

    world: FilesWorld
    owner: str

    @property
    def uploads(self) -> Uploads:
        left = self.world.seconds_left
        return self.world.transfer.uploads(self.owner, seconds_left=lambda: left)

    @property
    def files(self) -> Files:
        return self.world.transfer.files(self.owner)

    @property
    def usage(self) -> Usage:
        return self.world.table.of(self.owner).usage()

    def record(self, upload_id: str) -> Upload:
        upload = self.world.table.of(self.owner).upload(upload_id)
        assert upload
        return upload

    def stored(self, file_id: str) -> StoredObject:
        """The object of a file."""
        object_id = self.files.get(file_id).object_id
        return self.world.table.of(self.owner).stored([object_id])[object_id]

    @property
    def folders(self) -> Folders:
        return self.world.transfer.folders(self.owner)

    def listed(self, query: dict[str, str]) -> dict[str, Any]:
        """A page of the list of files."""
        return self.world.transfer.listing(self.owner).page(FileQuery.parse(query))

    def put(self, path: str, body: Body | None = None, **options: Any) -> str:
        """Upload a file to a folder; its id."""
        folder, _, name = path.rpartition("/")
        body = body or small(path)
        (answer,) = self.uploads.create([wish(body, name, folder=folder, **options)])
        if "file" in answer:
            return str(answer["file"]["file_id"])
        self.world.s3.send(answer["action"], body)
        return str(self.complete(answer["upload_id"])["file_id"])

    def empty(self, folder_id: str, has_time: Callable[[], bool] = lambda: True) -> bool:
        return not self.world.transfer.emptying(self.owner, has_time=has_time).run(folder_id)

    def shown(self, file_id: str) -> dict[str, Any]:
        return self.files.shown(self.files.get(file_id))

    def create(self, *bodies: Body, name: str = "a.bin") -> Any:
        """The answer of the first file, or of all of several."""
        answers = self.uploads.create([wish(body, name) for body in bodies])
        return answers if len(bodies) > 1 else answers[0]

    def sign(self, upload_id: str, *parts: tuple[int, Body]) -> list[dict[str, Any]]:
        unsized = "unsized" in self.world.dynamo.items.get((self.owner, f"UPLOAD#{upload_id}"), {})
        wanted = [
            WantedPart(number, body.sha256, body.size if unsized else None)
            for number, body in parts
        ]
        return [part["action"] for part in self.uploads.signing.sign(upload_id, wanted)]

    def complete(self, upload_id: str, claim: Claim | None = None) -> dict[str, Any]:
        file: dict[str, Any] = self.uploads.complete(upload_id, claim)["file"]
        return file

    def create_unhashed(self, *films: Film) -> Any:
        """As `create`, by first parts."""
        requests = [UploadRequest(new_name(), film.announced) for film in films]
        self.world.unhashed = True
        answers = self.uploads.create(requests)
        return answers if len(films) > 1 else answers[0]

    def create_unsized(self, film: Film, *, expected_size: int = 0) -> Any:
        """As `create`, before the size is known."""
        announced = Unsized(film.part(1).sha256, expected_size)
        (answer,) = self.uploads.create([UploadRequest(new_name(), announced)])
        return answer

    def send_film(self, upload_id: str, film: Film, numbers: Iterable[int] | None = None) -> None:
        bodies = [(number, film.part(number)) for number in numbers or film.numbers]
        for action, (_, body) in zip(self.sign(upload_id, *bodies), bodies, strict=True):
            self.world.s3.send(action, body)

    def upload_unhashed(self, film: Film) -> dict[str, Any]:
        """All of it; the file."""
        upload_id = self.create_unhashed(film)["upload_id"]
        self.send_film(upload_id, film)
        return self.complete(upload_id, film.claim)

    def begin(self, body: Body) -> str:
        """Create, and send a single PUT."""
        answer = self.create(body)
        if "action" in answer:
            self.world.s3.send(answer["action"], body)
        return str(answer["upload_id"])

    def send_parts(self, upload_id: str, numbers: list[int] | None = None, tag: str = "") -> None:
        upload = self.record(upload_id)
        for number in numbers or range(1, upload.part_count + 1):
            body = part_of(upload, number, tag)
            (action,) = self.sign(upload_id, (number, body))
            self.world.s3.send(action, body)

    def upload(self, body: Body) -> dict[str, Any]:
        """All of it; the file."""
        upload_id = self.begin(body)
        if self.record(upload_id).is_multipart:
            self.send_parts(upload_id)
        return self.complete(upload_id)

    def name(self, body: Body, name: str, **options: Any) -> dict[str, Any]:
        """A further name of known content; the file."""
        (answer,) = self.uploads.create([wish(body, name, **options)])
        assert answer.get("duplicate"), answer
        file: dict[str, Any] = answer["file"]
        return file


@dataclass(frozen=True)
class Film:
    """A file in parts, nine by default; those of one beginning have the same first part."""

    beginning: str = "film"
    rest: str = ""
    size: int = 66 * MIB

    @property
    def body(self) -> Body:
        return Body.made_up(self.size, f"{self.beginning}/{self.rest}")

    @property
    def numbers(self) -> range:
        return range(1, -(-self.size // part_size(self.size, single_put=0)) + 1)

    def part(self, number: int) -> Body:
        length = part_size(self.size, single_put=0)
        tag = "" if number == 1 else self.rest
        left = self.size - (number - 1) * length
        return Body.made_up(min(length, left), f"{self.beginning}/{number}{tag}")

    @property
    def announced(self) -> FirstPart:
        return FirstPart(self.part(1).sha256, self.size)

    @property
    def claim(self) -> Claim:
        digests = [bytes.fromhex(self.part(number).sha256) for number in self.numbers]
        return Claim(self.body.sha256, hashlib.sha256(b"".join(digests)).hexdigest(), self.size)


def part_of(upload: Upload, number: int, tag: str = "") -> Body:
    return Body.made_up(upload.length_of(number), f"{upload.sha256}/{number}{tag}")


def new_name(name: str = "a.bin", **options: Any) -> NewName:
    return NewName(name=name, content_type=DEFAULT_CONTENT_TYPE, **options)


def wish(body: Body, name: str = "a.bin", **options: Any) -> UploadRequest:
    return UploadRequest(new_name(name, **options), Content(body.sha256, body.size))


def small(name: str = "small", size: int = 11) -> Body:
    return Body.made_up(size, name)


def large(name: str = "large", size: int = 66 * MIB) -> Body:
    """Nine parts, the last of 2 MiB."""
    return Body.made_up(size, name)


def refusal(work: Callable[[], Any]) -> Refused:
    """Why something is refused."""
    try:
        result = work()
    except Refused as refused:
        return refused
    raise AssertionError(f"not refused: {result}")


def attempt(world: FilesWorld, fault: str, at: int, work: Callable[[], Any]) -> Any:
    """Do something of which a request goes wrong; None if that was told, or it was refused.

    Args:
        fault: `lost`: an answer; `refused`: a request; `conflict`: writes meet others; else none.
        at: Number of the request, or of the conflicts.
    """
    wire, first = world.wire, len(world.wire.requests)
    if fault == "lost":
        wire.lost = lambda name, number: number == first + at
    elif fault == "refused":
        wire.refused = lambda name, number: "SlowDown" if number == first + at else None
    elif fault == "conflict":
        world.dynamo.conflicts = at
    try:
        return work()
    except (Refused, HTTPClientError, ClientError):
        return None
    finally:
        wire.lost = lambda name, number: False
        wire.refused = lambda name, number: None
        world.dynamo.conflicts = 0


def said(outcome: Outcome) -> str:
    """Answer to a client: `ok`, or a code."""
    if outcome.error is None:
        return "ok"
    if isinstance(outcome.error, Refused):
        return outcome.error.code
    if isinstance(outcome.error, S3Refused):
        return f"s3:{outcome.error.code}"
    if isinstance(outcome.error, ObjectGoneError):
        return "missing"
    raise outcome.error


def _at_once(work: Callable[[], None], seconds: float) -> None:
    if seconds > 0:
        work()


def audit(world: FilesWorld) -> list[str]:
    """Inconsistencies of table and bucket."""
    wrong: list[str] = []
    keys: set[str] = set()
    counted: set[str] = set()
    owners = {owner for owner, _ in world.dynamo.items}
    for owner in owners:
        wrong += _audit_person(world, owner, keys, counted)
    wrong += _audit_scans(world)
    wrong += [f"object {key} is nobody's" for key in world.s3.objects if key not in keys]
    wrong += [f"a URL stores {key}, not counted" for key in world.s3.writable - counted]
    return wrong


def _audit_person(world: FilesWorld, owner: str, keys: set[str], counted: set[str]) -> list[str]:
    wrong: list[str] = []
    records = world.table.of(owner)
    items = {item for of, item in world.dynamo.items if of == owner}
    ids = {kind: [i.partition("#")[2] for i in items if i.startswith(kind)] for kind in
           ("FILE#", "UPLOAD#", "TRASH#")}  # fmt: skip
    files = [file for file in map(records.file, ids["FILE#"]) if file]
    uploads = [upload for upload in map(records.upload, ids["UPLOAD#"]) if upload]
    trashes = [trash for trash in map(records.trash, ids["TRASH#"]) if trash]
    objects = records.stored([item.partition("#")[2] for item in items if "OBJECT#" in item])
    unfinished = [upload for upload in uploads if upload.state in ("open", "completing")]
    unmade = Counter(
        {
            upload.object_id or upload.upload_id: upload.unmade
            for upload in uploads
            if upload.state == "completed" and upload.unmade
        }
    )
    held = [one.held for one in [*uploads, *trashes] if one.held is not None]
    expected = Usage(
        bytes=sum(one.size for one in [*objects.values(), *unfinished]) + sum(held),
        files=len(files)
        + sum(unmade.values())
        + sum(len(one.names) for one in unfinished)
        + len(held),
        open_uploads=len(unfinished),
    )
    if records.usage() != expected:
        wrong.append(f"{records.usage()} is counted, {expected} is there")
    names = unmade + Counter(file.object_id for file in files)
    if names != {one.object_id: one.names for one in objects.values()}:
        wrong.append(f"objects {objects} have {names}")
    indexed = [item["item"] for file in files for item in index_items(file)]
    kinds = ("NAME#", "SIZE#", "DATE#", "TITLE#")
    if sorted(indexed) != sorted(item for item in items if item.startswith(kinds)):
        wrong.append(f"the index is {items}, not {indexed}")
    wrong += _audit_folders(world, owner, {file.folder_id for file in files})
    for file in files:
        copied = objects.get(file.object_id)
        if copied and (file.size, file.sha256, file.key) != (
            copied.size,
            copied.sha256,
            copied.key,
        ):
            wrong.append(f"file {file.file_id} is not like its object")
    counted |= {one.key for one in [*objects.values(), *unfinished]}
    counted |= {one.key for one in [*uploads, *trashes] if one.held is not None}
    wrong += _audit_claims(
        world, owner, [one for one in objects.values() if not one.corrupt], unfinished
    )
    for one in objects.values():
        stored = world.bucket.stored(one.key)
        if stored is None or stored.size != one.size:
            wrong.append(f"object {one.object_id} has {stored}")
        keys.add(one.key)
    for upload in uploads:
        if upload.state != "completed" and upload.due_at is None and upload.expires_at is None:
            wrong.append(f"the sweep never looks at upload {upload.upload_id}")
        elif upload.state == "completed" and upload.unmade and upload.due_at is None:
            wrong.append(f"further names of upload {upload.upload_id} are never made")
        if upload.due_at is not None:
            keys.add(upload.key)
    keys.update(trash.key for trash in trashes)
    return wrong


def _audit_folders(world: FilesWorld, owner: str, used: set[str]) -> list[str]:
    """Folders that have files without being there, names without folder, and circles."""
    items = {item: value for (of, item), value in world.dynamo.items.items() if of == owner}
    there = {item.removeprefix("DIR#"): value for item, value in items.items() if "DIR#" in item}
    named = {item: value["folder_id"] for item, value in items.items() if "FOLDER#" in item}
    expected = {
        folder_item(folder["parent_id"], folder["name"]): folder_id
        for folder_id, folder in there.items()
        if "deleted_at" not in folder
    }
    wrong = [] if named == expected else [f"folders are named {named}, not {expected}"]
    wrong += [f"folder {each} of files is missing" for each in used - there.keys() - {"top"}]
    for folder_id, folder in there.items():
        if "deleted_at" in folder and "due_shard" not in folder:
            wrong.append(f"deleted folder {folder_id} is not due")
        above, seen = folder_id, set()
        while above in there and above not in seen:
            seen.add(above)
            above = there[above]["parent_id"]
        if above in seen:
            wrong.append(f"folder {folder_id} lies within itself")
    return wrong


def _audit_claims(
    world: FilesWorld, owner: str, objects: list[StoredObject], unfinished: list[Upload]
) -> list[str]:
    """Items that name objects and open uploads by content and by first part."""
    items = [item for (of, _), item in world.dynamo.items.items() if of == owner]
    named = {
        item["item"]: item.get("object_id", item.get("upload_id"))
        for item in items
        if item["item"].startswith(("CONTENT#", "FIRST#"))
    }
    expected = {content_item(one.content): one.object_id for one in objects}
    wrong = [] if len(expected) == len(objects) else ["a content is there twice"]
    for one in objects:
        if one.first_part:
            expected[first_part_item(one.first_part, one.object_id)["item"]] = one.object_id
    for upload in unfinished:
        claim = announced_item(upload.announced)
        if claim is None:
            continue
        if upload.first_sha256:
            expected[claim] = upload.upload_id
        elif named.get(claim) == upload.upload_id or not world.unhashed:
            # A file that was begun by its first part may have taken the content.
            expected.setdefault(claim, upload.upload_id)
    return wrong if named == expected else [*wrong, f"named are {named}, not {expected}"]


def _audit_scans(world: FilesWorld) -> list[str]:
    """Records of scans that differ from their objects, and objects without one."""
    found = list(world.dynamo.items.items())
    expected = {
        tuple(scan_key(item["key"]).values()): (
            owner,
            name.removeprefix("OBJECT#"),
            item["scan_state"],
        )
        for (owner, name), item in found
        if name.startswith("OBJECT#") and "scan_state" in item
    }
    scans = {
        key: (item["of"], item["object_id"], item.get("result", "scanning"))
        for key, item in found
        if key[1].startswith("SCAN#") and "of" in item
    }
    wrong = [] if scans == expected else [f"objects have {expected}, scans {scans}"]
    for key, item in found:
        if key[1].startswith("SCAN#"):
            if ("due_at" in item) == ("result" in item):
                wrong.append(f"scan {item} is due with a result, or never")
            if ("of" in item) == ("expires_at" in item):
                wrong.append(f"scan {item} of an object expires, or of none stays")
    return wrong
