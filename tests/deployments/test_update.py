"""An update in place: what was stored before is there after, under the same names and keys."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.deployments.conftest import STATEFUL, Deploy, Deployment, changed_code
from tests.deployments.payloads import (
    CALL_LOG,
    FILM,
    INLINE,
    download,
    send,
    send_large,
    wait_until_stored,
)
from tests.integration.conftest import Api
from tests.integration.files.conftest import store
from tests.integration.test_ingest import read_document

SERVICES = ("ingest", "files")
LIMIT = 20_000
"""Bytes above which the update has payloads queued; `CALL_LOG` was processed at once before."""

NEW_ROUTE = """

@app.get("/call-logs/release")
def release() -> Response[str]:
    return answer(200, {"release": 2})
"""


@dataclass(frozen=True)
class Update:
    """A deployment before an update, what was stored in it, and the deployment after."""

    before: Deployment
    acme: Api
    ann: Api
    inline: str
    large: str
    records: Any
    file: str
    held: dict[str, str]
    after: Deployment


@pytest.fixture(scope="module")
def update(
    local: Deployment, deploy_environment: Deploy, tmp_path_factory: pytest.TempPathFactory
) -> Update:
    acme, ann = local.acme, local.ann()
    large = send_large(acme)
    assert large["status"] == 200
    folder: Path = tmp_path_factory.mktemp("release") / "lambda"
    stored: dict[str, Any] = {
        "inline": send(acme),
        "large": large["payload_id"],
        "records": acme.get(f"/call-logs/{large['payload_id']}/records?limit=3").json,
        "file": store(ann, FILM)["file_id"],
        "held": local.physical_ids(SERVICES, STATEFUL),
    }
    after = deploy_environment(
        "local",
        *SERVICES,
        lambda_code=changed_code(folder, NEW_ROUTE),
        in_request_limit=str(LIMIT),
        records_field="turns",
        log_level="DEBUG",
        file_url_minutes="7",
    )
    return Update(before=local, acme=acme, ann=ann, **stored, after=after)


def test_the_update_is_in_force(update: Update, local: Deployment) -> None:
    queued = send_large(update.acme)
    created = update.ann.post(
        "/files", {"files": [{"name": "a", "size": 1, "sha256": "0" * 64}]}
    ).json["files"][0]
    functions = local.cloud.client("lambda").list_functions()["Functions"]
    levels = {
        function["LoggingConfig"]["ApplicationLogLevel"]
        for function in functions
        if function["FunctionName"].startswith("wideload-local-")
    }

    assert queued["status"] == 202
    assert update.acme.get("/call-logs/release").json == {"release": 2}
    assert created["action"]["expires_in"] == 7 * 60
    assert levels == {"DEBUG"}
    wait_until_stored(update.acme, queued["payload_id"])
    assert read_document(update.acme, queued["payload_id"])[1] == CALL_LOG


def test_payloads_read_back_byte_for_byte(update: Update) -> None:
    assert read_document(update.acme, update.inline)[1] == INLINE
    assert read_document(update.acme, update.large)[1] == CALL_LOG


def test_records_are_those_of_the_field_when_the_payload_came(update: Update) -> None:
    page = update.acme.get(f"/call-logs/{update.large}/records?limit=3").json

    assert len(page["items"]) == 3
    assert page["items"] == update.records["items"]


def test_files_read_back_byte_for_byte(update: Update) -> None:
    assert download(update.ann, update.file) == FILM


def test_a_person_signs_in_with_the_same_password(update: Update) -> None:
    again = update.before.ann()

    assert [file["file_id"] for file in again.get("/files").json["items"]] == [update.file]


def test_what_holds_something_has_not_been_replaced(update: Update) -> None:
    assert update.after.physical_ids(SERVICES, STATEFUL) == update.held
    assert update.after.outputs["ingest"]["api_key"] == update.before.outputs["ingest"]["api_key"]
