"""Clients that write down what they were told, for the audit."""

from __future__ import annotations

import gzip
import hashlib
import random
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlsplit

import orjson
import urllib3

from local.call_log import make_call_log
from tests.faults.audit import Sent, Told
from tests.integration.conftest import Answer, Api

GZIP = {"Content-Type": "application/gzip"}
JSON = {"Content-Type": "application/json"}
OCTETS = {"Content-Type": "application/octet-stream"}
PASSING = {429, 500, 502, 503, 504}


def make_document(rng: random.Random, size: int = 2_000) -> bytes:
    """A call log like no other."""
    seed = rng.getrandbits(64)
    return orjson.dumps(make_call_log(size, call_id=f"c-{seed:x}", seed=seed))


def sha256(document: bytes) -> str:
    return hashlib.sha256(document).hexdigest()


@dataclass
class Ledger:
    """All that clients were told, from any thread."""

    entries: list[Sent] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, sent: Sent) -> Sent:
        with self._lock:
            self.entries.append(sent)
        return sent


@dataclass(frozen=True)
class Client:
    """One tenant's program: repeats what may pass, under one idempotency key."""

    api: Api
    tenant: str
    ledger: Ledger
    through: Callable[[str], str] = str
    """Where upload URLs really go."""
    attempts: int = 40
    """Those of some 60 s, within which an idempotency key of the dead is free again."""

    def inline(
        self,
        body: bytes,
        document: bytes | None = None,
        *,
        valid: bool = True,
        key: str = "",
        name: str = "",
    ) -> Sent:
        """Send a document, or its gzip, in a request."""
        key = key or uuid.uuid4().hex
        headers = {**OCTETS, "Idempotency-Key": key}
        answer = self._repeat(lambda: self.api.post("/send-call-log", body, headers))
        sent = Sent(
            tenant=self.tenant,
            told="nothing",
            sha256=sha256(document or body),
            valid=valid,
            request=key,
            name=name,
        )
        return self.ledger.note(_told(sent, answer))

    def ask_for_url(
        self, body: bytes, *, signed: bool = True, key: str = ""
    ) -> dict[str, Any] | None:
        wish: dict[str, Any] = {"content_type": "application/gzip"}
        if signed:
            wish |= {"content_length": len(body), "sha256": sha256(body)}
        headers = {"Idempotency-Key": key} if key else {}
        answer = self._repeat(lambda: self.api.post("/get-upload-url", wish, headers))
        return answer.json if answer and answer.status == 200 else None

    def put(self, issued: dict[str, Any], body: bytes) -> bool:
        """Returns whether S3 has it: 412 says that an earlier attempt put it there."""
        url = issued["upload_url"]
        headers = {**issued["headers"], "Host": urlsplit(url).netloc}
        answer = self._repeat(lambda: self.api.put(self.through(url), body, headers))
        return answer is not None and answer.status in (200, 412)

    def claim(self, issued: dict[str, Any], *, key: str = "") -> Answer | None:
        headers = {"Idempotency-Key": key} if key else {}
        claim = {"s3_key": issued["s3_key"]}
        return self._repeat(lambda: self.api.post("/send-call-log", claim, headers))

    def upload(
        self,
        body: bytes,
        document: bytes | None = None,
        *,
        valid: bool = True,
        signed: bool = True,
        claim: bool = True,
        key: str = "",
        name: str = "",
        issued: dict[str, Any] | None = None,
    ) -> Sent:
        """Send a document, or its gzip, through S3; without `claim` it is left to the worker.

        Args:
            issued: The answer of `/get-upload-url`, if it was asked already.
        """
        sent = Sent(
            tenant=self.tenant,
            told="nothing",
            sha256=sha256(document or body),
            valid=valid,
            request=key,
            name=name,
        )
        issued = issued or self.ask_for_url(body, signed=signed, key=key)
        if issued is None:
            return self.ledger.note(sent)
        sent = replace(sent, payload_id=issued["payload_id"], uploaded=self.put(issued, body))
        if claim and sent.uploaded:
            sent = _told(sent, self.claim(issued, key=key))
        return self.ledger.note(sent)

    def delete(self, sent: Sent) -> None:
        """Delete what was told to be stored; its entry becomes a deleted one."""
        answer = self.ask("DELETE", f"/call-logs/{sent.payload_id}")
        # 404: an earlier attempt's answer was lost.
        if answer is not None and answer.status in (204, 404):
            self.ledger.entries[self.ledger.entries.index(sent)] = replace(sent, told="deleted")

    def ask(self, method: str, path: str) -> Answer | None:
        return self._repeat(lambda: self.api.request(method, path))

    def _repeat(self, request: Callable[[], Answer]) -> Answer | None:
        """The first answer that stands, or None."""
        for attempt in range(self.attempts):
            try:
                answer = request()
            except (urllib3.exceptions.HTTPError, OSError):
                answer = None
            if answer is not None and not _may_pass(answer):
                return answer
            time.sleep(min(2, 0.1 * (attempt + 1)))
        return None


def _may_pass(answer: Answer) -> bool:
    if answer.status == 409:
        return bool(answer.json["code"] in ("in_progress", "not_uploaded"))
    return answer.status in PASSING


def _told(sent: Sent, answer: Answer | None) -> Sent:
    if answer is None:
        return sent
    said = answer.json
    if answer.status >= 400:
        return replace(sent, told="refused", code=said.get("code", str(answer.status)))
    told: Told = "stored" if said["state"] == "stored" else "queued"
    return replace(sent, told=told, payload_id=said["payload_id"], told_sha256=said.get("sha256"))


def packed(document: bytes) -> bytes:
    return gzip.compress(document, 1)
