"""No log line holds a payload's content or a credential.

Runs when all other tests of this folder have run.
"""

from __future__ import annotations

import re

import pytest
import urllib3

from local.cloud import Cloud
from local.outputs import Outputs
from tests.integration.conftest import Api
from tests.integration.files.conftest import announced, person, store
from tests.integration.test_hostile import SECRET, upload, wait_until_done
from tests.integration.test_ingest import JSON, ask_for_url, claim

MARK = "a-mark-that-only-payloads-and-files-carry"
GOOD, BAD = f'{{"text":"{MARK}","{MARK}":1}}'.encode(), f'{{"text":"{MARK}","{MARK}"}}'.encode()

TOKEN = re.compile(r"eyJ[\w-]{10,}\.[\w-]{10,}\.[\w-]{10,}")
"""A JSON web token: three parts, of which the first is a JSON object."""
API_KEY = re.compile(r"wl_[a-z0-9]+_[\w-]{20,}")
SIGNATURE = re.compile(r"X-Amz-Signature|X-Amz-Security-Token", re.IGNORECASE)


@pytest.fixture(scope="session")
def ann(cloud: Cloud, outputs: Outputs, http: urllib3.PoolManager) -> Api:
    return person(cloud, outputs, http, 0)


@pytest.fixture(scope="session")
def marked(whole_suite: None, acme: Api, ann: Api) -> None:
    """The mark goes every way that a payload and a file can go, to its good end and its bad."""
    unclaimed = [upload(acme, document)["payload_id"] for document in (GOOD, BAD)]
    for document in (GOOD, BAD):
        acme.post("/send-call-log", document, JSON)
        claim(acme, upload(acme, document)["s3_key"])
    for payload_id in unclaimed:
        wait_until_done(acme, payload_id)
    file = store(ann, MARK.encode(), f"{MARK}.txt")
    ann.request("PATCH", f"/files/{file['file_id']}", {"name": f"{MARK}.bin"})
    ann.get(f"/files/{file['file_id']}/download")
    ann.request("DELETE", f"/files/{file['file_id']}")
    ann.post("/files", {"files": [announced(MARK.encode(), f"{MARK}\0") | {"sha256": MARK}]})


def test_no_secret_is_ever_logged(
    marked: None, logs: dict[str, list[str]], outputs: Outputs, acme: Api, ann: Api
) -> None:
    ingest, users = outputs["ingest"], outputs["files"]["users"]
    hidden = {
        "what a payload or a file carries": re.compile(f"{MARK}|{SECRET}"),
        "a password": re.compile("|".join(re.escape(user["password"]) for user in users)),
        "an API key": API_KEY,
        "a bearer token": TOKEN,
        "a URL's signature or session": SIGNATURE,
    }
    for pattern, shown in (
        (API_KEY, ingest["api_key"]),
        (TOKEN, ann.headers["Authorization"]),
        (SIGNATURE, ask_for_url(acme)["upload_url"]),
    ):
        assert pattern.search(shown), "it isn't recognized"

    lines = [(group, line) for group, texts in logs.items() for line in texts]

    assert len(lines) > 100, "the functions have logged next to nothing"
    assert [
        f"{what} in {group}"
        for group, line in lines
        for what, pattern in hidden.items()
        if pattern.search(line)
    ] == []
