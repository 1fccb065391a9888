"""The canary against the API's handler over fakes: it succeeds, fails at each step, and cleans."""

from __future__ import annotations

import base64
import gzip
import json
import traceback
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.fake_aws.gateway import Context
from tests.runtime.fakes import World
from tests.runtime.ingest.test_ingest_api import gateway_event
from wideload_runtime.core.api_keys import ApiKey, authenticate
from wideload_runtime.core.ingest.canary import (
    LEFTOVER_SECONDS,
    RESERVE_SECONDS,
    Answer,
    Canary,
    CanaryError,
    NoAnswerError,
    large_document,
)
from wideload_runtime.core.ingest.processing import Caller

KEY_ID = "canary0a1b2c"
RUN_SECONDS = 240
INLINE_LIMIT = 4 * 1024**2
"""Bytes from which on clients go through S3."""


class DeathError(BaseException):
    """A run that is cut off, and cleans nothing up."""


@dataclass
class FakeKeys:
    records: dict[str, ApiKey] = field(default_factory=dict)
    hashes: set[str] = field(default_factory=set)
    """Of all that there ever were."""

    def put(self, key: ApiKey, *, created_at: str, label: str) -> None:
        self.records[key.key_id] = key
        self.hashes.add(key.secret_hash)

    def delete(self, key_id: str) -> None:
        del self.records[key_id]


@dataclass
class FakeWeb:
    """The API behind its authorizer, and S3 behind presigned URLs."""

    world: World
    keys: FakeKeys
    broken: dict[tuple[str, str, int], Answer | BaseException] = field(default_factory=dict)
    """Answers to requests with this method and this text in their path, from the n-th on."""
    requests: list[tuple[str, str, Mapping[str, str], float]] = field(default_factory=list)
    api_key_header: str = "x-key"

    def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        body: bytes | None,
        seconds: float,
    ) -> Answer:
        self.requests.append((method, url, headers, seconds))
        parts = urlsplit(url)
        for (which, part, first), answer in self.broken.items():
            if self._seen(which, part) >= first and self._matches(self.requests[-1], which, part):
                if isinstance(answer, BaseException):
                    raise answer
                return answer
        if parts.netloc == "bucket.test":
            return self._s3(method, parts.path.removeprefix("/"), body, headers)
        return self._api(method, url.removeprefix("https://api.test"), body, headers)

    def _seen(self, method: str, part: str) -> int:
        return sum(self._matches(request, method, part) for request in self.requests)

    @staticmethod
    def _matches(request: tuple[str, str, Any, Any], method: str, part: str) -> bool:
        return request[0] == method and part in request[1]

    def _s3(self, method: str, key: str, body: bytes | None, headers: Mapping[str, str]) -> Answer:
        assert self.api_key_header not in headers
        if method == "PUT":
            assert headers == {"Content-Type": "application/json"}
            self.world.bucket.put(key, body or b"")
            return Answer(200, "s3-1", b"")
        return Answer(200, "s3-2", self.world.bucket.objects[key])

    def _api(
        self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]
    ) -> Answer:
        from wideload_runtime.handlers import ingest_api

        key = authenticate(headers[self.api_key_header], self.keys.records.get)
        if key is None:
            return Answer(403, "api-1", b'{"message":"Forbidden"}')
        event = gateway_event(method, path, body or b"", headers, tenant=key.tenant)
        answer = ingest_api.handler(event, Context())
        text: str = answer["body"]
        found = base64.b64decode(text) if answer["isBase64Encoded"] else text.encode()
        return Answer(answer["statusCode"], "api-1", found)


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def keys() -> FakeKeys:
    return FakeKeys()


@pytest.fixture
def web(world: World, keys: FakeKeys, monkeypatch: pytest.MonkeyPatch) -> FakeWeb:
    """The payload that goes through S3 is smaller here, which makes no difference to the fakes."""
    from wideload_runtime.handlers import ingest_api

    monkeypatch.setattr("wideload_runtime.core.ingest.canary.RECORDS", 4)

    monkeypatch.setattr(ingest_api, "ingest", world.ingest)
    monkeypatch.setattr(ingest_api, "reader", world.reader)
    return FakeWeb(world, keys)


def run(web: FakeWeb) -> None:
    """One run, which is cut off after `RUN_SECONDS`."""
    clock = web.world.clock
    end = clock.time + RUN_SECONDS

    def seconds_left() -> float:
        if clock.time > end:
            raise DeathError
        return end - clock.time

    Canary(
        http=web,
        keys=web.keys,
        api_url="https://api.test",
        api_key_header="x-key",
        key_id=KEY_ID,
        seconds_left=seconds_left,
        now=clock.now,
        sleep=clock.sleep,
    ).run()


def call_ids(world: World) -> list[str | None]:
    return [payload.call_id for payload in world.table.items.values()]


def is_clean(web: FakeWeb) -> bool:
    world = web.world
    return not (world.table.items or world.bucket.objects or web.keys.records)


# A run that succeeds


def test_sends_both_and_leaves_nothing(web: FakeWeb) -> None:
    run(web)

    assert web.world.metrics.values["InlinePayloadCount"] == [1]
    assert web.world.metrics.values["LargePayloadCount"] == [1]
    assert is_clean(web)


