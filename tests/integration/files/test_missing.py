"""An object that is not there, for which S3 may answer 403: told from one that may not be read."""

from __future__ import annotations

import secrets

from local.outputs import Outputs
from tests.integration.conftest import Api, Refusals
from tests.integration.files.conftest import Store, act, complete, create

LONG_AGO = "2026-01-01T00:00:00.000Z"


def test_completing_tells_them_apart(
    newcomer: Api, stored: Store, outputs: Outputs, refusals: Refusals
) -> None:
    content = secrets.token_bytes(500)
    created = create(newcomer, content)

    with refusals.to_read(outputs["files"]["bucket"], key_of(stored, newcomer, created)):
        missing = complete(newcomer, created["upload_id"])
        act(newcomer, created["action"], content)
        unreadable = complete(newcomer, created["upload_id"])
    readable = complete(newcomer, created["upload_id"])

    assert (missing.status, missing.json["code"]) == (409, "not_uploaded")
    assert unreadable.status == 500
    assert readable.status == 200


def test_the_sweep_finds_nothing_left_over(
    newcomer: Api, stored: Store, outputs: Outputs, refusals: Refusals
) -> None:
    stored.sweep()  # what other tests left
    created = create(newcomer, secrets.token_bytes(500))
    upload = f"UPLOAD#{created['upload_id']}"
    newcomer.request("DELETE", f"/files/uploads/{created['upload_id']}")
    stored.change(newcomer, upload, due_at=LONG_AGO)

    with refusals.to_read(outputs["files"]["bucket"], key_of(stored, newcomer, created)):
        report = stored.sweep()

    assert (report["leftovers"], report["failed"]) == (0, 0)
    item = stored.item(newcomer, upload)
    assert item is not None
    assert "held" not in item


def key_of(stored: Store, api: Api, created: dict[str, str]) -> str:
    """Where an upload's object is to be."""
    item = stored.item(api, f"UPLOAD#{created['upload_id']}")
    assert item is not None
    return str(item["key"])
