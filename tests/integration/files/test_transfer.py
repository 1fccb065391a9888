"""Files are stored once and read back equal, with other uploads at the same time."""

from __future__ import annotations

import hashlib
import secrets
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from local.cloud import Cloud
from local.outputs import Outputs
from tests.integration.conftest import Answer, Api
from tests.integration.files.conftest import (
    MIB,
    ONE_PUT,
    act,
    announced,
    complete,
    completed,
    create,
    send_parts,
    store,
)


def download(api: Api, file_id: str, **headers: str) -> Answer:
    action = api.get(f"/files/{file_id}/download").json["action"]
    return act(api, action | {"headers": action["headers"] | headers})


def upload(api: Api, content: bytes, name: str = "film.bin") -> dict[str, Any]:
    """Upload a file the way its size wants it; what the API then says of it."""
    if len(content) <= ONE_PUT:
        return store(api, content, name)
    created = create(api, content, name)
    send_parts(api, created["upload_id"], content, created["part_size"])
    answer = complete(api, created["upload_id"])
    assert answer.status == 200, answer.body
    return dict(answer.json["file"])


def usage(cloud: Cloud, outputs: Outputs, content: bytes) -> int:
    """How many objects of the bucket have this content."""
    s3 = cloud.client("s3")
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=outputs["files"]["bucket"])
    return sum(item["Size"] == len(content) for page in pages for item in page.get("Contents", []))


@pytest.mark.parametrize(
    "size",
    [0, 1, ONE_PUT, ONE_PUT + 1, 9 * 8 * MIB],
    ids=lambda size: f"{size:,} bytes",
)
def test_a_file_comes_back_equal(ann: Api, size: int) -> None:
    content = secrets.token_bytes(size)

    file = upload(ann, content)

    assert file["size"] == size
    assert file["sha256"] == hashlib.sha256(content).hexdigest()
    assert file["verified"] is (size <= ONE_PUT)
    assert download(ann, file["file_id"]).body == content


def test_a_range_of_a_file(ann: Api) -> None:
    content = secrets.token_bytes(10_000)
    file = store(ann, content)

    answer = download(ann, file["file_id"], Range="bytes=100-199")

    assert (answer.status, answer.body) == (206, content[100:200])


def test_a_redirect_for_who_asks_for_the_bytes(ann: Api) -> None:
    content = secrets.token_bytes(1000)
    file = store(ann, content)

    answer = ann.http.request(
        "GET",
        f"{ann.url}/files/{file['file_id']}/download",
        headers=ann.headers | {"Accept": "application/octet-stream"},
        redirect=False,
    )

    assert answer.status == 302
    assert ann.http.request("GET", answer.headers["Location"]).data == content


class TestDuplicates:
    def test_the_same_content_again_sends_nothing(self, ann: Api) -> None:
        content = secrets.token_bytes(1000)
        file = store(ann, content)

        checked = ann.post("/files/check", {"files": [announced(content)]}).json
        again = create(ann, content, "another name.bin")

        assert checked == {"files": [{"duplicate": True, "file": file}]}
        assert again["duplicate"] is True
        assert again["file"] == {
            **file,
            "file_id": again["file"]["file_id"],
            "name": "another name.bin",
            "content_type": again["file"]["content_type"],
            "created_at": again["file"]["created_at"],
        }
        assert again["file"]["file_id"] != file["file_id"]
        assert ann.request("DELETE", f"/files/{file['file_id']}").status == 204
        assert download(ann, again["file"]["file_id"]).body == content

    def test_two_at_once_share_an_upload_and_end_as_one_file(
        self, ann: Api, cloud: Cloud, outputs: Outputs
    ) -> None:
        content = secrets.token_bytes(54_321)

        with ThreadPoolExecutor(2) as people:
            created = list(people.map(lambda _: create(ann, content), range(2)))
            puts = list(people.map(lambda it: act(ann, it["action"], content).status, created))
            ended = list(people.map(lambda it: complete(ann, it["upload_id"]), created))

        assert len({it["upload_id"] for it in created}) == 1
        assert sorted(puts) == [200, 412]
        assert {answer.status for answer in ended} == {200}
        assert len({answer.json["file"]["file_id"] for answer in ended}) == 1
        assert usage(cloud, outputs, content) == 1

    def test_two_completes_of_a_multipart_at_once(self, ann: Api) -> None:
        content = secrets.token_bytes(ONE_PUT + 7)
        created = create(ann, content)
        send_parts(ann, created["upload_id"], content, created["part_size"])

        with ThreadPoolExecutor(2) as people:
            ended = list(people.map(lambda _: complete(ann, created["upload_id"]), range(2)))

        # While S3 still joins the parts for one request, the others are answered 202.
        assert {answer.status for answer in ended} <= {200, 202, 503}, [a.body for a in ended]
        answer = completed(ann, created["upload_id"])
        assert download(ann, answer.json["file"]["file_id"]).body == content

    def test_deleted_and_uploaded_again(self, ann: Api) -> None:
        content = secrets.token_bytes(1000)
        first = store(ann, content)
        assert ann.request("DELETE", f"/files/{first['file_id']}").status == 204

        second = store(ann, content)

        assert second["file_id"] != first["file_id"]
        assert download(ann, second["file_id"]).body == content
        assert ann.get(f"/files/{first['file_id']}").status == 404

    def test_of_two_people_each_has_a_file(self, ann: Api, ben: Api) -> None:
        content = secrets.token_bytes(1000)
        store(ann, content)

        assert "action" in create(ben, content)


