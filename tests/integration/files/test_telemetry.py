"""The metrics of files, success and failure, with true values."""

from __future__ import annotations

import secrets

from local.cloud import Cloud
from tests.integration.conftest import Api
from tests.integration.files.conftest import (
    ONE_PUT,
    Store,
    announced,
    complete,
    create,
    send_parts,
    store,
)
from tests.integration.test_telemetry import Watch

LONG_AGO = "2026-01-01T00:00:00.000Z"


def test_an_upload_and_its_download(newcomer: Api, cloud: Cloud, functions: dict[str, str]) -> None:
    content = secrets.token_bytes(1_234)
    watch = Watch(cloud, functions["files_api"])

    file = store(newcomer, content)
    complete(newcomer, file["file_id"])  # again, which is not another upload
    newcomer.get(f"/files/{file['file_id']}/download")

    assert watch.metrics() == [
        {"FileUploadCount": [1], "FileUploadSize": [1_234]},
        {"FileDownloadCount": [1]},
    ]


def test_an_upload_in_parts(newcomer: Api, cloud: Cloud, functions: dict[str, str]) -> None:
    content = secrets.token_bytes(ONE_PUT + 1)
    watch = Watch(cloud, functions["files_api"])

    created = create(newcomer, content)
    complete(newcomer, created["upload_id"])  # too early, which is no upload
    send_parts(newcomer, created["upload_id"], content, created["part_size"])
    complete(newcomer, created["upload_id"])

    assert watch.metrics() == [{"FileUploadCount": [1], "FileUploadSize": [ONE_PUT + 1]}]


def test_duplicates(newcomer: Api, cloud: Cloud, functions: dict[str, str]) -> None:
    sizes = [500, 700]
    contents = [secrets.token_bytes(size) for size in sizes]
    for content in contents:
        store(newcomer, content)
    watch = Watch(cloud, functions["files_api"])

    wanted = [announced(content) for content in (*contents, secrets.token_bytes(900))]
    newcomer.post("/files/check", {"files": wanted})  # asks only
    newcomer.post("/files", {"files": wanted})

    assert watch.metrics() == [{"DuplicateFileCount": [1, 1], "BytesSaved": sizes}]


def test_what_is_refused(newcomer: Api, cloud: Cloud, functions: dict[str, str]) -> None:
    watch = Watch(cloud, functions["files_api"])

    created = create(newcomer, secrets.token_bytes(500))
    assert complete(newcomer, created["upload_id"]).status == 409
    assert newcomer.get("/files/unknown/download").status == 404
    assert newcomer.post("/files", {"files": [{"name": ""}]}).status == 400

    assert watch.metrics() == []


def test_a_run_of_the_sweep(
    newcomer: Api, stored: Store, cloud: Cloud, functions: dict[str, str]
) -> None:
    created = create(newcomer, secrets.token_bytes(500))
    stored.change(newcomer, f"UPLOAD#{created['upload_id']}", due_at=LONG_AGO)
    watch = Watch(cloud, functions["files_sweep"])

    report = stored.sweep()
    again = stored.sweep()

    assert report["expired"] >= 1  # others may have left some behind
    assert again["expired"] == 0
    assert watch.metrics() == [
        # Zeros too: they tell that it ran.
        {
            "ExpiredUploadCount": [run["expired"]],
            "LeftoverObjectCount": [run["leftovers"]],
            "SweepBacklogAge": [0],
        }
        for run in (report, again)
    ]