def test_large_payload_can_only_go_through_s3() -> None:
    document = large_document()

    assert len(gzip.compress(document, 9)) > INLINE_LIMIT
    assert json.loads(document)["call_id"] == "canary"
    assert large_document() != document


def test_a_queued_payload_is_waited_for(web: FakeWeb, monkeypatch: pytest.MonkeyPatch) -> None:
    world = web.world
    from wideload_runtime.handlers import ingest_api

    monkeypatch.setattr(ingest_api, "ingest", replace(world.ingest, in_request_limit=1))
    worker = Caller("canary", "worker", lambda: True)
    world.clock.on_sleep = lambda: [  # type: ignore[assignment, return-value]
        world.processor.work(key, owner=worker.request_id, has_time=worker.has_time)
        for key, _ in world.queue.sent
    ]

    run(web)

    assert [reason for _, reason in world.queue.sent] == ["claimed"]
    assert is_clean(web)


def test_each_run_has_a_key_of_its_own(web: FakeWeb) -> None:
    run(web)
    run(web)

    assert len(web.keys.hashes) == 2
    sent = {headers["x-key"] for _, url, headers, _ in web.requests if "api.test" in url}
    assert len(sent) == 2


def test_requests_end_in_time_for_the_run_to_clean_up(web: FakeWeb) -> None:
    run(web)

    assert {seconds for method, _, _, seconds in web.requests if method != "DELETE"} == {30}
    removing = [seconds for method, _, _, seconds in web.requests if method == "DELETE"]
    assert len(removing) == 2
    assert sum(removing) < RESERVE_SECONDS


# What an earlier run left


def test_payloads_of_a_run_that_died_are_removed(web: FakeWeb) -> None:
    web.broken["GET", "archive/", 1] = DeathError()
    with pytest.raises(DeathError):
        run(web)
    assert call_ids(web.world) == ["canary", "canary"]
    web.broken.clear()

    web.world.clock.time += LEFTOVER_SECONDS + 60
    run(web)

    assert is_clean(web)


def test_removing_them_takes_no_time_that_cleaning_up_needs(web: FakeWeb) -> None:
    web.broken["GET", "archive/", 1] = DeathError()
    with pytest.raises(DeathError):
        run(web)
    web.broken.clear()
    web.requests.clear()
    web.world.clock.time += LEFTOVER_SECONDS + 60
    slow = web._api

    def take_all(method: str, *rest: Any) -> Answer:
        if method == "DELETE":
            web.world.clock.time += RUN_SECONDS - RESERVE_SECONDS
        return slow(method, *rest)

    web._api = take_all  # type: ignore[method-assign]
    with pytest.raises(CanaryError, match="remove a payload: the time for a run is over"):
        run(web)

    assert web.keys.records == {}


def test_payloads_of_a_run_that_may_be_going_on_are_left_alone(web: FakeWeb) -> None:
    web.broken["GET", "archive/", 1] = DeathError()
    with pytest.raises(DeathError):
        run(web)
    web.broken.clear()

    web.world.clock.time += 10
    run(web)

    assert call_ids(web.world) == ["canary", "canary"]


def test_other_payloads_of_the_tenant_are_left_alone(web: FakeWeb) -> None:
    from wideload_runtime.core.ingest.requests import Inline

    canary = web.world.caller("canary")
    web.world.ingest.accept(canary, Inline(b'{"call_id":"somebody\'s"}'))

    web.world.clock.time += LEFTOVER_SECONDS + 60
    run(web)

    assert call_ids(web.world) == ["somebody's"]


# Runs that fail

REFUSED = Answer(503, "abc-1", b"a body that says too much")
STEPS = {
    ("GET", "/call-logs?", 1): "list what an earlier run left",
    ("POST", "/send-call-log", 1): "send the small payload",
    ("GET", "/call-logs/0", 1): "read the small payload back",
    ("GET", "/get-upload-url", 1): "get an upload URL",
    ("PUT", "/transit/", 1): "upload the large payload",
    ("POST", "/send-call-log", 2): "claim the large payload",
    ("GET", "/call-logs/0", 2): "see the large payload stored",
    ("GET", "/archive/", 1): "read the large payload back",
    ("DELETE", "/call-logs/0", 1): "remove a payload",
}
each_step = pytest.mark.parametrize(("where", "step"), STEPS.items(), ids=STEPS.values())
Where = tuple[str, str, int]


@each_step
def test_a_failure_names_step_status_and_request(web: FakeWeb, where: Where, step: str) -> None:
    web.broken[where] = REFUSED

    with pytest.raises(CanaryError) as raised:
        run(web)

    assert str(raised.value) == f"The canary could not {step}: status 503 (request abc-1)"


@each_step
def test_a_failure_leaves_nothing(web: FakeWeb, where: Where, step: str) -> None:
    web.broken[where] = REFUSED

    with pytest.raises(CanaryError):
        run(web)
    if where[0] == "DELETE":  # but for the next run
        assert web.keys.records == {}
        web.broken.clear()
        web.world.clock.time += LEFTOVER_SECONDS + 60
        run(web)

    assert is_clean(web)