class TestResuming:
    def test_the_parts_that_s3_holds_are_told(self, ann: Api) -> None:
        content = secrets.token_bytes(ONE_PUT + 5)
        first = create(ann, content)
        send_parts(ann, first["upload_id"], content, first["part_size"], 2, 5)

        again = create(ann, content, "another name.bin")

        assert again["upload_id"] == first["upload_id"]
        assert [part["number"] for part in again["parts"]] == [2, 5]
        part_size = first["part_size"]
        assert again["parts"][0]["sha256"] == (
            hashlib.sha256(content[part_size : 2 * part_size]).hexdigest()
        )
        state = ann.get(f"/files/uploads/{first['upload_id']}").json
        assert (state["state"], state["parts"]) == ("open", again["parts"])

    def test_one_put_that_s3_holds_is_only_completed(self, ann: Api) -> None:
        content = secrets.token_bytes(1000)
        first = create(ann, content)
        act(ann, first["action"], content)

        again = create(ann, content)

        assert again["upload_id"] == first["upload_id"]
        assert "action" not in again
        completed(ann, again["upload_id"])

    def test_completing_again_gives_the_same_answer(self, ann: Api) -> None:
        content = secrets.token_bytes(1000)
        created = create(ann, content)
        act(ann, created["action"], content)

        answers = [complete(ann, created["upload_id"]) for _ in range(3)]

        assert [answer.status for answer in answers] == [200] * 3
        assert answers[0].json == answers[1].json == answers[2].json


def test_an_aborted_upload_leaves_nothing(ann: Api, cloud: Cloud, outputs: Outputs) -> None:
    content = secrets.token_bytes(65_432)
    created = create(ann, content)
    act(ann, created["action"], content)

    assert ann.request("DELETE", f"/files/uploads/{created['upload_id']}").status == 204

    assert usage(cloud, outputs, content) == 0
    assert ann.request("DELETE", f"/files/uploads/{created['upload_id']}").status == 204
    assert ann.get(f"/files/uploads/{created['upload_id']}").json["state"] == "aborted"


def test_many_files_in_one_request_each_with_its_answer(ann: Api) -> None:
    there = secrets.token_bytes(100)
    file = store(ann, there)
    new = secrets.token_bytes(100)
    wishes = [
        announced(there) | {"name": file["name"]},
        announced(new),
        announced(new) | {"name": "../etc/passwd"},
    ]

    answer = ann.post("/files", {"files": wishes})

    assert answer.status == 200
    duplicate, created, refused = answer.json["files"]
    assert duplicate == {"duplicate": True, "file": file}
    assert created["action"]["method"] == "PUT"
    assert refused["error"]["code"] == "invalid_name"


def test_files_are_listed_newest_first_page_by_page(ben: Api) -> None:
    stored = [store(ben, secrets.token_bytes(50), f"Übung {n}.txt")["file_id"] for n in range(5)]

    pages, cursor = [], ""
    while True:
        page = ben.get(f"/files?limit=2&q=%C3%BCbung{cursor}").json
        pages.append([item["file_id"] for item in page["items"]])
        if page["cursor"] is None:
            break
        cursor = f"&cursor={page['cursor']}"

    assert [file_id for page in pages for file_id in page] == stored[::-1]
    assert all(len(page) <= 2 for page in pages)


def test_a_cursor_of_ones_own_shows_nothing_of_somebody_else(ann: Api, ben: Api) -> None:
    mine = [store(ann, secrets.token_bytes(50))["file_id"] for _ in range(3)]
    cursor = ann.get("/files?limit=1").json["cursor"]

    seen = ben.get(f"/files?limit=100&cursor={cursor}")

    assert seen.status == 200
    assert not {item["file_id"] for item in seen.json["items"]} & set(mine)
