"""Uploads that S3 refuses, and the API's answers to them."""

from __future__ import annotations

import secrets
import time
from contextlib import AbstractContextManager
from typing import Any

import pytest

from local.cloud import Cloud
from tests.integration.conftest import Answer, Api
from tests.integration.files.conftest import (
    MIB,
    ONE_PUT,
    act,
    announced,
    base64_sha256,
    complete,
    completed,
    create,
    parts_of,
    reconfigured,
    send_parts,
    sign,
    store,
)

PART = 8 * MIB


@pytest.fixture(scope="module")
def film() -> bytes:
    """Of nine parts, the last one short."""
    return secrets.token_bytes(ONE_PUT + 1000)


def lifetime_of_urls(cloud: Cloud, function: str, *, seconds: int) -> AbstractContextManager[None]:
    """Deploy the function with another life of its URLs for a while."""
    return reconfigured(cloud, function, WIDELOAD_FILE_URL_TTL=str(seconds))


def put(api: Api, action: dict[str, Any], body: bytes, **headers: str | None) -> Answer:
    """Make the action's request with other headers; None leaves one out."""
    changed = {**action["headers"], **headers}
    kept = {name: value for name, value in changed.items() if value is not None}
    answer = api.http.request("PUT", action["href"], body=body, headers=kept)
    return Answer(answer.status, answer.headers, answer.data)


class TestOnePut:
    def test_other_bytes_of_the_same_length(self, ann: Api) -> None:
        content = secrets.token_bytes(500)
        action = create(ann, content)["action"]

        refused = put(ann, action, secrets.token_bytes(500))

        assert refused.status == 400, refused.body
        assert b"Digest" in refused.body or b"Checksum" in refused.body

    def test_a_checksum_of_the_senders_choice(self, ann: Api) -> None:
        action = create(ann, secrets.token_bytes(500))["action"]
        other = secrets.token_bytes(500)

        refused = put(ann, action, other, **{"x-amz-checksum-sha256": base64_sha256(other)})

        assert refused.status == 403

    @pytest.mark.parametrize("length", [0, 499, 501])
    def test_another_length(self, ann: Api, length: int) -> None:
        action = create(ann, secrets.token_bytes(500))["action"]

        refused = put(ann, action, bytes(length), **{"Content-Length": str(length)})

        assert refused.status == 403

    @pytest.mark.parametrize("header", ["x-amz-checksum-sha256", "If-None-Match"])
    def test_a_signed_header_left_out(self, ann: Api, header: str) -> None:
        content = secrets.token_bytes(500)
        action = create(ann, content)["action"]

        assert put(ann, action, content, **{header: None}).status == 403

    def test_the_same_url_twice(self, ann: Api) -> None:
        content = secrets.token_bytes(500)
        created = create(ann, content)
        assert act(ann, created["action"], content).status == 200

        assert act(ann, created["action"], content).status == 412

    def test_a_url_whose_file_was_completed(self, ann: Api) -> None:
        content = secrets.token_bytes(500)
        created = create(ann, content)
        act(ann, created["action"], content)
        completed(ann, created["upload_id"])

        assert act(ann, created["action"], content).status == 412

    def test_another_method(self, ann: Api) -> None:
        content = secrets.token_bytes(500)
        created = create(ann, content)
        act(ann, created["action"], content)

        answer = ann.http.request("GET", created["action"]["href"])

        assert answer.status == 403

    def test_another_key(self, ann: Api) -> None:
        content = secrets.token_bytes(500)
        created = create(ann, content)
        action = created["action"]
        elsewhere = action["href"].replace(created["upload_id"], "01ARZ3NDEKTSV4RRFFQ69G5FAV")
        assert elsewhere != action["href"]

        assert act(ann, action | {"href": elsewhere}, content).status == 403

    def test_completing_without_the_bytes(self, ann: Api) -> None:
        created = create(ann, secrets.token_bytes(500))

        answer = complete(ann, created["upload_id"])

        assert (answer.status, answer.json["code"]) == (409, "not_uploaded")


