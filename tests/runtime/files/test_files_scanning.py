"""Quarantine: verdicts of malware scanners, in every order with the completion of an upload."""

from __future__ import annotations

import json
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from tests.contract_cases import CONTRACT
from tests.fake_aws.dynamo_values import image_of
from tests.fake_aws.gateway import Context
from tests.runtime.files.files_world import FilesWorld, Film, audit, large, refusal, small, wish
from tests.runtime.files.test_files_races import Work, at_once
from wideload_runtime.core.files.records import Verdict
from wideload_runtime.core.files.scanning import METRICS, Scan, read_verdict

HOUR = 3600
FILM = Film()
KEY = "files/0123456789abcdef0123456789abcdef/01M81FC4EFVZ9B04GTN2KBD13Y"


def scanning_world() -> FilesWorld:
    return FilesWorld(scan_seconds=6 * HOUR)


@pytest.fixture
def world() -> FilesWorld:
    return scanning_world()


def announced(world: FilesWorld, content: str = "small") -> tuple[str, str]:
    """An upload that only remains to be completed: its id and key."""
    upload_id = world.ann.begin(small(content))
    return upload_id, world.ann.record(upload_id).key


def judge(world: FilesWorld, key: str, result: Any, detail: str = "", at: str = "1") -> bool:
    return world.scanning.record(Verdict(key, result, detail, at))


def state(world: FilesWorld, file_id: str) -> str | None:
    quarantined = world.ann.shown(file_id).get("quarantined")
    return quarantined and quarantined["reason"]


def states(world: FilesWorld) -> list[str | None]:
    """Those of all files."""
    ids = [item["item"].removeprefix("FILE#") for item in world.items("FILE#")]
    return [state(world, file_id) for file_id in ids]


# Quarantine


def test_a_file_is_quarantined_until_it_is_found_clean(world: FilesWorld) -> None:
    file = world.ann.upload(small())

    assert file["quarantined"]["reason"] == "scanning"
    assert refusal(lambda: world.ann.files.download(file["file_id"])).code == "quarantined"

    assert judge(world, world.ann.stored(file["file_id"]).key, "clean")

    assert "quarantined" not in world.ann.shown(file["file_id"])
    assert world.ann.files.download(file["file_id"])[1]["method"] == "GET"
    assert world.count("FileCleanCount") == 1
    assert audit(world) == []


@pytest.mark.parametrize(
    ("result", "metric", "said"),
    [
        ("malware", "FileMalwareCount", "The scanner found malware: EICAR-Test-File."),
        ("not_scanned", "FileNotScannedCount", "The file could not be scanned: EICAR-Test-File."),
    ],
)
def test_a_file_that_is_not_clean_stays_quarantined(
    world: FilesWorld, result: str, metric: str, said: str
) -> None:
    file_id = world.ann.upload(small())["file_id"]

    judge(world, world.ann.stored(file_id).key, result, "EICAR-Test-File")

    assert world.ann.shown(file_id)["quarantined"] == {"reason": result, "detail": said}
    refused = refusal(lambda: world.ann.files.download(file_id))
    assert (refused.code, refused.detail) == ("quarantined", said)
    assert world.count(metric) == 1


def test_a_multipart_file_is_quarantined(world: FilesWorld) -> None:
    assert world.ann.upload(large())["quarantined"]["reason"] == "scanning"


def test_all_names_of_an_object_are_quarantined_and_released(world: FilesWorld) -> None:
    first = world.ann.upload(small())["file_id"]
    second = world.ann.name(small(), "copy.bin")["file_id"]
    assert state(world, second) == "scanning"

    judge(world, world.ann.stored(first).key, "malware")
    third = world.ann.name(small(), "copy 2.bin")["file_id"]

    assert {state(world, each) for each in (first, second, third)} == {"malware"}


def test_without_a_scanner_nothing_is_quarantined() -> None:
    world = FilesWorld()

    file = world.ann.upload(small())

    assert "quarantined" not in file
    assert world.items("SCAN#") == []


def test_a_file_that_was_stored_without_a_scanner_stays_free(world: FilesWorld) -> None:
    unscanned = FilesWorld()
    file_id = unscanned.ann.upload(small())["file_id"]
    world.dynamo.items.update(unscanned.dynamo.items)

    assert state(world, file_id) is None


# Orders


def test_a_verdict_before_the_upload_is_completed_counts(world: FilesWorld) -> None:
    upload_id, key = announced(world)

    judge(world, key, "malware", "X")

    assert world.ann.complete(upload_id)["quarantined"]["reason"] == "malware"
    (scan,) = world.items("SCAN#")
    assert "expires_at" not in scan
    assert "due_at" not in scan


