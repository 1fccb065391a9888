"""Access tokens: when they are requested, and that no error shows one."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest

import wideload
from tests.client.transfer_samples import PART, bytes_of, chain, file_of
from tests.fake_aws.files import TOKEN, FilesService
from tests.fake_aws.messages import DROP, Fault, problem, s3_error

ONE = PART // 2
MANY = 6 * PART + 1
SIZES = pytest.mark.parametrize("size", [ONE, MANY])
_CREATE = "POST /stage/files"
_UPLOADS = "POST /stage/files/uploads"
_PUT = "PUT /s3/"


def test_a_token_that_expires_is_asked_for_again(files_server: FilesService) -> None:
    tokens = iter(["old", "old", TOKEN, TOKEN, TOKEN])

    with wideload.Client(files_server.url, token=lambda: next(tokens)) as person:
        with pytest.raises(wideload.AuthenticationError, match="still valid"):
            person.files.get("a")
        with pytest.raises(wideload.NotFoundError):
            person.files.get("a")

    assert [seen.headers["authorization"] for seen in files_server.seen] == [
        "Bearer old",
        f"Bearer {TOKEN}",
    ]


class _Renewing:
    """A source of tokens that knows how to renew them."""

    def __init__(self, *tokens: str) -> None:
        self.tokens = list(tokens)
        self.refused: list[str] = []

    def __call__(self) -> str:
        return self.tokens[0]

    def renew(self, refused: str) -> str:
        self.refused.append(refused)
        if len(self.tokens) > 1:
            del self.tokens[0]
        return self.tokens[0]


def test_a_source_of_tokens_is_told_which_one_was_refused(files_server: FilesService) -> None:
    source = _Renewing("old", TOKEN)
    with wideload.Client(files_server.url, token=source) as person:
        done = person.files.upload(io.BytesIO(b"content"), name="a")

    assert source.refused == ["old"]
    assert files_server.content(done.file.file_id) == b"content"


def test_a_token_is_renewed_once_for_a_request(files_server: FilesService) -> None:
    source = _Renewing("old", "older", "oldest")
    with (
        wideload.Client(files_server.url, token=source) as person,
        pytest.raises(wideload.AuthenticationError) as raised,
    ):
        person.files.get("a")

    assert source.refused == ["old"]
    assert len(files_server.seen) == 2
    assert raised.value.status == 401


def test_a_request_is_not_repeated_with_the_token_that_was_refused(
    files_server: FilesService,
) -> None:
    for source in (_Renewing("old"), lambda: "old", "old"):
        with (
            wideload.Client(files_server.url, token=source) as person,
            pytest.raises(wideload.AuthenticationError),
        ):
            person.files.get("a")

    assert len(files_server.seen) == 3


@pytest.mark.parametrize("token", ["", "a b", "a\nb", "ü", 7])
def test_a_token_that_cannot_be_one_is_not_shown(files_server: FilesService, token: Any) -> None:
    with pytest.raises(wideload.ConfigurationError, match="token") as raised:
        wideload.Client(files_server.url, token=token)
    assert str(token) not in str(raised.value) or not token

    with (
        wideload.Client(files_server.url, token=lambda: token) as person,
        pytest.raises(wideload.ConfigurationError, match="token"),
    ):
        list(person.files.list())
    assert files_server.seen == []


@SIZES
@pytest.mark.parametrize(
    ("what", "fault"),
    [
        (_CREATE, Fault(401, b'{"message":"Unauthorized"}')),
        (_CREATE, problem(500, "internal")),
        (_UPLOADS, problem(500, "internal")),
        (_PUT, DROP),
        (_PUT, s3_error(403, "AccessDenied")),
        (_PUT, s3_error(503, "SlowDown")),
    ],
)
def test_no_error_holds_a_token_or_a_signature(
    person: wideload.Client,
    files_server: FilesService,
    tmp_path: Path,
    size: int,
    what: str,
    fault: Fault,
) -> None:
    files_server.fail(what, *[fault] * 100)

    with pytest.raises(wideload.WideloadError) as raised:
        person.files.upload(file_of(tmp_path, bytes_of(size)))

    for error in chain(raised.value):
        shown = f"{error!r} {error} {vars(error)}"
        assert TOKEN not in shown
        assert "X-Amz-Signature" not in shown
        assert "X-Amz" not in shown