class TestMultipart:
    def test_another_part(self, ann: Api, film: bytes) -> None:
        upload = create(ann, film)
        pieces = parts_of(film, upload["part_size"])
        [action] = sign(ann, upload["upload_id"], {1: pieces[0]}).values()

        assert put(ann, action, pieces[1]).status == 400

    @pytest.mark.parametrize("change", [-1, 1])
    def test_a_part_of_another_length(self, ann: Api, film: bytes, change: int) -> None:
        upload = create(ann, film)
        piece = film[:PART]
        [action] = sign(ann, upload["upload_id"], {1: piece}).values()

        refused = put(ann, action, bytes(PART + change), **{"Content-Length": str(PART + change)})

        assert refused.status == 403

    def test_a_part_without_its_checksum(self, ann: Api, film: bytes) -> None:
        upload = create(ann, film)
        [action] = sign(ann, upload["upload_id"], {1: film[:PART]}).values()

        refused = put(ann, action, film[:PART], **{"x-amz-checksum-sha256": None})

        assert refused.status == 403

    def test_a_url_for_another_part(self, ann: Api, film: bytes) -> None:
        upload = create(ann, film)
        [action] = sign(ann, upload["upload_id"], {1: film[:PART]}).values()
        moved = action["href"].replace("partNumber=1", "partNumber=2")
        assert moved != action["href"]

        assert act(ann, action | {"href": moved}, film[:PART]).status == 403

    def test_completing_with_parts_missing(self, ann: Api) -> None:
        content = secrets.token_bytes(ONE_PUT + 1000)
        upload = create(ann, content)
        send_parts(ann, upload["upload_id"], content, upload["part_size"], 1, 2, 9)

        answer = complete(ann, upload["upload_id"])

        assert (answer.status, answer.json["code"]) == (409, "parts_missing")
        assert answer.json["missing"] == [3, 4, 5, 6, 7, 8]

    def test_a_part_after_the_upload_was_aborted(self, ann: Api) -> None:
        content = secrets.token_bytes(ONE_PUT + 1)
        upload = create(ann, content)
        pieces = parts_of(content, upload["part_size"])
        [action] = sign(ann, upload["upload_id"], {1: pieces[0]}).values()
        assert ann.request("DELETE", f"/files/uploads/{upload['upload_id']}").status == 204

        assert act(ann, action, pieces[0]).status == 404
        answer = complete(ann, upload["upload_id"])
        assert (answer.status, answer.json["code"]) == (410, "upload_gone")


def test_urls_that_expired(ann: Api, cloud: Cloud, functions: dict[str, str]) -> None:
    content = secrets.token_bytes(500)
    stored = store(ann, secrets.token_bytes(500))
    with lifetime_of_urls(cloud, functions["files_api"], seconds=1):
        created = create(ann, content)
        download = ann.get(f"/files/{stored['file_id']}/download").json["action"]
    assert created["action"]["expires_in"] == download["expires_in"] == 1
    time.sleep(2)

    assert act(ann, created["action"], content).status == 403
    assert act(ann, download).status == 403

    # A fresh one is to be had, for the same upload.
    [action] = sign(ann, created["upload_id"], {1: content}).values()
    assert act(ann, action, content).status == 200
    completed(ann, created["upload_id"])


def test_what_the_uploader_chose_is_not_given_out(ann: Api) -> None:
    content = secrets.token_bytes(500)
    created = create(ann, content)
    chosen = {
        "Content-Encoding": "gzip",
        "Cache-Control": "public, max-age=31536000",
        "Expires": "Thu, 01 Dec 2033 16:00:00 GMT",
    }
    assert put(ann, created["action"], content, **chosen).status == 200
    file_id = complete(ann, created["upload_id"]).json["file"]["file_id"]

    answer = act(ann, ann.get(f"/files/{file_id}/download").json["action"])

    assert answer.body == content
    assert answer.headers["Content-Encoding"] == "identity"
    assert answer.headers["Cache-Control"] == "private, no-store"


def test_a_file_is_always_an_attachment(ann: Api) -> None:
    page = b"<script>alert(document.domain)</script>" + secrets.token_bytes(8)
    announcing = announced(page, 'свадьба "final".html') | {"content_type": "text/html"}
    [created] = ann.post("/files", {"files": [announcing]}).json["files"]
    act(ann, created["action"], page)
    file_id = complete(ann, created["upload_id"]).json["file"]["file_id"]

    answer = act(ann, ann.get(f"/files/{file_id}/download").json["action"])

    assert answer.body == page
    disposition = answer.headers["Content-Disposition"]
    assert disposition.startswith("attachment; filename=")
    assert "filename*=UTF-8''%D1%81%D0%B2%D0%B0%D0%B4%D1%8C%D0%B1%D0%B0%20" in disposition
    assert disposition.isascii()
