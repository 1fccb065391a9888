"""File transfer in any order of events: two people, four contents, time, faults and the sweep."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from tests.fake_aws.s3 import Body, S3Refused
from tests.runtime.files.files_world import (
    DAY,
    MIB,
    FilesWorld,
    Film,
    Person,
    attempt,
    audit,
    part_of,
    refusal,
    small,
    wish,
)
from wideload_runtime.core.files.records import IfExists
from wideload_runtime.core.files.requests import Change

FILMS = [Film(size=65 * MIB), Film(rest="other", size=65 * MIB)]
"""Two files of the same size and first part."""
BODIES = [small("a", 10), small("b", 20), *(film.body for film in FILMS)]
QUOTA = 130 * MIB + 40
PEOPLE = st.sampled_from(["ann", "bob"])
NAMES = st.sampled_from(["a", "a", "b", "replaced"])
FOLDERS = st.sampled_from(["", "", "x"])
PICK = st.integers(0, 9)
"""Which of several: the last ones are picked more often."""
FAULTS = st.sampled_from(["", "", "", "lost", "refused", "conflict"])


@dataclass
class Sent:
    """A request to S3 that began, and may end later."""

    finish: Callable[[Body], None]
    body: Body


def code_of(work: Callable[[], Any]) -> str | None:
    """Why S3 refuses a request; None if it doesn't."""
    try:
        work()
    except S3Refused as refused:
        return refused.code
    return None


