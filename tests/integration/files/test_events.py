"""Events of stored and deleted files, through the deployed table's stream."""

from __future__ import annotations

import json
import secrets

from jsonschema import Draft202012Validator

from local.cloud import Cloud
from tests.contract_cases import CONTRACT
from tests.integration.conftest import Api
from tests.integration.files.conftest import Store, listening, store, subject_of
from tests.integration.test_reading import until


def test_files_are_told_when_they_are_stored_and_deleted(
    cloud: Cloud, ann: Api, stored: Store
) -> None:
    with listening(cloud, "local", "FileStored", "FileDeleted") as hear:
        file_id = store(ann, secrets.token_bytes(1_000), "take 1.mov")["file_id"]
        (told,) = until(lambda: hear(file_id))
        ann.request("PATCH", f"/files/{file_id}", {"name": "take 2.mov"})
        ann.request("DELETE", f"/files/{file_id}")
        (_, deleted) = until(lambda: events if len(events := hear(file_id)) > 1 else [])

    schema = json.loads((CONTRACT / "events/stored-file-v1.schema.json").read_text())
    for event in (told, deleted):
        Draft202012Validator(schema).validate(event["detail"])
    assert told["detail-type"] == "FileStored"
    assert told["detail"]["owner"] == subject_of(ann)
    assert (told["detail"]["name"], told["detail"]["verified"]) == ("take 1.mov", True)
    assert deleted["detail-type"] == "FileDeleted"
    assert deleted["detail"]["name"] == "take 2.mov"
    assert deleted["detail"]["key"] == told["detail"]["key"]
