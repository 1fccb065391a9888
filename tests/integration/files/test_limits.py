"""Quotas, their release, and the sweep of abandoned uploads."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from local.cloud import Cloud
from tests.integration.conftest import Api
from tests.integration.files.conftest import (
    LONG_AGO,
    ONE_PUT,
    Store,
    act,
    announced,
    complete,
    completed,
    create,
    reconfigured,
    send_parts,
    sign,
    store,
)


@pytest.fixture(scope="class")
def narrow(cloud: Cloud, functions: dict[str, str]) -> Iterator[None]:
    """Everybody may have 1,000 bytes, and two uploads open."""
    with reconfigured(
        cloud,
        functions["files_api"],
        WIDELOAD_QUOTA_BYTES="1000",
        WIDELOAD_MAX_OPEN_UPLOADS="2",
        WIDELOAD_MAX_FILE_SIZE="1000",
    ):
        yield


def refused(api: Api, size: int) -> dict[str, Any]:
    """The problem that a new file of this size meets, with its status and `Retry-After`."""
    answer = api.post("/files", {"files": [announced(secrets.token_bytes(size))]})
    problem: dict[str, Any] = answer.json
    assert answer.status == problem["status"]
    assert [item["error"]["code"] for item in problem["files"]] == [problem["code"]]
    return problem | {"Retry-After": answer.headers.get("Retry-After")}


def abort(api: Api, upload_id: str) -> int:
    return api.request("DELETE", f"/files/uploads/{upload_id}").status


@pytest.mark.usefixtures("narrow")
class TestQuotas:
    def test_files_and_open_uploads_take_bytes(self, newcomer: Api, stored: Store) -> None:
        kept = store(newcomer, secrets.token_bytes(600))
        assert refused(newcomer, 401)["code"] == "quota_exceeded"
        opened = create(newcomer, secrets.token_bytes(400))
        problem = refused(newcomer, 1)

        assert (problem["status"], problem["code"]) == (413, "quota_exceeded")
        assert "1000 of 1000 bytes" in problem["detail"]
        assert problem["Retry-After"] is None
        assert stored.usage(newcomer) == {"bytes": 1000, "files": 2, "open_uploads": 1}

        assert abort(newcomer, opened["upload_id"]) == 204
        assert abort(newcomer, opened["upload_id"]) == 204
        stored.end_urls(newcomer)
        assert stored.usage(newcomer) == {"bytes": 600, "files": 1}
        stored.change(newcomer, f"OBJECT#{kept['file_id']}", urls_end=LONG_AGO)
        assert newcomer.request("DELETE", f"/files/{kept['file_id']}").status == 204
        assert newcomer.request("DELETE", f"/files/{kept['file_id']}").status == 404
        assert stored.usage(newcomer) == {}
        store(newcomer, secrets.token_bytes(1000))
        assert stored.usage(newcomer) == {"bytes": 1000, "files": 1}

    @pytest.mark.parametrize("end", ["abort", "delete"])
    def test_bytes_that_a_live_url_can_store_again_are_not_given_back(
        self, newcomer: Api, stored: Store, end: str
    ) -> None:
        content = secrets.token_bytes(600)
        created = create(newcomer, content)
        upload_id = created["upload_id"]
        act(newcomer, created["action"], content)
        if end == "abort":
            assert abort(newcomer, upload_id) == 204
        else:
            completed(newcomer, upload_id)
            assert newcomer.request("DELETE", f"/files/{upload_id}").status == 204
        assert act(newcomer, created["action"], content).status == 200

        stored.sweep()

        assert refused(newcomer, 401)["code"] == "quota_exceeded"
        assert stored.usage(newcomer) == {"bytes": 600, "files": 1}
        assert stored.end_urls(newcomer)["leftovers"] == 1
        assert stored.usage(newcomer) == {}
        assert stored.keys(upload_id) == []

    def test_each_file_of_a_request_is_answered_for_itself(self, newcomer: Api) -> None:
        wishes = [announced(secrets.token_bytes(size)) for size in (600, 600, 400)]

        answer = newcomer.post("/files", {"files": wishes})

        assert answer.status == 200
        first, second, third = answer.json["files"]
        assert second["error"]["code"] == "quota_exceeded"
        assert "action" in first
        assert "action" in third

    def test_no_file_may_be_larger_than_the_deployment_allows(self, newcomer: Api) -> None:
        problem = refused(newcomer, 1001)

        assert (problem["status"], problem["code"]) == (413, "file_too_large")

    def test_so_many_open_uploads_and_no_more(self, newcomer: Api, stored: Store) -> None:
        one, other = secrets.token_bytes(10), secrets.token_bytes(20)
        first, second = create(newcomer, one), create(newcomer, other)
        problem = refused(newcomer, 30)

        assert (problem["status"], problem["code"]) == (429, "too_many_uploads")
        assert int(problem["Retry-After"]) > 0
        assert problem["files"][0]["error"]["retry_after"] == int(problem["Retry-After"])
        # Who resumes isn't held up.
        assert create(newcomer, one)["upload_id"] == first["upload_id"]

        act(newcomer, first["action"], one)
        completed(newcomer, first["upload_id"])
        create(newcomer, secrets.token_bytes(30))
        assert refused(newcomer, 40)["code"] == "too_many_uploads"
        assert abort(newcomer, second["upload_id"]) == 204
        create(newcomer, secrets.token_bytes(40))
        stored.end_urls(newcomer)
        assert stored.usage(newcomer) == {"bytes": 80, "files": 3, "open_uploads": 2}

    def test_many_at_once_get_no_more_either(self, newcomer: Api, stored: Store) -> None:
        wishes = [announced(secrets.token_bytes(10)) for _ in range(8)]

        with ThreadPoolExecutor(3) as people:
            answers = list(
                people.map(lambda wish: newcomer.post("/files", {"files": [wish]}), wishes)
            )

        # One that met the others too often is told to try again.
        assert {answer.status for answer in answers} <= {200, 409, 429}
        taken = sum(answer.status == 200 for answer in answers)
        assert 1 <= taken <= 2
        assert stored.usage(newcomer) == {
            "bytes": 10 * taken,
            "files": taken,
            "open_uploads": taken,
        }


class TestSessions:
    def test_no_url_outlives_its_session(self, newcomer: Api, stored: Store) -> None:
        soon = (datetime.now(UTC) + timedelta(seconds=90)).isoformat(timespec="milliseconds")
        content, film = secrets.token_bytes(10), secrets.token_bytes(ONE_PUT + 1)
        for whole in (content, film):
            created = create(newcomer, whole)
            piece = whole[: created.get("part_size", len(whole))]
            upload_id = created["upload_id"]
            stored.change(newcomer, f"UPLOAD#{upload_id}", session_ends=soon.replace("+00:00", "Z"))

            action = sign(newcomer, upload_id, {1: piece})[1]

            assert 0 < action["expires_in"] <= 90

    @pytest.mark.parametrize("size", [500, ONE_PUT + 1], ids=["one PUT", "multipart"])
    def test_what_is_not_completed_in_time_is_swept_away(
        self, newcomer: Api, stored: Store, size: int
    ) -> None:
        content = secrets.token_bytes(size)
        created = create(newcomer, content)
        upload_id = created["upload_id"]
        pieces = {1: content[: created.get("part_size", size)]}
        if "action" in created:
            action = created["action"]
            late = sign(newcomer, upload_id, pieces)[1]
        else:
            action, late = (sign(newcomer, upload_id, pieces)[1] for _ in range(2))
        assert act(newcomer, action, pieces[1]).status == 200

        stored.change(newcomer, f"UPLOAD#{upload_id}", session_ends=LONG_AGO, due_at=LONG_AGO)

        # The sweep hasn't been there yet, but its time is over.
        assert newcomer.get(f"/files/uploads/{upload_id}").json["state"] == "expired"
        signing = {"parts": [{"number": 1, "sha256": announced(pieces[1])["sha256"]}]}
        answers = [
            newcomer.post(f"/files/uploads/{upload_id}/parts", signing),
            complete(newcomer, upload_id) if size > ONE_PUT else None,
        ]
        codes = {(answer.status, answer.json["code"]) for answer in answers if answer}
        assert codes <= {(410, "upload_gone"), (409, "parts_missing")}
        assert (410, "upload_gone") in codes
        assert stored.usage(newcomer)["open_uploads"] == 1

        report = stored.sweep()

        assert report["expired"] >= 1
        assert stored.usage(newcomer) == {}
        assert stored.keys(upload_id) == []
        assert stored.multiparts(upload_id) == 0
        assert newcomer.get(f"/files/uploads/{upload_id}").json["state"] == "expired"
        answer = complete(newcomer, upload_id)
        assert (answer.status, answer.json["code"]) == (410, "upload_gone")

        # A PUT that began in time may end now, and is removed a day later.
        arrived = act(newcomer, late, pieces[1]).status
        assert arrived == (200 if size == 500 else 404)
        stored.change(newcomer, f"UPLOAD#{upload_id}", due_at=LONG_AGO)
        assert stored.sweep()["leftovers"] == (size == 500)
        assert stored.keys(upload_id) == []
        item = stored.item(newcomer, f"UPLOAD#{upload_id}")
        assert item is not None
        assert "due_at" not in item
        assert "expires_at" in item

        # And the same content can be uploaded again.
        again = create(newcomer, content)
        assert again["upload_id"] != upload_id
        assert abort(newcomer, again["upload_id"]) == 204

    def test_an_expired_upload_gives_way_to_a_new_one_before_the_sweep(
        self, newcomer: Api, stored: Store
    ) -> None:
        content = secrets.token_bytes(500)
        first = create(newcomer, content)
        act(newcomer, first["action"], content)
        stored.change(
            newcomer, f"UPLOAD#{first['upload_id']}", session_ends=LONG_AGO, due_at=LONG_AGO
        )

        second = create(newcomer, content)

        assert second["upload_id"] != first["upload_id"]
        assert "action" in second
        assert stored.keys(first["upload_id"]) == []
        assert stored.usage(newcomer) == {"bytes": 500, "files": 1, "open_uploads": 1}


class TestLeftovers:
    def test_a_put_after_the_abort(self, newcomer: Api, stored: Store) -> None:
        content = secrets.token_bytes(500)
        created = create(newcomer, content)
        upload_id = created["upload_id"]
        assert abort(newcomer, upload_id) == 204
        assert act(newcomer, created["action"], content).status == 200
        assert len(stored.keys(upload_id)) == 1

        stored.sweep()
        assert len(stored.keys(upload_id)) == 1  # the URL may still be used
        report = stored.end_urls(newcomer)

        assert report["leftovers"] == 1
        assert stored.keys(upload_id) == []
        assert stored.sweep()["leftovers"] == 0

    def test_a_put_after_the_file_was_deleted(self, newcomer: Api, stored: Store) -> None:
        content = secrets.token_bytes(500)
        created = create(newcomer, content)
        upload_id = created["upload_id"]
        act(newcomer, created["action"], content)
        completed(newcomer, upload_id)
        assert newcomer.request("DELETE", f"/files/{upload_id}").status == 204
        assert stored.keys(upload_id) == []
        assert act(newcomer, created["action"], content).status == 200

        report = stored.end_urls(newcomer)

        assert report["leftovers"] == 1
        assert stored.keys(upload_id) == []
        stored.change(newcomer, f"TRASH#{upload_id}", due_at=LONG_AGO)  # a day later
        stored.sweep()
        assert stored.item(newcomer, f"TRASH#{upload_id}") is None
        assert newcomer.get("/files").json["items"] == []

    def test_an_abort_while_parts_are_sent_leaves_none(self, newcomer: Api, stored: Store) -> None:
        film = secrets.token_bytes(ONE_PUT + 1)
        created = create(newcomer, film)
        upload_id = created["upload_id"]
        send_parts(newcomer, upload_id, film, created["part_size"], 1, 3)
        assert stored.multiparts(upload_id) == 1

        assert abort(newcomer, upload_id) == 204

        assert stored.multiparts(upload_id) == 0
        assert stored.usage(newcomer) == {}