@each_step
def test_no_answer_at_all(web: FakeWeb, where: Where, step: str) -> None:
    web.broken[where] = NoAnswerError("ReadTimeoutError")

    with pytest.raises(CanaryError, match=f"could not {step}: ReadTimeoutError$"):
        run(web)


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"{}", b'"text"', b"\xff"])
@pytest.mark.parametrize(
    "where",
    [
        where
        for where, step in STEPS.items()
        if "stored" in step or "list" in step or "URL" in step or "send" in step
    ],
    ids=STEPS.get,
)
def test_a_malformed_answer(web: FakeWeb, where: Where, body: bytes) -> None:
    web.broken[where] = Answer(200, "abc-1", body)

    with pytest.raises(CanaryError, match=f"could not {STEPS[where]}: the answer is malformed$"):
        run(web)


@pytest.mark.parametrize("body", [b"", b"{}", b"\x1f\x8bnonsense", gzip.compress(b"{}")])
def test_another_document_than_the_large_one(web: FakeWeb, body: bytes) -> None:
    web.broken["GET", "/archive/", 1] = Answer(200, "s3-2", body)

    with pytest.raises(CanaryError, match="could not read the large payload back: "):
        run(web)


def test_another_document_than_the_small_one(web: FakeWeb) -> None:
    shown = b'{"payload_id":"0","state":"stored","document":{"call_id":"canary","nonce":"1"}}'
    web.broken["GET", "/call-logs/0", 1] = Answer(200, "abc-1", shown)

    with pytest.raises(
        CanaryError, match=r"read the small payload back: it is not what was sent \(request abc-1\)"
    ):
        run(web)


def test_a_payload_that_fails(web: FakeWeb) -> None:
    web.broken["GET", "/call-logs/0", 2] = Answer(200, "abc-1", b'{"state":"failed"}')

    with pytest.raises(CanaryError, match=r"see the large payload stored: it failed"):
        run(web)
    assert is_clean(web)


def test_a_payload_that_is_never_processed(web: FakeWeb, monkeypatch: pytest.MonkeyPatch) -> None:
    from wideload_runtime.handlers import ingest_api

    monkeypatch.setattr(ingest_api, "ingest", replace(web.world.ingest, in_request_limit=1))
    started = web.world.clock.time

    with pytest.raises(CanaryError, match="see the large payload stored: the time for a run is"):
        run(web)

    assert web.world.clock.time - started <= RUN_SECONDS - RESERVE_SECONDS + 1
    assert web.keys.records == {}
    # It can't be removed while it waits; the small one is.
    assert [payload.state for payload in web.world.table.items.values()] == ["uploaded"]


def test_a_payload_that_cannot_be_removed_hides_no_other_failure(web: FakeWeb) -> None:
    web.broken["GET", "/archive/", 1] = REFUSED
    web.broken["DELETE", "/call-logs/0", 2] = Answer(500, "abc-2", b"")

    with pytest.raises(CanaryError, match="could not read the large payload back"):
        run(web)

    assert len(web.world.table.items) == 1
    assert [method for method, *_ in web.requests].count("DELETE") == 2


def test_all_are_tried_before_a_removal_counts_as_failed(web: FakeWeb) -> None:
    web.broken["DELETE", "/call-logs/0", 1] = REFUSED

    with pytest.raises(CanaryError):
        run(web)

    assert [method for method, *_ in web.requests].count("DELETE") == 2


def test_a_key_that_is_refused(web: FakeWeb, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        web.keys, "put", lambda key, **_: web.keys.records.update({KEY_ID: FOREIGN})
    )

    with pytest.raises(CanaryError, match=r"list what an earlier run left: status 403"):
        run(web)


FOREIGN = ApiKey(KEY_ID, "acme", "0" * 64, revoked=False)


@each_step
def test_no_failure_shows_a_secret(web: FakeWeb, where: Where, step: str) -> None:
    web.broken[where] = Answer(403, "abc-1", b"<Error>AWSAccessKeyId</Error>")

    with pytest.raises(CanaryError) as raised:
        run(web)

    shown = "".join(traceback.format_exception(raised.value))
    keys = {headers["x-key"] for _, _, headers, _ in web.requests if "x-key" in headers}
    for hidden in (*keys, "?signed", "AWSAccessKeyId"):
        assert hidden not in shown


def test_the_handler_fails_with_the_run(web: FakeWeb, monkeypatch: pytest.MonkeyPatch) -> None:
    from wideload_runtime.handlers import ingest_canary

    monkeypatch.setattr(ingest_canary, "keys", web.keys)
    monkeypatch.setattr(ingest_canary, "connected", lambda: nullcontext(web))
    monkeypatch.setattr(Context, "get_remaining_time_in_millis", lambda _: RUN_SECONDS * 1000)
    web.api_key_header = "x-api-key"

    ingest_canary.handler({}, Context())
    web.broken["PUT", "/transit/", 1] = REFUSED
    with pytest.raises(CanaryError, match="upload the large payload: status 503"):
        ingest_canary.handler({}, Context())

    assert is_clean(web)
