"""A deployment that quarantines files until a scanner, here the test's own, has judged them."""

from __future__ import annotations

import json
import secrets

import pytest
import urllib3
from jsonschema import Draft202012Validator

from local.cloud import Cloud
from local.outputs import Outputs
from tests.contract_cases import CONTRACT
from tests.integration.conftest import Api, functions_of
from tests.integration.files.conftest import (
    Store,
    act,
    judge,
    listening,
    quarantine_of,
    store,
    token_of,
)
from tests.integration.test_reading import until

# https://www.eicar.org/download-anti-malware-testfile/ in two parts, so that no scanner takes this
# file for it.
EICAR = rb"X5O!P%@AP[4\PZX54(P^)7CC)7}$EICAR" + b"-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"


@pytest.fixture(scope="module")
def eve(cloud: Cloud, second_outputs: Outputs, http: urllib3.PoolManager) -> Api:
    token = token_of(cloud, second_outputs, 1)
    return Api(http, second_outputs["files"]["api_url"], {"Authorization": f"Bearer {token}"})


@pytest.fixture(scope="module")
def kept(cloud: Cloud, second_outputs: Outputs) -> Store:
    return Store(cloud, second_outputs, functions_of(cloud, "verifying")["files_sweep"])


def scan(cloud: Cloud, kept: Store, api: Api, file_id: str) -> None:
    """Read a file as a scanner does, and publish what it found."""
    key = (kept.item(api, f"FILE#{file_id}") or {})["key"]
    bucket = kept.outputs["files"]["bucket"]
    content = cloud.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
    judge(cloud, api, kept, file_id, "malware" if EICAR in content else "clean")


def test_a_clean_file_is_released_and_malware_is_not(cloud: Cloud, eve: Api, kept: Store) -> None:
    clean, infected = secrets.token_bytes(1_000), EICAR + secrets.token_bytes(8)
    with listening(cloud, "verifying", "FileScanned") as hear:
        good = store(eve, clean, "good.bin")["file_id"]
        bad = store(eve, infected, "bad.com")["file_id"]
        assert quarantine_of(eve, good) == quarantine_of(eve, bad) == "scanning"
        refused = eve.get(f"/files/{good}/download")
        assert (refused.status, refused.json["code"]) == (409, "quarantined")

        scan(cloud, kept, eve, good)
        scan(cloud, kept, eve, bad)
        (told,) = until(lambda: hear(bad))

    action = eve.get(f"/files/{good}/download").json["action"]
    assert act(eve, action).body == clean
    refused = eve.get(f"/files/{bad}/download")
    assert (refused.status, refused.json["code"]) == (409, "quarantined")
    assert "EICAR-Test-File" in refused.json["detail"]
    schema = json.loads((CONTRACT / "events/scanned-file-v1.schema.json").read_text())
    Draft202012Validator(schema).validate(told["detail"])
    assert told["detail"]["result"] == "malware"

    # What can't be scanned stays quarantined; an operator releases it.
    judge(cloud, eve, kept, bad, "not_scanned")
    judge(cloud, eve, kept, bad, "clean")
    assert eve.get(f"/files/{bad}/download").status == 200
