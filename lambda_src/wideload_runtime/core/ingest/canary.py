"""Canary: a client that sends a small and a large payload, reads both back, and deletes them.

It uses the public API alone (`contract/openapi-ingest.yaml`). Its errors name the step that failed,
and never a key, a URL (which is a credential) or a body.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Protocol

from wideload_runtime.core.api_keys import CANARY, ApiKey, new_key, secret_hash
from wideload_runtime.core.errors import Refused
from wideload_runtime.core.ingest.gunzip import decoded
from wideload_runtime.core.times import iso

RECORDS = 96
RECORD_NOISE = 48 * 1024
"""Random bytes. Their base64 shrinks by a quarter: 6 MiB of JSON, whose gzip is too large for
clients to send inline (4 MiB)."""
REQUEST_SECONDS = 30
"""API Gateway's own timeout."""
DELETE_SECONDS = 10
RESERVE_SECONDS = 35
"""Reserved at the end of a run for deleting both payloads and the key."""
POLL_SECONDS = 1
LEFTOVER_SECONDS = 300
"""Longer than a run can take, so that concurrent runs leave each other's payloads alone."""
MOST_LEFTOVERS = 100
"""Leftovers that one run deletes."""


class CanaryError(Exception):
    """A step of the canary failed."""


class NoAnswerError(Exception):
    """A request without an answer; the message gives the reason, without the URL."""


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    request_id: str
    body: bytes


class Http(Protocol):
    def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        body: bytes | None,
        seconds: float,
    ) -> Answer:
        """Make one request, without retries or redirects.

        Raises:
            NoAnswerError: None came within `seconds`.
        """


class Keys(Protocol):
    def put(self, key: ApiKey, *, created_at: str, label: str) -> None:
        """Write a key's record, in place of an older one with the same id."""

    def delete(self, key_id: str) -> None: ...


@dataclass(frozen=True, kw_only=True)
class Canary:
    """
    Args:
        api_url: Base URL of the API, without a slash at the end.
        key_id: Id of the key that each run replaces.
        seconds_left: Seconds until the run is ended.
        now: Epoch seconds.
    """

    http: Http
    keys: Keys
    api_url: str
    api_key_header: str
    key_id: str
    seconds_left: Callable[[], float]
    now: Callable[[], float] = time.time
    sleep: Callable[[float], None] = time.sleep

    def run(self) -> None:
        """Send both payloads, read them back, and delete them, also those of a crashed run.

        Raises:
            CanaryError: An answer differed from what clients may expect.
        """
        key = new_key(self.key_id)
        self.keys.put(
            ApiKey(self.key_id, CANARY, secret_hash(key), revoked=False),
            created_at=iso(self.now()),
            label="for one run of the canary",
        )
        try:
            _Run(self, {self.api_key_header: key}).go()
        finally:
            self.keys.delete(self.key_id)


