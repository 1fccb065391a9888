"""A deployment that reads files again which came in parts, and tells what it found."""

from __future__ import annotations

import hashlib
import json
import secrets
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import urllib3
from jsonschema import Draft202012Validator

from local.cloud import Cloud
from local.outputs import Outputs
from tests.contract_cases import CONTRACT
from tests.integration.conftest import Api, Refusals, functions_of, paused
from tests.integration.files.conftest import (
    ONE_PUT,
    Store,
    act,
    announced,
    complete,
    create,
    judge,
    listening,
    send_parts,
    store,
    token_of,
)
from tests.integration.test_reading import until

PATIENCE = 60
LONG_AGO = "2026-01-01T00:00:00.000Z"


@pytest.fixture(scope="module")
def dan(cloud: Cloud, second_outputs: Outputs, http: urllib3.PoolManager) -> Api:
    token = token_of(cloud, second_outputs, 0)
    return Api(http, second_outputs["files"]["api_url"], {"Authorization": f"Bearer {token}"})


@pytest.fixture(scope="module")
def theirs(cloud: Cloud, second_outputs: Outputs) -> dict[str, str]:
    """Names of its functions by their handlers' modules."""
    return functions_of(cloud, "verifying")


@pytest.fixture(scope="module")
def kept(cloud: Cloud, second_outputs: Outputs, theirs: dict[str, str]) -> Store:
    return Store(cloud, second_outputs, theirs["files_sweep"])


@pytest.fixture(scope="module")
def heard(cloud: Cloud) -> Iterator[Callable[[str], list[dict[str, Any]]]]:
    """Events about a file in another team's queue."""
    with listening(cloud, "verifying", "FileVerified", "FileCorrupt") as hear:
        yield hear


def upload(api: Api, content: bytes, sha256: str | None = None) -> dict[str, Any]:
    """Upload a file in parts under a SHA-256 that may not be its own."""
    wish = announced(content) | ({"sha256": sha256} if sha256 else {})
    [created] = api.post("/files", {"files": [wish]}).json["files"]
    send_parts(api, created["upload_id"], content, created["part_size"])
    answer = complete(api, created["upload_id"])
    assert answer.status == 200, answer.body
    return dict(answer.json["file"])


def told(hear: Callable[[str], list[dict[str, Any]]], file_id: str) -> dict[str, Any]:
    """The one event of a file, as soon as it comes."""
    deadline = time.monotonic() + PATIENCE
    while not (events := hear(file_id)):
        assert time.monotonic() < deadline, "no event came"
        time.sleep(0.2)
    [event] = events
    schema = json.loads((CONTRACT / "events/file-v1.schema.json").read_text())
    Draft202012Validator(schema).validate(event["detail"])
    return event


def test_a_true_hash_is_verified(
    cloud: Cloud, dan: Api, kept: Store, heard: Callable[[str], list[dict[str, Any]]]
) -> None:
    content = secrets.token_bytes(ONE_PUT + 1)
    file = upload(dan, content)
    assert file["verified"] is False

    event = told(heard, file["file_id"])

    assert event["detail-type"] == "FileVerified"
    assert event["detail"]["sha256"] == hashlib.sha256(content).hexdigest()
    assert event["detail"]["verified"] is True
    verified = file | {"verified": True, "verified_by": "verifier"}
    assert dan.get(f"/files/{file['file_id']}").json["file"] == verified
    judge(cloud, dan, kept, file["file_id"])
    action = dan.get(f"/files/{file['file_id']}/download").json["action"]
    assert act(dan, action).body == content
    assert create(dan, content)["file"]["verified"] is True