@pytest.mark.exhaustive
@pytest.mark.parametrize("result", ["clean", "malware", "not_scanned"])
def test_a_verdict_meets_the_completion_at_any_step(result: str) -> None:
    ends: list[list[str | None]] = []

    def prepare() -> tuple[FilesWorld, list[Work]]:
        world = scanning_world()
        upload_id, key = announced(world)
        return world, [
            lambda: world.ann.complete(upload_id),
            lambda: judge(world, key, result),
        ]

    assert at_once(prepare, then=lambda world: ends.append(states(world))) == {"ok ok"}
    expected = None if result == "clean" else result
    assert ends == [[expected]] * len(ends)
    assert len(ends) > 5


@pytest.mark.exhaustive
def test_two_verdicts_meet_at_any_step() -> None:
    ends: list[list[str | None]] = []

    def prepare() -> tuple[FilesWorld, list[Work]]:
        world = scanning_world()
        upload_id, key = announced(world)
        world.ann.complete(upload_id)
        return world, [
            lambda: judge(world, key, "clean", at="1"),
            lambda: judge(world, key, "malware", at="2"),
        ]

    assert at_once(prepare, then=lambda world: ends.append(states(world))) == {"ok ok"}
    assert ends == [["malware"]] * len(ends)


@pytest.mark.exhaustive
def test_a_verdict_meets_the_deletion_at_any_step() -> None:
    def prepare() -> tuple[FilesWorld, list[Work]]:
        world = scanning_world()
        upload_id, key = announced(world)
        world.ann.complete(upload_id)
        return world, [
            lambda: world.ann.files.delete(upload_id),
            lambda: judge(world, key, "malware"),
        ]

    def nothing_stays(world: FilesWorld) -> None:
        assert world.items("FILE#") == world.items("OBJECT#") == []
        # One that came after the deletion expires.
        assert all("expires_at" in scan for scan in world.items("SCAN#"))

    assert at_once(prepare, then=nothing_stays) == {"ok ok"}


def test_the_later_verdict_counts_in_whatever_order_they_come(world: FilesWorld) -> None:
    file_id = world.ann.upload(small())["file_id"]
    key = world.ann.stored(file_id).key

    assert judge(world, key, "malware", at="2")
    assert not judge(world, key, "clean", at="1")
    assert state(world, file_id) == "malware"

    assert judge(world, key, "clean", at="3")
    assert state(world, file_id) is None


def test_of_two_verdicts_of_one_time_the_worse_counts(world: FilesWorld) -> None:
    file_id = world.ann.upload(small())["file_id"]
    key = world.ann.stored(file_id).key

    judge(world, key, "clean")
    assert judge(world, key, "malware")
    assert not judge(world, key, "clean")

    assert state(world, file_id) == "malware"


def test_a_repeated_verdict_changes_nothing(world: FilesWorld) -> None:
    key = world.ann.stored(world.ann.upload(small())["file_id"]).key
    judge(world, key, "clean")
    items = {each: dict(item) for each, item in world.dynamo.items.items()}

    assert not judge(world, key, "clean")

    assert world.dynamo.items == items
    assert world.count("FileCleanCount") == 1


@pytest.mark.parametrize("before", [True, False])
def test_an_upload_that_gives_way_has_the_state_of_the_other_object(
    world: FilesWorld, before: bool
) -> None:
    own = world.ann.create_unhashed(FILM)["upload_id"]
    world.ann.send_film(own, FILM)
    first = world.ann.upload(FILM.body)["file_id"]
    judge(world, world.ann.stored(first).key, "clean")
    key = world.ann.record(own).key

    if before:
        judge(world, key, "malware")
    file_id = world.ann.complete(own, FILM.claim)["file_id"]
    if not before:
        judge(world, key, "malware")

    # The object of the verdict is removed; the file has the one that was found clean.
    assert world.ann.stored(file_id).object_id == first
    assert state(world, file_id) is None
    assert world.scanning.scans.scan_of(key).owner is None
    assert audit(world) == []


@pytest.mark.exhaustive
def test_a_verdict_meets_a_further_name_at_any_step() -> None:
    def prepare() -> tuple[FilesWorld, list[Work]]:
        world = scanning_world()
        upload_id, key = announced(world)
        world.ann.complete(upload_id)
        return world, [
            lambda: world.ann.name(small(), "copy.bin"),
            lambda: judge(world, key, "malware"),
        ]

    ends: list[list[str | None]] = []

    assert at_once(prepare, then=lambda world: ends.append(states(world))) == {"ok ok"}
    assert ends == [["malware", "malware"]] * len(ends)


