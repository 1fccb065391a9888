"""Events of stored and deleted files, from the changes that the table's stream delivers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from jsonschema import Draft202012Validator, FormatChecker

from tests.contract_cases import CONTRACT
from tests.fake_aws.dynamo_values import image_of
from tests.fake_aws.gateway import Context
from tests.runtime.files.files_world import DAY, FilesWorld, large, small
from wideload_runtime.adapters.event_bus import EventBus

SCHEMA = json.loads((CONTRACT / "events/stored-file-v1.schema.json").read_text())
Items = dict[tuple[str, ...], dict[str, Any]]


class FakeEvents:
    """EventBridge."""

    def __init__(self) -> None:
        self.entries: list[dict[str, str]] = []
        self.failing = False

    def put_events(self, *, Entries: list[dict[str, str]]) -> dict[str, Any]:  # noqa: N803
        assert len(Entries) <= 10
        failed = [{"ErrorCode": "ThrottlingException"}] if self.failing else []
        if not failed:
            self.entries += Entries
        return {"FailedEntryCount": len(failed), "Entries": failed}


class Stream:
    """The stream of a world's table, read by the handler of its events."""

    def __init__(self, world: FilesWorld, bus: FakeEvents) -> None:
        self.world = world
        self.bus = bus
        self.seen: Items = {}

    def read(self) -> list[tuple[str, dict[str, Any]]]:
        """Deliver the changes since the last call, and return the events."""
        from wideload_runtime.handlers import files_events

        before, self.bus.entries = self.seen, []
        self.seen = {key: dict(item) for key, item in self.world.dynamo.items.items()}
        files_events.handler({"Records": changes(before, self.seen)}, Context())
        events = [(each["DetailType"], json.loads(each["Detail"])) for each in self.bus.entries]
        for _, detail in events:
            Draft202012Validator(SCHEMA, format_checker=FormatChecker()).validate(detail)
        return events


def changes(before: Items, after: Items) -> list[dict[str, Any]]:
    """Return the changes that the event source mapping lets through."""
    found = []
    for key in {**before, **after}:
        images = {"OldImage": before.get(key), "NewImage": after.get(key)}
        kind = "INSERT" if key not in before else "REMOVE" if key not in after else "MODIFY"
        if kind != "MODIFY" and key[1].startswith("FILE#"):
            found.append({"eventName": kind, "dynamodb": written(images)})
    return found


def written(images: Mapping[str, dict[str, Any] | None]) -> dict[str, Any]:
    return {name: image_of(item) for name, item in images.items() if item}


@pytest.fixture
def world() -> FilesWorld:
    return FilesWorld(verify=True)


@pytest.fixture
def bus() -> FakeEvents:
    return FakeEvents()


@pytest.fixture
def stream(world: FilesWorld, bus: FakeEvents, monkeypatch: pytest.MonkeyPatch) -> Stream:
    from wideload_runtime.handlers import files_events

    monkeypatch.setattr(files_events, "bus", EventBus(bus, "bus", source="wideload"))
    monkeypatch.setattr(files_events, "table", world.table)
    return Stream(world, bus)


def test_each_file_is_told_once_with_its_place_and_object(
    world: FilesWorld, stream: Stream, bus: FakeEvents
) -> None:
    file_id = world.ann.put("photos/a.jpg", small(), modified_at="2026-01-02T03:04:05Z")
    file = world.ann.files.get(file_id)

    events = stream.read()

    assert events == [
        (
            "FileStored",
            {
                "version": "1",
                "environment": "test",
                "owner": "ann",
                "file_id": file_id,
                "folder_id": world.ann.folders.resolve("photos"),
                "name": "a.jpg",
                "size": 11,
                "content_type": "application/octet-stream",
                "sha256": small().sha256,
                "key": file.key,
                "created_at": file.created_at,
                "modified_at": "2026-01-02T03:04:05Z",
                "verified": True,
            },
        )
    ]
    assert bus.entries[0]["Source"] == "wideload"
    assert stream.read() == []


def test_two_names_of_one_content_are_two_files(world: FilesWorld, stream: Stream) -> None:
    first = world.ann.upload(small())["file_id"]
    second = world.ann.name(small(), "copy.bin")["file_id"]

    events = stream.read()

    assert {(kind, each["file_id"], each["name"]) for kind, each in events} == {
        ("FileStored", first, "a.bin"),
        ("FileStored", second, "copy.bin"),
    }
    assert len({each["key"] for _, each in events}) == 1


