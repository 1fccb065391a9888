"""Refusals of S3, over TLS and with bodies of 64 MB, before or after the body."""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from tests.acceptance.conftest import needs
from tests.acceptance.deployment import Deployment
from tests.acceptance.http import Api
from tests.acceptance.refusals import put_zeros
from tests.acceptance.run import Run

SIZE = 64_000_000
"""The most that is sent by one PUT is 64 MiB."""

Seen = Callable[[str], None]


@pytest.fixture
def upload(ann: Api) -> Iterator[Mapping[str, Any]]:
    """An upload by one PUT, whose bytes are never sent."""
    sha256 = hashlib.sha256(secrets.token_bytes(8)).hexdigest()
    yield from _upload(ann, sha256)


@pytest.fixture
def upload_of_zeros(ann: Api) -> Iterator[Mapping[str, Any]]:
    yield from _upload(ann, hashlib.sha256(bytes(SIZE)).hexdigest())


def test_other_bytes_than_the_url_was_signed_for_are_refused(
    upload: Mapping[str, Any], seen: Seen
) -> None:
    action = upload["action"]
    refusal = put_zeros(action["href"], action["headers"], SIZE)
    seen(str(refusal))
    assert refusal.status == 400, refusal


def test_another_length_than_the_url_was_signed_for_is_refused(
    upload: Mapping[str, Any], seen: Seen
) -> None:
    action = upload["action"]
    other = {k: v for k, v in action["headers"].items() if k.lower() != "content-length"}
    refusal = put_zeros(action["href"], other, SIZE - 1)
    seen(str(refusal))
    assert refusal.status == 403, refusal


def test_a_second_put_to_the_same_url_is_refused(
    ann: Api, upload_of_zeros: Mapping[str, Any], seen: Seen
) -> None:
    first = ann.act(upload_of_zeros["action"], bytes(SIZE))
    assert first.status == 200, first
    action = upload_of_zeros["action"]
    refusal = put_zeros(action["href"], action["headers"], SIZE)
    seen(str(refusal))
    assert refusal.status == 412, refusal


def test_an_expired_url_is_refused(run: Run, deployment: Deployment, seen: Seen) -> None:
    """By a URL of the operator's own that lives for a second: the API's live for minutes."""
    needs(deployment, "ingest")
    where = {
        "Bucket": deployment.outputs["ingest"]["BucketName"],
        "Key": f"transit/{run.tenant}/expired",
    }
    url = deployment.client("s3").generate_presigned_url("put_object", Params=where, ExpiresIn=1)
    time.sleep(3)
    refusal = put_zeros(url, {}, SIZE)
    seen(str(refusal))
    assert refusal.status == 403, refusal
    # What the operator may not do at all is refused by the same code.
    assert "expired" in refusal.message, refusal.message


def _upload(api: Api, sha256: str) -> Iterator[Mapping[str, Any]]:
    file = {"name": "acceptance.bin", "size": SIZE, "sha256": sha256}
    answer = api.request("POST", "/files", {"files": [file]})
    assert answer.status == 200, answer
    [created] = answer.json["files"]
    yield created
    api.request("DELETE", f"/files/uploads/{created['upload_id']}")