class Transfers(RuleBasedStateMachine):
    """Table and bucket must agree with the answers that people got, after any sequence of steps."""

    def __init__(self) -> None:
        super().__init__()
        self.world = FilesWorld(quota_bytes=QUOTA, max_open=2, verify=True)
        self.uploads: dict[str, list[str]] = {"ann": [], "bob": []}
        self.actions: list[tuple[dict[str, Any], Body]] = []
        self.slow: list[Sent] = []
        self.files: dict[str, tuple[str, Body]] = {}
        """Files that people were told they have, by file id, with their owner."""
        self.replaceable: set[str] = set()
        """Files that another may have replaced, or whose content is found to be corrupt."""

    def attempt(self, fault: str, at: int, work: Callable[[], Any]) -> Any:
        """Do something of which a request goes wrong; None if that was told, or it was refused."""
        return attempt(self.world, fault, at, work)

    def person(self, owner: str) -> Person:
        return self.world.ann if owner == "ann" else self.world.bob

    def told(self, owner: str, shown: dict[str, Any], body: Body | None = None) -> None:
        known = next(one for one in BODIES if one.sha256 == shown["sha256"])
        assert body in (None, known)
        assert shown["size"] == known.size
        self.files[shown["file_id"]] = (owner, known)
        if shown["name"] == "replaced":
            self.replaceable.add(shown["file_id"])

    @rule(
        owner=PEOPLE,
        body=st.sampled_from(BODIES),
        name=NAMES,
        folder=FOLDERS,
        fault=FAULTS,
        at=st.integers(0, 8),
    )
    def create(self, owner: str, body: Body, name: str, folder: str, fault: str, at: int) -> None:
        request = wish(body, name, folder=folder, if_exists=_how(name))
        answers = self.attempt(fault, at, lambda: self.person(owner).uploads.create([request]))
        if answers is None:
            return
        (answer,) = answers
        if "duplicate" in answer:
            self.told(owner, answer["file"], body)
            assert (answer["file"]["folder"], answer["file"]["name"][:1]) == (folder, name[:1])
            return
        if answer["upload_id"] not in self.uploads[owner]:
            self.uploads[owner].append(answer["upload_id"])
        if "action" in answer:
            self.actions.append((answer["action"], body))

    @rule(pick=PICK, name=NAMES, folder=FOLDERS, fault=FAULTS, at=st.integers(0, 8))
    def move(self, pick: int, name: str, folder: str, fault: str, at: int) -> None:
        if not self.files:
            return
        file_id = sorted(self.files)[pick % len(self.files)]
        owner, body = self.files[file_id]
        # The same content under the same name is one file.
        self.replaceable |= {
            other for other, known in self.files.items()
            if known == (owner, body) and other != file_id
        }  # fmt: skip
        if name == "replaced":
            self.replaceable.add(file_id)
        change = Change(name, folder, _how(name))
        self.attempt(fault, at, lambda: self.person(owner).files.change(file_id, change))

    @rule(
        owner=PEOPLE,
        film=st.sampled_from(FILMS),
        unsized=st.booleans(),
        fault=FAULTS,
        at=st.integers(0, 6),
    )
    def create_unhashed(self, owner: str, film: Film, unsized: bool, fault: str, at: int) -> None:
        self._create_unhashed(owner, film, unsized, fault, at)

    def _create_unhashed(
        self, owner: str, film: Film, unsized: bool, fault: str, at: int
    ) -> str | None:
        person = self.person(owner)
        create = person.create_unsized if unsized else person.create_unhashed
        answer = self.attempt(fault, at, lambda: create(film)) or {}
        upload_id: str | None = answer.get("upload_id")
        if upload_id and upload_id not in self.uploads[owner]:
            self.uploads[owner].append(upload_id)
        return upload_id

    @rule(
        owner=PEOPLE,
        film=st.sampled_from(FILMS),
        unsized=st.booleans(),
        numbers=st.sets(st.integers(1, 9)),
        fault=FAULTS,
        at=st.integers(0, 8),
    )
    def upload_unhashed(
        self, owner: str, film: Film, unsized: bool, numbers: set[int], fault: str, at: int
    ) -> None:
        """All of it, perhaps with parts of the other file, where the last step may go wrong."""
        upload_id = self._create_unhashed(owner, film, unsized, "", 0)
        if upload_id:
            person, other = self.person(owner), FILMS[film == FILMS[0]]
            self.attempt("", 0, lambda: person.send_film(upload_id, film))
            if numbers:
                self.attempt("", 0, lambda: person.send_film(upload_id, other, numbers))
            self.complete_it(owner, upload_id, fault, at, film)

    @rule(
        owner=PEOPLE,
        pick=PICK,
        film=st.sampled_from(FILMS),
        fault=FAULTS,
        at=st.integers(0, 8),
    )
    def claim(self, owner: str, pick: int, film: Film, fault: str, at: int) -> None:
        upload_id = self._pick(owner, pick)
        if upload_id:
            self.complete_it(owner, upload_id, fault, at, film)

    @rule(
        owner=PEOPLE,
        pick=PICK,
        tag=st.sampled_from(["", "", "x"]),
        numbers=st.sets(st.integers(1, 9), min_size=1),
        fault=FAULTS,
        at=st.integers(0, 6),
    )
    def sign(self, owner: str, pick: int, tag: str, numbers: set[int], fault: str, at: int) -> None:
        upload_id = self._pick(owner, pick)
        known = self.world.table.of(owner).upload(upload_id) if upload_id else None
        if known is None or not known.is_multipart or upload_id is None:
            return
        bodies = [(number, part_of(known, number, tag)) for number in numbers]
        signed = self.attempt(fault, at, lambda: self.person(owner).sign(upload_id, *bodies))
        if signed is not None:
            self.actions += [
                (action, body) for action, (_, body) in zip(signed, bodies, strict=True)
            ]

    @rule(
        owner=PEOPLE,
        body=st.sampled_from(BODIES),
        tag=st.sampled_from(["", "", "x"]),
        fault=FAULTS,
        at=st.integers(0, 8),
    )
    def upload(self, owner: str, body: Body, tag: str, fault: str, at: int) -> None:
        """All of it, where the last step may go wrong."""
        person = self.person(owner)
        answer = self.attempt("", 0, lambda: person.create(body))
        if answer is None or "duplicate" in answer:
            return
        upload_id = answer["upload_id"]
        if upload_id not in self.uploads[owner]:
            self.uploads[owner].append(upload_id)
        if "action" in answer:
            self.actions.append((answer["action"], body))
            self.world.s3.send(answer["action"], body)
        elif "parts" in answer:
            self.attempt("", 0, lambda: person.send_parts(upload_id, tag=tag))
        self.complete_it(owner, upload_id, fault, at)

    @rule(pick=PICK, slowly=st.booleans())
    def send(self, pick: int, slowly: bool) -> None:
        if not self.actions:
            return
        action, body = self.actions[-1 - pick % len(self.actions)]

        def work() -> None:
            if slowly:
                self.slow.append(Sent(self.world.s3.begin(action), body))
            else:
                self.world.s3.send(action, body)

        assert code_of(work) in {None, "AccessDenied", "PreconditionFailed", "NoSuchUpload"}

    @rule(pick=PICK)
    def end_slow(self, pick: int) -> None:
        if self.slow:
            sent = self.slow.pop(pick % len(self.slow))
            code = code_of(lambda: sent.finish(sent.body))
            assert code in {None, "PreconditionFailed", "NoSuchUpload"}

    @rule(owner=PEOPLE, pick=PICK, fault=FAULTS, at=st.integers(0, 8))
    def complete(self, owner: str, pick: int, fault: str, at: int) -> None:
        upload_id = self._pick(owner, pick)
        if upload_id:
            self.complete_it(owner, upload_id, fault, at)

    def complete_it(
        self, owner: str, upload_id: str, fault: str, at: int, film: Film | None = None
    ) -> None:
        claim = film.claim if film else None
        answer = self.attempt(
            fault, at, lambda: self.person(owner).uploads.complete(upload_id, claim)
        )
        for shown in answer.get("files", [answer["file"]]) if answer else []:
            self.told(owner, shown, film.body if film else None)

    @rule(owner=PEOPLE, pick=PICK, fault=FAULTS, at=st.integers(0, 6))
    def abort(self, owner: str, pick: int, fault: str, at: int) -> None:
        upload_id = self._pick(owner, pick)
        if upload_id:
            self.attempt(fault, at, lambda: self.person(owner).uploads.abort(upload_id))

    @rule(owner=PEOPLE, pick=PICK, fault=FAULTS, at=st.integers(0, 6))
    def show(self, owner: str, pick: int, fault: str, at: int) -> None:
        upload_id = self._pick(owner, pick)
        if upload_id:
            self.attempt(fault, at, lambda: self.person(owner).uploads.show(upload_id))

    @rule(pick=PICK, fault=FAULTS, at=st.integers(0, 4))
    def delete(self, pick: int, fault: str, at: int) -> None:
        if not self.files:
            return
        file_id = sorted(self.files)[pick % len(self.files)]
        owner, _ = self.files[file_id]
        self.attempt(fault, at, lambda: self.person(owner).files.delete(file_id))
        if self.world.table.of(owner).file(file_id) is None:
            del self.files[file_id]

    @rule(pick=PICK, owner=PEOPLE)
    def trespass(self, pick: int, owner: str) -> None:
        stranger = self.world.bob if owner == "ann" else self.world.ann
        upload_id = self._pick(owner, pick)
        if upload_id:
            for work in (
                lambda: stranger.complete(upload_id),
                lambda: stranger.uploads.abort(upload_id),
                lambda: stranger.files.delete(upload_id),
            ):
                assert refusal(work).status == 404

    @rule(hours=st.sampled_from([0.1, 0.1, 0.3, 0.3, 1, 25, 24 * 7]))
    def pass_time(self, hours: float) -> None:
        self.world.clock.time += hours * 3600

    @rule(fault=FAULTS, at=st.integers(0, 12))
    def sweep(self, fault: str, at: int) -> None:
        self.attempt(fault, at, self.world.sweep)

    @rule(seconds=st.sampled_from([20.0, 20.0, 0.0]))
    def s3_takes_its_time(self, seconds: float) -> None:
        self.world.seconds_left = seconds

    @rule(pick=PICK)
    def verify(self, pick: int) -> None:
        if self.world.verifications.asked:
            asked = self.world.verifications.asked
            owner, object_id = asked[pick % len(asked)]
            self.world.verifier.verify(owner, object_id, has_time=lambda: True)
            # A corrupt file is replaced by its content, if that is sent again.
            self.replaceable |= {
                file_id for file_id, (_, body) in self.files.items() if body.size > MIB
            }

    @invariant()
    def all_fits_together(self) -> None:
        assert [line for line in audit(self.world) if "nobody's" not in line] == []

    @invariant()
    def what_was_told_is_true(self) -> None:
        for file_id, (owner, body) in self.files.items():
            file = self.world.table.of(owner).file(file_id)
            if file is None and file_id in self.replaceable:
                continue
            assert file is not None
            stored = self.world.bucket.stored(file.key)
            assert stored is not None
            assert stored.size == body.size
            assert file.sha256 == body.sha256

    @invariant()
    def quotas_hold(self) -> None:
        for person in (self.world.ann, self.world.bob):
            assert 0 <= person.usage.bytes <= QUOTA
            assert 0 <= person.usage.open_uploads <= 2

    def teardown(self) -> None:
        """In the end nothing is left but files."""
        world = self.world
        world.seconds_left = 20.0
        for sent in self.slow:
            code_of(lambda: sent.finish(sent.body))  # noqa: B023
        for _ in range(3):
            world.clock.time += 8 * DAY
            world.sweep()
        assert world.items("TRASH#") == []
        assert audit(world) == []
        assert set(world.s3.objects) == {item["key"] for item in world.items("FILE#")}
        for upload in world.items("UPLOAD#"):
            is_made = all("file_id" in name for name in upload.get("also", ()))
            assert is_made or upload["state"] != "completed"
        for person in (world.ann, world.bob):
            assert person.usage.open_uploads == 0

    def _pick(self, owner: str, pick: int) -> str | None:
        known = self.uploads[owner]
        return known[-1 - min(pick, len(known) - 1)] if known else None


def _how(name: str) -> IfExists:
    return "replace" if name == "replaced" else "keep_both"


Transfers.TestCase.settings = settings(
    max_examples=60,
    stateful_step_count=40,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)
TestTransfers = Transfers.TestCase