@dataclass(frozen=True)
class _Run:
    canary: Canary
    headers: dict[str, str] = field(repr=False)
    """Headers of requests to the API: the key."""
    sent: list[str] = field(default_factory=list)
    """Ids of payloads to delete."""

    def go(self) -> None:
        try:
            self._remove_leftovers()
            self._send_small()
            self._send_large()
        except Exception:
            # Payloads that can't be deleted now are found by the next run.
            with suppress(CanaryError):
                self._remove(self.sent)
            raise
        self._remove(self.sent)

    def _remove_leftovers(self) -> None:
        before = iso(self.canary.now() - LEFTOVER_SECONDS)
        with _step("list what an earlier run left"):
            path = f"/call-logs?call_id={CANARY}&before={before}&limit={MOST_LEFTOVERS}"
            found = _members(self._call("GET", path))["items"]
            left = [each["payload_id"] for each in found]
        # In the time for the run's work: the reserve is for its own payloads.
        self._remove(left, seconds=None)

    def _send_small(self) -> None:
        document = b'{"call_id":"%b","nonce":"%b"}' % (
            CANARY.encode(),
            secrets.token_hex().encode(),
        )
        with _step("send the small payload"):
            answer = _members(self._call("POST", "/send-call-log", document))
            self.sent.append(answer["payload_id"])
        with _step("read the small payload back"):
            shown = self._stored(answer["payload_id"])
            # Its own bytes, and last: so says the contract.
            if not shown.body.endswith(b',"document":%b}' % document):
                raise _Unexpected.of(shown, "it is not what was sent")

    def _send_large(self) -> None:
        document = large_document()
        size, sha256 = len(document), hashlib.sha256(document).hexdigest()
        with _step("get an upload URL"):
            path = f"?content_length={size}&sha256={sha256}&call_id={CANARY}"
            issued = _members(self._call("GET", f"/get-upload-url{path}"))
            self.sent.append(issued["payload_id"])
        with _step("upload the large payload"):
            self._request("PUT", issued["upload_url"], issued["headers"], document)
        del document  # size and hash are enough from here on
        with _step("claim the large payload"):
            claim = json.dumps({"s3_key": issued["s3_key"]}).encode()
            self._call("POST", "/send-call-log", claim, expected={200, 202})
        with _step("see the large payload stored"):
            shown = self._stored(issued["payload_id"])
            url = _members(shown)["document_url"]
        with _step("read the large payload back"):
            got = self._request("GET", url, {})
            if _sha256(decoded([got.body], max_size=size)) != sha256:
                raise _Unexpected.of(got, "it is not what was sent")

    def _stored(self, payload_id: str) -> Answer:
        """Wait until the payload is stored, and return its answer."""
        while True:
            answer = self._call("GET", f"/call-logs/{payload_id}")
            state = _members(answer)["state"]
            if state == "stored":
                return answer
            if state == "failed":
                raise _Unexpected.of(answer, "it failed")
            self.canary.sleep(POLL_SECONDS)

    def _remove(
        self, payload_ids: Iterable[str], *, seconds: float | None = DELETE_SECONDS
    ) -> None:
        """Delete these payloads; raise the first error after all were tried."""
        failed = None
        for payload_id in payload_ids:
            try:
                with _step("remove a payload"):
                    path = f"/call-logs/{payload_id}"
                    self._call("DELETE", path, expected={204}, seconds=seconds)
            except CanaryError as error:
                failed = failed or error
        if failed:
            raise failed

    def _call(self, method: str, path: str, body: bytes | None = None, **options: Any) -> Answer:
        """Make a request to the API."""
        headers = self.headers | ({"Content-Type": "application/json"} if body else {})
        return self._request(method, self.canary.api_url + path, headers, body, **options)

    def _request(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: bytes | None = None,
        *,
        expected: Collection[int] = (200,),
        seconds: float | None = None,
    ) -> Answer:
        if seconds is None:
            seconds = min(REQUEST_SECONDS, self.canary.seconds_left() - RESERVE_SECONDS)
        if seconds <= 0:
            raise _Unexpected("the time for a run is over")
        answer = self.canary.http.request(method, url, headers=headers, body=body, seconds=seconds)
        if answer.status not in expected:
            raise _Unexpected.of(answer, f"status {answer.status}")
        return answer


class _Unexpected(Exception):  # noqa: N818 - becomes a CanaryError, with its step
    @classmethod
    def of(cls, answer: Answer, what: str) -> _Unexpected:
        return cls(f"{what} (request {answer.request_id or 'without an id'})")


@contextmanager
def _step(name: str) -> Iterator[None]:
    """Add the step's name to errors within it."""
    try:
        yield
    except (_Unexpected, NoAnswerError) as error:
        raise CanaryError(f"The canary could not {name}: {error}") from error
    except (KeyError, TypeError, ValueError, Refused) as error:
        raise CanaryError(f"The canary could not {name}: the answer is malformed") from error


def large_document() -> bytes:
    """A call log that is new, and too large to be sent inline."""
    records = (
        b'{"text":"%b"}' % base64.b64encode(secrets.token_bytes(RECORD_NOISE))
        for _ in range(RECORDS)
    )
    head = b'{"call_id":"%b","transcript_with_metrics":[' % CANARY.encode()
    return head + b",".join(records) + b"]}"


def _members(answer: Answer) -> dict[str, Any]:
    members: dict[str, Any] = json.loads(answer.body)
    return members


def _sha256(pieces: Iterable[bytes]) -> str:
    seen = hashlib.sha256()
    for piece in pieces:
        seen.update(piece)
    return seen.hexdigest()
