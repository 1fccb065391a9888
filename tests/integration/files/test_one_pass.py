"""Large files that are hashed while they are sent, and files of unknown size, on S3."""

from __future__ import annotations

import hashlib
import secrets
from typing import Any

from tests.integration.conftest import Answer, Api
from tests.integration.files.conftest import (
    MIB,
    ONE_PUT,
    act,
    complete,
    create,
    parts_of,
    send_parts,
    unverified,
)

PART = 8 * MIB


def begin(api: Api, content: bytes, **members: Any) -> dict[str, Any]:
    """Announce a file by its first part; the answer for this one file."""
    first_sha256 = hashlib.sha256(content[:PART]).hexdigest()
    file = {"name": "film.bin", "first_sha256": first_sha256, **members}
    answer = api.post("/files", {"files": [file]})
    assert answer.status == 200, answer.body
    (created,) = answer.json["files"]
    return dict(created)


def claim(api: Api, upload_id: str, content: bytes, **members: Any) -> Answer:
    """Complete an upload with the hashes of its content."""
    digests = [hashlib.sha256(part).digest() for part in parts_of(content, PART)]
    hashes = {
        "sha256": hashlib.sha256(content).hexdigest(),
        "parts_sha256": hashlib.sha256(b"".join(digests)).hexdigest(),
    }
    return api.post(f"/files/uploads/{upload_id}/complete", {**hashes, **members})


def download(api: Api, file_id: str) -> bytes:
    return act(api, api.get(f"/files/{file_id}/download").json["action"]).body


def test_a_file_is_sent_in_one_pass_resumed_and_found(ann: Api) -> None:
    content = secrets.token_bytes(ONE_PUT + 5)
    changed = content[:PART] + secrets.token_bytes(PART) + content[2 * PART :]
    upload_id = begin(ann, content, size=len(content))["upload_id"]
    send_parts(ann, upload_id, changed, PART)

    again = begin(ann, content, size=len(content))
    differing = claim(ann, upload_id, content)
    send_parts(ann, upload_id, content, PART, 2)
    file = claim(ann, upload_id, content).json["file"]

    assert again["upload_id"] == upload_id
    digests = [hashlib.sha256(part).hexdigest() for part in parts_of(changed, PART)]
    assert [part["sha256"] for part in again["parts"]] == digests
    assert (differing.status, differing.json["code"]) == (409, "parts_differ")
    assert file["sha256"] == hashlib.sha256(content).hexdigest()
    assert download(ann, file["file_id"]) == content
    assert begin(ann, content, size=len(content)) == {"hash_first": True}
    duplicate = create(ann, content)
    assert duplicate["duplicate"] is True
    assert unverified(duplicate["file"]) == unverified(file)


def test_a_file_of_unknown_size(ann: Api) -> None:
    content = secrets.token_bytes(PART + 5)
    by_hash = create(ann, content)
    assert act(ann, by_hash["action"], content).status == 200
    upload_id = begin(ann, content)["upload_id"]
    wanted = [
        {"number": number, "sha256": hashlib.sha256(part).hexdigest(), "size": len(part)}
        for number, part in enumerate(parts_of(content, PART), 1)
    ]
    signed = ann.post(f"/files/uploads/{upload_id}/parts", {"parts": wanted}).json["parts"]
    for part, body in zip(signed, parts_of(content, PART), strict=True):
        assert act(ann, part["action"], body).status == 200

    longer = claim(ann, upload_id, content, size=len(content) + 1)
    file = claim(ann, upload_id, content, size=len(content)).json["file"]

    assert (longer.status, longer.json["missing"]) == (409, [2])
    assert (file["file_id"], file["size"]) == (upload_id, len(content))
    assert download(ann, upload_id) == content
    # The upload of the same content by its hash gives way.
    completed = complete(ann, by_hash["upload_id"]).json["file"]
    assert unverified(completed) == unverified(file)