def test_a_lie_is_found_out(
    cloud: Cloud, dan: Api, kept: Store, heard: Callable[[str], list[dict[str, Any]]]
) -> None:
    true, other = (secrets.token_bytes(ONE_PUT + 1) for _ in range(2))
    file = upload(dan, other, sha256=hashlib.sha256(true).hexdigest())

    event = told(heard, file["file_id"])

    assert event["detail-type"] == "FileCorrupt"
    assert event["detail"]["verified"] is False
    shown = dan.get(f"/files/{file['file_id']}").json["file"]
    assert shown == file | {"corrupt": True}
    answer = dan.get(f"/files/{file['file_id']}/download")
    assert (answer.status, answer.json["code"]) == (409, "corrupt")

    # It is no duplicate of anything, so the right content can still be uploaded.
    assert dan.post("/files/check", {"files": [announced(true)]}).json["files"] == [
        {"duplicate": False}
    ]
    again = upload(dan, true)
    assert again["file_id"] != file["file_id"]
    assert told(heard, again["file_id"])["detail-type"] == "FileVerified"
    assert dan.request("DELETE", f"/files/{file['file_id']}").status == 204
    judge(cloud, dan, kept, again["file_id"])
    action = dan.get(f"/files/{again['file_id']}/download").json["action"]
    assert act(dan, action).body == true


def test_what_s3_proved_is_not_read_again(
    dan: Api, heard: Callable[[str], list[dict[str, Any]]]
) -> None:
    file = store(dan, secrets.token_bytes(500))

    assert file["verified"] is True
    assert heard(file["file_id"]) == []


def test_what_the_api_began_to_complete_the_sweep_completes(
    dan: Api, kept: Store, heard: Callable[[str], list[dict[str, Any]]]
) -> None:
    content = secrets.token_bytes(ONE_PUT + 1)
    created = create(dan, content)
    send_parts(dan, created["upload_id"], content, created["part_size"])
    kept.change(
        dan,
        f"UPLOAD#{created['upload_id']}",
        state="completing",
        composite="of parts that were sent anew",
        completing_since=LONG_AGO,
        due_at=LONG_AGO,
    )

    report = kept.sweep()

    assert report["completed"] == 1
    assert told(heard, created["upload_id"])["detail-type"] == "FileVerified"


def test_a_file_whose_object_is_gone_is_not_judged(
    dan: Api,
    kept: Store,
    cloud: Cloud,
    theirs: dict[str, str],
    refusals: Refusals,
) -> None:
    with paused(cloud, theirs["files_verifier"]) as go_on:
        file = upload(dan, secrets.token_bytes(ONE_PUT + 1))
        [key] = kept.keys(file["file_id"])
        cloud.client("s3").delete_object(Bucket=kept.outputs["files"]["bucket"], Key=key)
        with refusals.to_read(kept.outputs["files"]["bucket"], key):
            go_on()
            failed = until(lambda: failures(cloud, theirs["files_verifier"], file["file_id"]))

    assert {line["exception_name"] for line in failed} == {"ObjectGoneError"}
    assert dan.get(f"/files/{file['file_id']}").json["file"] == file


def failures(cloud: Cloud, function: str, file_id: str) -> list[dict[str, Any]]:
    """Lines about a file that could not be judged."""
    lines = [json.loads(line) for line in cloud.log_lines(function) if file_id in line]
    return [line for line in lines if line["message"] == "verifying failed"]


def test_a_file_that_takes_too_long_stays_unverified(
    dan: Api, cloud: Cloud, theirs: dict[str, str]
) -> None:
    functions, verifier = cloud.client("lambda"), theirs["files_verifier"]
    timeout = functions.get_function_configuration(FunctionName=verifier)["Timeout"]
    # Less than the verifier keeps back for its last step.
    functions.update_function_configuration(FunctionName=verifier, Timeout=15)
    try:
        file = upload(dan, secrets.token_bytes(ONE_PUT + 1))
        said = '"outcome":"too_large"'
        until(lambda: [line for line in cloud.log_lines(verifier) if said in line])
    finally:
        functions.update_function_configuration(FunctionName=verifier, Timeout=timeout)

    assert dan.get(f"/files/{file['file_id']}").json["file"] == file