def test_a_multipart_file_is_told_as_unverified(world: FilesWorld, stream: Stream) -> None:
    world.ann.upload(large())

    ((kind, detail),) = stream.read()

    assert (kind, detail["verified"]) == ("FileStored", False)


def test_persons_with_objects_of_one_batch_are_told_apart(
    world: FilesWorld, stream: Stream
) -> None:
    for person in (world.ann, world.bob):
        person.upload(small())

    events = stream.read()

    assert {(each["owner"], each["verified"]) for _, each in events} == {
        ("ann", True),
        ("bob", True),
    }
    assert len({each["key"] for _, each in events}) == 2


def test_a_rename_and_a_move_are_not_told(world: FilesWorld, stream: Stream) -> None:
    from wideload_runtime.core.files.requests import Change

    file_id = world.ann.upload(small())["file_id"]
    stream.read()

    world.ann.files.change(file_id, Change("b.bin", "elsewhere", "keep_both"))

    assert stream.read() == []


def test_a_deleted_file_is_told_with_what_it_was(world: FilesWorld, stream: Stream) -> None:
    file_id = world.ann.put("a.bin")
    ((_, stored),) = stream.read()

    world.ann.files.delete(file_id)

    ((kind, deleted),) = stream.read()
    del stored["verified"]
    assert (kind, deleted) == ("FileDeleted", stored)


def test_a_replaced_file_is_told_as_deleted(world: FilesWorld, stream: Stream) -> None:
    old = world.ann.put("a.bin", small("old"))
    stream.read()

    new = world.ann.put("a.bin", small("new"), if_exists="replace")

    assert {(kind, each["file_id"]) for kind, each in stream.read()} == {
        ("FileDeleted", old),
        ("FileStored", new),
    }


def test_files_of_a_deleted_folder_are_told(world: FilesWorld, stream: Stream) -> None:
    ids = {world.ann.put(f"films/{number}.bin") for number in range(12)}
    stream.read()

    folder_id = world.ann.folders.delete("films")
    assert world.ann.empty(folder_id)

    events = stream.read()
    assert {kind for kind, _ in events} == {"FileDeleted"}
    assert {each["file_id"] for _, each in events} == ids


def test_an_expired_file_is_told_as_deleted(
    bus: FakeEvents, monkeypatch: pytest.MonkeyPatch
) -> None:
    from wideload_runtime.handlers import files_events

    world = FilesWorld(life_seconds=int(DAY))
    monkeypatch.setattr(files_events, "bus", EventBus(bus, "bus", source="wideload"))
    monkeypatch.setattr(files_events, "table", world.table)
    stream = Stream(world, bus)
    file_id = world.ann.upload(small())["file_id"]
    stream.read()

    world.clock.time += 2 * DAY
    world.sweep()

    ((kind, detail),) = stream.read()
    assert (kind, detail["file_id"]) == ("FileDeleted", file_id)


def test_a_file_that_is_gone_when_it_is_told(world: FilesWorld, stream: Stream) -> None:
    file_id = world.ann.upload(small())["file_id"]
    inserted = changes({}, world.dynamo.items)
    world.ann.files.delete(file_id)

    from wideload_runtime.handlers import files_events

    files_events.handler({"Records": inserted}, Context())

    detail = json.loads(stream.bus.entries[0]["Detail"])
    Draft202012Validator(SCHEMA).validate(detail)
    assert detail["file_id"] == file_id
    assert "verified" not in detail


def test_a_file_of_an_earlier_version_is_told(stream: Stream) -> None:
    from wideload_runtime.handlers import files_events

    item = {
        "owner": "ann",
        "item": "FILE#01M81FC4EFVZ9B04GTN2KBD13Y",
        "name": "old.bin",
        "size": 3,
        "content_type": "text/plain",
        "sha256": small().sha256,
        "key": "files/ann/01M81FC4EFVZ9B04GTN2KBD13Y",
        "created_at": "2026-01-01T00:00:00.000Z",
        "verified": True,
    }
    record = {"eventName": "REMOVE", "dynamodb": {"OldImage": image_of(item)}}

    files_events.handler({"Records": [record]}, Context())

    detail = json.loads(stream.bus.entries[0]["Detail"])
    Draft202012Validator(SCHEMA).validate(detail)
    assert (detail["file_id"], detail["folder_id"]) == (item["item"][5:], "top")


def test_a_refused_event_fails_the_batch(
    world: FilesWorld, stream: Stream, bus: FakeEvents
) -> None:
    world.ann.upload(small())
    bus.failing = True

    with pytest.raises(RuntimeError, match="ThrottlingException"):
        stream.read()