def test_a_verdict_on_an_object_that_is_gone_expires(world: FilesWorld) -> None:
    file_id = world.ann.upload(small())["file_id"]
    key = world.ann.stored(file_id).key
    world.ann.files.delete(file_id)

    assert judge(world, key, "malware")

    (scan,) = world.items("SCAN#")
    assert scan["expires_at"] == int(world.clock.time) + 60 * 24 * HOUR
    assert audit(world) == []


def test_deleting_the_last_name_forgets_the_scan(world: FilesWorld) -> None:
    file_id = world.ann.upload(small())["file_id"]
    copy = world.ann.name(small(), "copy.bin")["file_id"]
    key = world.ann.stored(file_id).key

    world.ann.files.delete(file_id)
    assert world.scanning.scans.scan_of(key).owner == "ann"
    world.ann.files.delete(copy)

    assert world.scanning.scans.scan_of(key) == Scan()
    assert audit(world) == []


def test_nine_files_are_deleted_by_one_transaction(world: FilesWorld) -> None:
    ids = []
    for number in range(9):
        (answer,) = world.ann.uploads.create([wish(large(str(number)), f"{number}")])
        world.ann.send_parts(answer["upload_id"])
        ids.append(world.ann.complete(answer["upload_id"])["file_id"])
    world.wire.requests.clear()

    world.ann.files.delete_all(ids)

    assert world.wire.requests.count("TransactWriteItems") == 1
    assert world.items("SCAN#") == []


# What got no verdict


def test_the_sweep_counts_what_got_no_verdict_in_time(world: FilesWorld) -> None:
    judged = world.ann.upload(small("1"))["file_id"]
    judge(world, world.ann.stored(judged).key, "clean")
    world.bob.upload(small("2"))
    world.clock.time += 5 * HOUR
    assert world.sweep().unscanned == 0

    world.clock.time += 2 * HOUR
    assert world.sweep().unscanned == 1
    assert world.sweep().unscanned == 1  # until there is a verdict
    assert world.metrics.values["UnscannedFileCount"] == [0, 1, 1]


def test_without_a_scanner_there_is_no_metric_of_scans() -> None:
    world = FilesWorld()

    world.sweep()

    assert "UnscannedFileCount" not in world.metrics.values


def test_metrics_of_scans_have_units() -> None:
    from wideload_runtime.adapters.telemetry import UNITS

    assert {*METRICS.values(), "UnscannedFileCount"} <= UNITS.keys()


# Results as they come


def guardduty(status: str, **details: Any) -> dict[str, Any]:
    """The event that AWS documents.

    https://docs.aws.amazon.com/guardduty/latest/ug/monitor-with-eventbridge-s3-malware-protection.html
    """
    return {
        "version": "0",
        "id": "72c7d362-737a-6dce-fc78-9e27a0171419",
        "detail-type": "GuardDuty Malware Protection Object Scan Result",
        "source": "aws.guardduty",
        "account": "111122223333",
        "time": "2024-02-28T01:01:01Z",
        "region": "us-east-1",
        "resources": [
            "arn:aws:guardduty:us-east-1:111122223333:malware-protection-plan/b4c7f464ab3a4EXAMPLE"
        ],
        "detail": {
            "schemaVersion": "1.0",
            "scanStatus": "COMPLETED",
            "resourceType": "S3_OBJECT",
            "s3ObjectDetails": {
                "bucketName": "amzn-s3-demo-bucket",
                "objectKey": KEY,
                "eTag": "ASIAI44QH8DHBEXAMPLE",
                "versionId": "d41d8cd98f00b204e9800998eEXAMPLE",
                "s3Throttled": False,
            },
            "scanResultDetails": {
                "scanResultStatus": status,
                "threats": None,
                "statusReasons": None,
                **details,
            },
        },
    }


@pytest.mark.parametrize(
    ("event", "result", "detail"),
    [
        (guardduty("NO_THREATS_FOUND"), "clean", ""),
        (
            guardduty("THREATS_FOUND", threats=[{"name": "EICAR-Test-File (not a virus)"}]),
            "malware",
            "EICAR-Test-File (not a virus)",
        ),
        (
            guardduty("UNSUPPORTED", statusReasons=["PASSWORD_PROTECTED"]),
            "not_scanned",
            "UNSUPPORTED, PASSWORD_PROTECTED",
        ),
        (guardduty("ACCESS_DENIED"), "not_scanned", "ACCESS_DENIED"),
        (guardduty("FAILED"), "not_scanned", "FAILED"),
        (guardduty("SOMETHING_NEW"), "not_scanned", "SOMETHING_NEW"),
    ],
)
def test_results_of_guardduty_are_read(event: dict[str, Any], result: str, detail: str) -> None:
    verdict = read_verdict(event)

    assert (verdict.key, verdict.result, verdict.detail) == (KEY, result, detail)
    assert verdict.at == "2024-02-28T01:01:01.000Z"


