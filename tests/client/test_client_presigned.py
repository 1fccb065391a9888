"""Attempts at presigned requests: which URL each one uses, and which answers end them."""

from __future__ import annotations

import io
import math
from collections.abc import Callable
from typing import Any

import pytest
import urllib3

from tests.client.conftest import Clock
from wideload._http import Body, Http
from wideload._presigned import PresignedCall, PresignedRequest, RenewableRequest
from wideload._retry import Attempts, RetryPolicy
from wideload._steps import run
from wideload.errors import TransportError, UploadError

_FORBIDDEN = b"<Error><Code>AccessDenied</Code></Error>"
_LOST = urllib3.exceptions.ProtocolError("broken", ConnectionResetError())
_NOT_CONNECTED = urllib3.exceptions.NewConnectionError(
    urllib3.connection.HTTPConnection("s3.example"), "refused"
)


def _answer(status: int, body: bytes = b"", **headers: str) -> urllib3.HTTPResponse:
    lines = {name.replace("_", "-"): value for name, value in headers.items()}
    return urllib3.HTTPResponse(io.BytesIO(body), lines, status, preload_content=False)


class _Storage:
    """A transport that gives the answers in turn, and records the paths that were requested."""

    def __init__(self, *answers: urllib3.HTTPResponse | Exception) -> None:
        self._answers = iter(answers)
        self.paths: list[str] = []

    def request(self, method: str, url: str, **options: Any) -> urllib3.HTTPResponse:
        self.paths.append(url.rpartition("/")[2])
        answer = next(self._answers)
        if isinstance(answer, Exception):
            raise answer
        return answer


class _Transfer:
    """A call to `storage` whose URLs end in 1, 2, 3, … in the order of signing."""

    def __init__(
        self, storage: _Storage, clock: Clock, *, life: float = math.inf, **options: Any
    ) -> None:
        self.headers: dict[str, str] = {}
        self._clock = clock
        self._life = life
        self._signed = 0
        self.attempts = Attempts(RetryPolicy(5), clock.pacing())
        self.requests = RenewableRequest(self._sign, clock.now)
        http = Http(storage, timeout=1, user_agent="test")
        self._call = PresignedCall(http, self.requests, self.attempts, clock.pacing(), **options)

    def put(self) -> float:
        body = Body(lambda: [b"abc"], 3)
        return self.attempts.run(lambda: self._call.put(body))

    def get(self) -> bytes:
        return self.attempts.run(lambda: self._call.get({}, status=200).read(10))

    def _sign(self) -> PresignedRequest:
        self._signed += 1
        deadline = self._clock.now() + self._life
        return PresignedRequest("PUT", f"https://s3.example/{self._signed}", self.headers, deadline)


_Method = Callable[[_Transfer], object]
METHODS = pytest.mark.parametrize("send", [_Transfer.put, _Transfer.get])


@METHODS
def test_a_url_that_is_refused_is_replaced_without_a_delay(send: _Method, clock: Clock) -> None:
    storage = _Storage(_answer(403, _FORBIDDEN), _answer(200))

    send(_Transfer(storage, clock))

    assert storage.paths == ["1", "2"]
    assert clock.slept == []


@METHODS
def test_a_third_refusal_in_a_row_is_an_error(send: _Method, clock: Clock) -> None:
    storage = _Storage(*[_answer(403, _FORBIDDEN) for _ in range(9)])

    with pytest.raises(UploadError, match="403 AccessDenied"):
        send(_Transfer(storage, clock))

    assert storage.paths == ["1", "2", "3"]


def test_refusals_are_counted_again_after_an_answer_with_the_object(clock: Clock) -> None:
    refused = [_answer(403, _FORBIDDEN) for _ in range(4)]
    storage = _Storage(*refused[:2], _answer(200, b"a"), *refused[2:], _answer(200, b"b"))
    transfer = _Transfer(storage, clock)

    assert transfer.get() == b"a"
    assert transfer.get() == b"b"

    assert storage.paths == ["1", "2", "3", "3", "4", "5"]


@METHODS
def test_the_last_retry_is_not_exceeded_by_a_new_url(send: _Method, clock: Clock) -> None:
    busy = [_answer(503) for _ in range(5)]
    storage = _Storage(*busy, _answer(403, _FORBIDDEN), _answer(200))

    with pytest.raises(UploadError, match="403"):
        send(_Transfer(storage, clock))

    assert storage.paths == ["1"] * 6


@METHODS
def test_a_url_that_is_too_old_is_replaced_before_it_is_sent(send: _Method, clock: Clock) -> None:
    storage = _Storage(_answer(503, Retry_After="30"), _answer(200))

    send(_Transfer(storage, clock, life=20))

    assert storage.paths == ["1", "2"]


def test_a_put_without_an_answer_is_followed_by_one_with_a_new_url(clock: Clock) -> None:
    storage = _Storage(_LOST, _LOST, _LOST, _answer(200))

    _Transfer(storage, clock, renewals_after_loss=1).put()

    assert storage.paths == ["1", "2", "2", "2"]


def test_a_url_is_kept_after_a_connection_that_was_not_made(clock: Clock) -> None:
    storage = _Storage(_NOT_CONNECTED, _answer(200))

    _Transfer(storage, clock, renewals_after_loss=1).put()

    assert storage.paths == ["1", "1"]


@METHODS
def test_no_answer_at_all_is_a_transport_error(send: _Method, clock: Clock) -> None:
    storage = _Storage(*[_LOST] * 9)

    with pytest.raises(TransportError, match=r"no answer to PUT https://s3.example/1: ") as raised:
        send(_Transfer(storage, clock))

    assert raised.value.attempts == len(storage.paths) == 6


def test_412_is_success_where_the_url_only_creates(clock: Clock) -> None:
    transfer = _Transfer(_Storage(_answer(412)), clock)
    transfer.headers = {"If-None-Match": "*"}

    assert transfer.put() == 0.0


def test_412_is_an_error_of_other_urls(clock: Clock) -> None:
    with pytest.raises(UploadError, match="412"):
        _Transfer(_Storage(_answer(412)), clock).put()


@METHODS
def test_retry_after_of_s3_is_the_least_delay(send: _Method, clock: Clock) -> None:
    send(_Transfer(_Storage(_answer(503, Retry_After="9"), _answer(200)), clock))

    assert clock.slept == [9.0]


def test_a_put_is_timed_without_its_failed_attempts(clock: Clock) -> None:
    transfer = _Transfer(_Storage(_answer(503, Retry_After="9"), _answer(200)), clock)

    assert transfer.put() == 0.0


def test_a_request_that_another_thread_has_replaced_is_not_discarded_again(clock: Clock) -> None:
    requests = _Transfer(_Storage(), clock).requests
    first = run(requests.current())
    requests.discard(first)
    second = run(requests.current())

    requests.discard(first)

    assert second is not first
    assert run(requests.current()) is second
