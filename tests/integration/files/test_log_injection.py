"""Text from callers stays out of the logs of the files API."""

from __future__ import annotations

import secrets
from urllib.parse import quote

from tests.integration.conftest import Api
from tests.integration.files.conftest import announced, store
from tests.integration.test_log_injection import HOSTILE, MARK, Logged, check, logged, plain

__all__ = ["logged"]


def test_files_log_nothing_that_a_caller_wrote(ann: Api, logged: Logged) -> None:
    for text in HOSTILE.values():
        file = announced(secrets.token_bytes(100))
        for hostile in ({"name": text}, {"content_type": text}, {"sha256": text}, {text: text}):
            ann.post("/files", {"files": [file | hostile]})
        headers = {"Content-Type": plain(text), "User-Agent": plain(text)}
        ann.post("/files", text.encode(), headers)
        ann.post("/files/check", {"files": [{"sha256": text, "size": text}]})
        escaped = quote(text, safe="")
        for path in (f"/files/{escaped}", f"/files?name={escaped}", f"/files?cursor={escaped}"):
            ann.get(path)
        ann.post(f"/files/uploads/{escaped}/complete", b"")
        # A name that is taken, and all that is done with it.
        stored = store(ann, secrets.token_bytes(100), name=f'x","level":"ERROR","{MARK}":"')
        path = f"/files/{stored['file_id']}"
        ann.request("PATCH", path, {"name": text})
        ann.get(f"{path}/download")
        ann.request("DELETE", path)

    check(logged())