def test_a_skipped_scan_is_none() -> None:
    event = guardduty("")
    event["detail"] |= {"scanStatus": "SKIPPED", "scanResultDetails": {"scanResultStatus": None}}

    assert read_verdict(event).result == "not_scanned"


def generic(**detail: Any) -> dict[str, Any]:
    return {
        "detail-type": "FileScanResult",
        "source": "wideload.scanner",
        "time": "2026-11-22T09:00:00Z",
        "detail": {"version": "1", "environment": "test", "key": KEY, "result": "clean", **detail},
    }


def test_results_of_other_scanners_are_read() -> None:
    schema = json.loads((CONTRACT / "events/scan-result-v1.schema.json").read_text())
    event = generic(result="malware", detail="x" * 600, scanned_at="2026-11-22T10:00:00.5+01:00")
    Draft202012Validator(schema).validate(event["detail"])

    verdict = read_verdict(event)

    assert verdict == Verdict(KEY, "malware", "x" * 500, "2026-11-22T09:00:00.500Z")
    assert read_verdict(generic()).at == "2026-11-22T09:00:00.000Z"


@pytest.mark.parametrize(
    ("event", "why"),
    [
        ({}, "detail"),
        ({**generic(), "detail-type": "Other"}, "detail-type is 'Other'"),
        (generic(result="released"), "'released'; allowed are clean, malware, not_scanned"),
        (generic(key="archive/a/b"), "is not the key of a file"),
        (generic(key="files/a"), "not enough values"),
        (generic(key=5), "AttributeError"),
        (generic(scanned_at="yesterday"), "yesterday"),
        (generic(scanned_at="2026-11-22T10:00:00"), "has no time zone"),
    ],
)
def test_what_is_no_result_is_refused(event: dict[str, Any], why: str) -> None:
    with pytest.raises(ValueError, match=f"not a result of a scan.*{why}"):
        read_verdict(event)


def test_the_handler_records_results_and_gives_back_what_it_can_not_read(
    world: FilesWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    from wideload_runtime.handlers import files_scan_results

    monkeypatch.setattr(files_scan_results, "scanning", world.scanning)
    file_id = world.ann.upload(small())["file_id"]
    good = generic(key=world.ann.stored(file_id).key)
    records = [
        {"messageId": str(number), "eventSource": "aws:sqs", "body": body}
        for number, body in enumerate([json.dumps(good), "{", json.dumps(generic(result="?"))])
    ]

    answer = files_scan_results.handler({"Records": records}, Context())

    assert answer == {"batchItemFailures": [{"itemIdentifier": "1"}, {"itemIdentifier": "2"}]}
    assert state(world, file_id) is None


def test_a_verdict_is_told_once(world: FilesWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    from wideload_runtime.handlers import files_events

    class Bus:
        told: list[tuple[str, dict[str, Any]]]

        def put(self, events: list[tuple[str, dict[str, Any]]]) -> None:
            self.told = events

    bus = Bus()
    monkeypatch.setattr(files_events, "bus", bus)
    monkeypatch.setattr(files_events, "table", world.table)
    file_id = world.ann.upload(small())["file_id"]
    (before,) = map(dict, world.items("OBJECT#"))
    judge(world, before["key"], "malware", "EICAR-Test-File")
    (after,) = map(dict, world.items("OBJECT#"))
    change = {"OldImage": image_of(before), "NewImage": image_of(after)}
    renamed = {"OldImage": image_of(after), "NewImage": image_of({**after, "names": 2})}
    (file,) = world.items("FILE#")

    files_events.handler(
        {
            "Records": [
                {"eventName": "MODIFY", "dynamodb": change},
                {"eventName": "MODIFY", "dynamodb": renamed},
                {"eventName": "INSERT", "dynamodb": {"NewImage": image_of(file)}},
            ]
        },
        Context(),
    )

    (stored, scanned) = bus.told
    assert (stored[0], stored[1]["quarantined"]) == ("FileStored", "malware")
    schema = json.loads((CONTRACT / "events/scanned-file-v1.schema.json").read_text())
    Draft202012Validator(schema).validate(scanned[1])
    assert scanned == (
        "FileScanned",
        {
            "version": "1",
            "environment": "test",
            "owner": "ann",
            "file_id": file_id,
            "key": before["key"],
            "size": 11,
            "sha256": small().sha256,
            "result": "malware",
            "detail": "EICAR-Test-File",
        },
    )
