"""Files, as the page and the command line send them."""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import quote

import pytest
from botocore.exceptions import ClientError

from tests.acceptance.conftest import needs, needs_people
from tests.acceptance.http import Answer, Api
from tests.acceptance.run import Run

MIB = 2**20
IN_PARTS = 65 * MIB
"""Up to 64 MiB, a file goes by one PUT."""
PARTS = 1_000
SIGNED_AT_ONCE = 100
AT_ONCE = 8
COMPLETING = 900
"""Seconds for which an upload may be completing."""

Seen = Callable[[str], None]


def test_without_a_token_nothing_is_answered(run: Run) -> None:
    needs(run.deployment, "files")
    answer = run.files().request("GET", "/files")
    assert answer.status == 401, answer


def test_a_revoked_persons_session_is_refused(run: Run) -> None:
    """Their access token lives on for up to an hour, as documented; no new one is given out."""
    needs_people(run.deployment)
    email = run.new_person("-revoked")
    tokens = run.sign_in(email)
    outputs, cognito = run.deployment.outputs["files"], run.deployment.client("cognito-idp")
    client = {"ClientId": outputs["ClientId"]}
    cognito.revoke_token(**client, Token=tokens.refresh)
    with pytest.raises(ClientError) as refused:
        cognito.get_tokens_from_refresh_token(**client, RefreshToken=tokens.refresh)
    assert refused.value.response["Error"]["Code"] in (
        "NotAuthorizedException",
        "RefreshTokenReuseException",
    )


def test_a_file_in_one_put_reads_back_byte_for_byte(ann: Api) -> None:
    content = secrets.token_bytes(1_000_000)
    file = store(ann, content, "one put.bin")
    assert (file["size"], file["verified"]) == (len(content), True)
    assert download(ann, file["file_id"]).body == content


def test_a_file_in_parts_reads_back_byte_for_byte(ann: Api, seen: Seen) -> None:
    content = secrets.token_bytes(IN_PARTS)
    created = create(ann, content, "parts.bin")
    assert created["part_count"] > 1, created
    send_parts(ann, created, content, range(1, created["part_count"] + 1))
    file, seconds = complete(ann, created["upload_id"])
    assert download(ann, file["file_id"]).body == content
    seen(f"{created['part_count']} parts, completed in {seconds:.1f} s")


def test_an_interrupted_upload_goes_on_where_it_was(ann: Api, seen: Seen) -> None:
    content = secrets.token_bytes(IN_PARTS)
    first = create(ann, content, "resumed.bin")
    count = first["part_count"]
    send_parts(ann, first, content, range(1, count, 2))
    again = create(ann, content, "resumed.bin")
    assert again["upload_id"] == first["upload_id"]
    assert [part["number"] for part in again["parts"]] == list(range(1, count, 2))
    missing = set(range(1, count + 1)) - set(range(1, count, 2))
    send_parts(ann, again, content, sorted(missing))
    file, _ = complete(ann, again["upload_id"])
    assert download(ann, file["file_id"]).body == content
    seen(f"{count - len(missing)} of {count} parts were there")


def test_a_file_that_is_there_already_is_not_sent_again(ann: Api) -> None:
    content = secrets.token_bytes(100_000)
    store(ann, content, "twice.bin")
    assert create(ann, content, "twice.bin")["duplicate"] is True


def test_a_file_can_be_downloaded_by_ranges(ann: Api) -> None:
    content = secrets.token_bytes(300_000)
    file = store(ann, content, "ranges.bin")
    pieces = []
    for first in range(0, len(content), 100_000):
        answer = download(ann, file["file_id"], f"bytes={first}-{first + 99_999}")
        assert answer.status == 206, answer
        pieces.append(answer.body)
    assert b"".join(pieces) == content


@pytest.mark.parametrize("count", [8, 120])
def test_a_file_named_in_emoji_downloads_under_its_name(ann: Api, count: int, seen: Seen) -> None:
    """API names have up to 255 characters, of which each emoji is 12 in a URL."""
    name = "🎞" * count + ".mkv"
    file = store(ann, secrets.token_bytes(1_000), name)
    assert file["name"] == name
    action = action_of(ann, file["file_id"])
    answer = ann.act(action)
    assert answer.status == 200, answer
    disposition = answer.headers["Content-Disposition"]
    assert disposition.startswith("attachment")
    assert f"filename*=UTF-8''{quote('🎞' * 8)}" in disposition
    seen(f"a URL of {len(action['href']):,} characters")


