"""Folders in any order of events: one person, a few paths and contents, faults and the sweep."""

from __future__ import annotations

from collections.abc import Iterable
from typing import get_args

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from tests.runtime.files.files_world import DAY, FilesWorld, attempt, audit, small, wish
from wideload_runtime.core.files.records import IfExists
from wideload_runtime.core.files.requests import Change

PATHS = st.sampled_from(["x", "x/y", "x/y/z", "z"])
NEW_PATHS = st.sampled_from(["v", "x/v", "z/v", "z"])
FOLDERS = st.sampled_from(["", "x", "x/y", "x/y/z", "z"])
NAMES = st.sampled_from(["a", "b"])
HOW = st.sampled_from(get_args(IfExists))
PICKS = st.lists(st.integers(0, 9), min_size=1, max_size=4)
FAULTS = st.sampled_from(["", "", "", "lost", "refused", "conflict"])
AT = st.integers(0, 12)


class FolderChanges(RuleBasedStateMachine):
    """The person finds the files that the answers told of, in the folders that they were put in."""

    def __init__(self) -> None:
        super().__init__()
        self.world = FilesWorld(quota_files=1_000)
        self.ann = self.world.ann
        self.files: dict[str, str] = {}
        """Folders of the files that are there, by file id."""

    @initialize()
    def begin(self) -> None:
        for path in ("a", "x/a", "x/b", "x/y/a", "x/y/z/b"):
            self.ann.put(path)
        self.files = self._found()

    @rule(folder=FOLDERS, name=NAMES, content=NAMES, how=HOW, fault=FAULTS, at=AT)
    def put(self, folder: str, name: str, content: str, how: IfExists, fault: str, at: int) -> None:
        body, before = small(content), self.files
        request = wish(body, name, folder=folder, if_exists=how)
        if answers := attempt(self.world, "", 0, lambda: self.ann.uploads.create([request])):
            (answer,) = answers
            if "action" in answer:
                self.world.s3.send(answer["action"], body)
                attempt(self.world, fault, at, lambda: self.ann.complete(answer["upload_id"]))
        self.files = self._found()
        assert len(before.keys() - self.files.keys()) <= (how == "replace")
        assert len(self.files.keys() - before.keys()) <= 1

    @rule(picks=PICKS, folder=FOLDERS, how=HOW, fault=FAULTS, at=AT)
    def move(self, picks: list[int], folder: str, how: IfExists, fault: str, at: int) -> None:
        picked, change = self._picked(picks), Change(None, folder, how)
        answers = attempt(self.world, fault, at, lambda: self.ann.files.change_all(picked, change))
        found = self._found()
        for answer in answers or ():
            if "file" in answer and not answer.get("skipped"):
                assert answer["file"]["folder"] == folder
        stayed = self.files.keys() - set(picked)
        assert {each: found[each] for each in stayed & found.keys()} == {
            each: self.files[each] for each in stayed & found.keys()
        }
        self.files = found

    @rule(picks=PICKS, fault=FAULTS, at=AT)
    def delete(self, picks: list[int], fault: str, at: int) -> None:
        picked = self._picked(picks)
        answers = attempt(self.world, fault, at, lambda: self.ann.files.delete_all(picked))
        found = self._found()
        gone = self.files.keys() - found.keys()
        assert gone <= set(picked)
        if answers is not None:
            told = {each for each, one in zip(picked, answers, strict=True) if "deleted" in one}
            assert told <= gone
            assert fault or told == set(picked)
        self.files = found

    @rule(folder=PATHS, fault=FAULTS, at=AT)
    def make_folder(self, folder: str, fault: str, at: int) -> None:
        if attempt(self.world, fault, at, lambda: self.ann.folders.make(folder)):
            assert self.ann.folders.resolve(folder) is not None

    @rule(folder=PATHS, to=NEW_PATHS, fault=FAULTS, at=AT)
    def move_folder(self, folder: str, to: str, fault: str, at: int) -> None:
        moved = {
            each: to + path.removeprefix(folder) if _is_within(path, folder) else path
            for each, path in self.files.items()
        }
        answer = attempt(self.world, fault, at, lambda: self.ann.folders.move(folder, to))
        found = self._found()
        assert found == moved if answer else found in (self.files, moved)
        self.files = found

    @rule(folder=PATHS, batches=st.integers(0, 3), fault=FAULTS, at=AT)
    def delete_folder(self, folder: str, batches: int, fault: str, at: int) -> None:
        """Nothing of it is found from then on, whatever of it has been removed by then."""
        kept = {each: path for each, path in self.files.items() if not _is_within(path, folder)}
        left, was_there = iter([True] * batches), self.ann.folders.resolve(folder) is not None

        folder_id = attempt(self.world, fault, at, lambda: self.ann.folders.delete(folder))
        if folder_id:
            attempt(
                self.world, fault, at, lambda: self.ann.empty(folder_id, lambda: next(left, False))
            )

        found = self._found()
        assert found == kept if folder_id else found in (self.files, kept)
        assert folder_id or fault or not was_there
        self.files = found

    @rule(fault=FAULTS, at=AT)
    def sweep(self, fault: str, at: int) -> None:
        attempt(self.world, fault, at, self.world.sweep)

    @invariant()
    def all_fits_together(self) -> None:
        assert [line for line in audit(self.world) if "nobody's" not in line] == []

    @invariant()
    def files_are_found(self) -> None:
        assert self._found() == self.files

    def teardown(self) -> None:
        """In the end nothing is left of deleted folders."""
        for _ in range(2):
            self.world.clock.time += 8 * DAY
            self.world.sweep()
        assert audit(self.world) == []
        assert [item for item in self.world.items("DIR#") if "deleted_at" in item] == []
        assert {item["item"] for item in self.world.items("FILE#")} == {
            f"FILE#{file_id}" for file_id in self._found()
        }
        assert self.ann.usage.files == len(self._found())

    def _found(self) -> dict[str, str]:
        items = self.ann.listed({"limit": "100"})["items"]
        for file in items:
            there = self.ann.listed({"folder": file["folder"], "limit": "100"})["items"]
            assert file in there
        return {file["file_id"]: file["folder"] for file in items}

    def _picked(self, picks: Iterable[int]) -> list[str]:
        known = sorted(self.files)
        return sorted({known[pick % len(known)] for pick in picks}) if known else []


def _is_within(path: str, folder: str) -> bool:
    return f"{path}/".startswith(f"{folder}/")


FolderChanges.TestCase.settings = settings(
    max_examples=50,
    stateful_step_count=15,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)
TestFolderChanges = FolderChanges.TestCase