def test_a_file_in_a_thousand_parts_is_completed(
    run: Run, pytestconfig: pytest.Config, seen: Seen, figure: Callable[[str, str], None]
) -> None:
    if not pytestconfig.getoption("thousand_parts"):
        pytest.skip("By option: ACCEPTANCE=--thousand-parts; it sends gigabytes.")
    needs_people(run.deployment)
    ann = run.files(run.sign_in(run.new_person("-thousand")).access)
    part = _part_size(ann)
    zeros = bytes(part)
    whole = hashlib.sha256()
    for _ in range(PARTS):
        whole.update(zeros)
    file = {"name": "thousand.bin", "size": PARTS * part, "sha256": whole.hexdigest()}
    created = _created(ann, file)
    assert created["part_count"] == PARTS
    began = time.monotonic()
    for first in range(1, PARTS + 1, SIGNED_AT_ONCE):
        numbers = range(first, min(first + SIGNED_AT_ONCE, PARTS + 1))
        actions = _sign(ann, created["upload_id"], dict.fromkeys(numbers, zeros))
        with ThreadPoolExecutor(AT_ONCE) as pool:
            answers = pool.map(lambda action: ann.act(action, zeros).status, actions.values())
            assert set(answers) == {200}
    sending = time.monotonic() - began
    _, seconds = complete(ann, created["upload_id"])
    seen(f"{PARTS:,} parts of {part / MIB:.0f} MiB, completed in {seconds:.1f} s")
    figure(f"completing {PARTS:,} parts", f"{seconds:.1f} s")
    figure(f"sending them, {AT_ONCE} at once", f"{PARTS * part / sending / 1e6:.0f} MB/s")


def create(api: Api, content: bytes, name: str) -> Mapping[str, Any]:
    """Begin an upload; what the API answers for this one file."""
    sha256 = hashlib.sha256(content).hexdigest()
    return _created(api, {"name": name, "size": len(content), "sha256": sha256})


def _created(api: Api, file: Mapping[str, Any]) -> Mapping[str, Any]:
    answer = api.request("POST", "/files", {"files": [file]})
    assert answer.status == 200, answer
    [created] = answer.json["files"]
    assert "error" not in created, created
    return dict(created)


def store(api: Api, content: bytes, name: str) -> Mapping[str, Any]:
    """Upload a file by one PUT; what the API then says of it."""
    created = create(api, content, name)
    put = api.act(created["action"], content)
    assert put.status == 200, put
    return complete(api, created["upload_id"])[0]


def send_parts(
    api: Api, created: Mapping[str, Any], content: bytes, numbers: Iterable[int]
) -> None:
    size = created["part_size"]
    parts = {number: content[(number - 1) * size : number * size] for number in numbers}
    for number, action in _sign(api, created["upload_id"], parts).items():
        put = api.act(action, parts[number])
        assert put.status == 200, put


def _sign(api: Api, upload_id: str, parts: Mapping[int, bytes]) -> dict[int, Mapping[str, Any]]:
    wanted = [
        {"number": number, "sha256": hashlib.sha256(part).hexdigest()}
        for number, part in parts.items()
    ]
    answer = api.request("POST", f"/files/uploads/{upload_id}/parts", {"parts": wanted})
    assert answer.status == 200, answer
    return {part["number"]: part["action"] for part in answer.json["parts"]}


def complete(api: Api, upload_id: str) -> tuple[Mapping[str, Any], float]:
    """Complete an upload, asking again for as long as it is completing; seconds that it took."""
    began = time.monotonic()
    while True:
        answer = api.request("POST", f"/files/uploads/{upload_id}/complete")
        seconds = time.monotonic() - began
        wait = answer.headers.get("Retry-After")
        if answer.status not in (202, 503) or not wait or seconds > COMPLETING:
            break
        time.sleep(int(wait))
    assert answer.status == 200, answer
    return dict(answer.json["file"]), seconds


def action_of(api: Api, file_id: str) -> Mapping[str, Any]:
    answer = api.request("GET", f"/files/{file_id}/download")
    assert answer.status == 200, answer
    return dict(answer.json["action"])


def download(api: Api, file_id: str, byte_range: str | None = None) -> Answer:
    action = action_of(api, file_id)
    headers = {**action["headers"], **({"Range": byte_range} if byte_range else {})}
    return api.http.request("GET", action["href"], headers)


def _part_size(api: Api) -> int:
    """Of a small file that goes in parts. Its upload is given up."""
    sha256 = hashlib.sha256(secrets.token_bytes(8)).hexdigest()
    created = _created(api, {"name": "size.bin", "size": IN_PARTS, "sha256": sha256})
    api.request("DELETE", f"/files/uploads/{created['upload_id']}")
    return int(created["part_size"])
