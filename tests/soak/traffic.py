"""Traffic of clients: good and hostile documents, in every way."""

from __future__ import annotations

import base64
import random
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path

import orjson
import urllib3

from tests.faults import sender
from tests.faults.audit import Sent
from tests.faults.deployment import Deployment
from tests.faults.proxy import Fault, FaultyProxy, Hold, Request, no_fault
from tests.faults.traffic import Client, Ledger, make_document, packed, sha256
from tests.hostile_documents import HOSTILE
from tests.integration.conftest import Api

SIZES = (300, 300, 3_000, 30_000, 300_000)
LARGE = 9_000_000
"""Bytes that don't compress: more than one part of the archive's multipart upload (8 MiB)."""
KILLED_SECONDS = 120


class Traffic:
    """
    Args:
        front: Stands between clients and the cloud.
        folder: For the files of clients that are killed.

    Attributes:
        ledger: What clients were told.
        happened: Counts the faults of clients.
        broken: What clients saw that may never be, beyond what the audit finds.
    """

    def __init__(
        self, deployed: Deployment, front: FaultyProxy, *, seed: int, folder: Path
    ) -> None:
        self.deployed = deployed
        self.seed = seed
        self.ledger = Ledger()
        self.happened: Counter[str] = Counter()
        self.hostile: Counter[str] = Counter()
        self.broken: list[str] = []
        self._folder = folder
        self._lock = threading.Lock()
        pool = urllib3.PoolManager(retries=False, timeout=60, maxsize=256)
        self.clients = [
            Client(
                Api(pool, front.through(api.url), api.headers),
                tenant,
                self.ledger,
                through=front.through,
            )
            for tenant, api in deployed.apis.items()
        ]
        self._kinds: tuple[tuple[float, Callable[[random.Random, Client], None]], ...] = (
            (0.32, self.inline),
            (0.18, self.upload),
            (0.14, self.leave_to_the_worker),
            (0.05, self.ask_and_leave),
            (0.03, self.begin_anew),
            (0.03, self.twice_at_once),
            (0.04, self.touch_anothers),
            (0.03, self.be_killed),
            (0.01, self.large),
            (0.17, self.attack),
        )

    def send(self, number: int) -> None:
        """One payload; what kind, its number decides."""
        rng = random.Random(f"{self.seed}/{number}")
        client = rng.choice(self.clients)
        shares, kinds = zip(*self._kinds, strict=True)
        (kind,) = rng.choices(kinds, shares)
        kind(rng, client)

    # Good ones

    def inline(self, rng: random.Random, client: Client) -> None:
        document, body = _document(rng)
        sent = client.inline(body, document)
        throw = rng.random()
        if sent.told == "stored" and throw < 0.1:
            client.delete(sent)
            self._count("payload deleted")
        elif sent.told == "stored" and throw < 0.3:
            self._look_at(client, sent)

    def _look_at(self, client: Client, sent: Sent) -> None:
        answer = client.ask("GET", f"/call-logs/{sent.payload_id}")
        if answer is None:
            return
        known = answer.json
        if (known.get("state"), known.get("sha256")) != ("stored", sent.sha256):
            self._complain(f"{sent.payload_id} was told stored, then {answer.body!r}")

    def upload(self, rng: random.Random, client: Client) -> None:
        document, body = _document(rng)
        client.upload(body, document, signed=rng.random() < 0.8)

    def leave_to_the_worker(self, rng: random.Random, client: Client) -> None:
        document, body = _document(rng)
        client.upload(body, document, signed=rng.random() < 0.5, claim=False)
        self._count("client left after its PUT")

    def ask_and_leave(self, rng: random.Random, client: Client) -> None:
        document, body = _document(rng)
        issued = client.ask_for_url(body)
        payload_id = issued["payload_id"] if issued else None
        self.ledger.note(
            Sent(
                tenant=client.tenant,
                told="nothing",
                sha256=sha256(document),
                payload_id=payload_id,
            )
        )
        self._count("client left with its URL")

    def begin_anew(self, rng: random.Random, client: Client) -> None:
        """Leave somewhere on the way, and send it again under the same key."""
        document, body = _document(rng)
        key = f"anew-{rng.getrandbits(64):x}"
        issued = client.ask_for_url(body, key=key)
        if issued and rng.random() < 0.7 and client.put(issued, body) and rng.random() < 0.5:
            client.claim(issued, key=key)
        client.upload(body, document, key=key)
        self._count("client began anew")

    def twice_at_once(self, rng: random.Random, client: Client) -> None:
        """The same request under one key: two callers, one payload."""
        document, body = _document(rng)
        send = partial(client.inline, body, document, key=f"twice-{rng.getrandbits(64):x}")
        with ThreadPoolExecutor(2) as threads:
            for told in [threads.submit(send) for _ in range(2)]:
                told.result()
        self._count("request sent twice at once")

    def touch_anothers(self, rng: random.Random, client: Client) -> None:
        (other,) = (other for other in self.clients if other is not client)
        document, body = _document(rng)
        sent = other.upload(body, document, claim=rng.random() < 0.5)
        if sent.payload_id is None:
            return
        path = f"/call-logs/{sent.payload_id}"
        for answer in (
            client.claim({"s3_key": f"transit/{other.tenant}/{sent.payload_id}"}),
            client.ask("GET", path),
            client.ask("GET", f"{path}/records"),
            client.ask("DELETE", path),
        ):
            if answer is not None and answer.status != 404:
                self._complain(f"{client.tenant} got {answer.status} for {sent.payload_id}")
        self._count("touched another's payload")

    def large(self, rng: random.Random, client: Client) -> None:
        records = [
            {"n": number, "audio": base64.b64encode(rng.randbytes(LARGE // 100)).decode()}
            for number in range(100)
        ]
        document = orjson.dumps({"call_id": "large", "transcript_with_metrics": records})
        client.upload(document, signed=rng.random() < 0.5, claim=rng.random() < 0.7)
        self._count("document of several parts")

    # Clients that die

    def be_killed(self, rng: random.Random, client: Client) -> None:
        """A process, killed at one of its steps, and then perhaps run again."""
        document, body = _document(rng)
        step = rng.choice(list(sender.STEPS))
        request_to_die_in, when = sender.STEPS[step]
        key = f"job-{rng.getrandbits(64):x}"
        hold = Hold(when)  # type: ignore[arg-type]
        uploads: list[str] = []

        def rule(request: Request) -> Fault | None:
            if request.step == "s3 PUT transit":
                uploads.append(request.path.partition("?")[0].rpartition("/")[2])
            hit = request.step == request_to_die_in and not hold.reached.is_set()
            return hold if hit else None

        api = self.deployed.apis[client.tenant]
        ((header, api_key),) = api.headers.items()
        file = self._folder / key
        file.write_bytes(body)
        with FaultyProxy(self.deployed.cloud) as proxy:
            proxy.rule = rule
            start = partial(
                sender.start,
                api_url=proxy.through(api.url),
                header=header,
                api_key=api_key,
                key=key,
                file=file,
                uploads_url=proxy.url,
            )
            with start() as first:
                reached = hold.reached.wait(KILLED_SECONDS)
                first.kill()
            hold.release.set()
            sent = Sent(
                tenant=client.tenant,
                told="nothing",
                sha256=sha256(document),
                payload_id=uploads[-1] if uploads else None,
                uploaded=reached and step in sender.UPLOADED,
                request=key,
            )
            if reached:
                self._count(f"client killed {step}")
            if rng.random() < 0.6:
                proxy.rule = no_fault
                with start() as second:
                    told, _ = second.communicate(timeout=KILLED_SECONDS)
                if second.returncode == 0:
                    state, payload_id, digest = told.decode().split()
                    sent = replace(
                        sent,
                        told=state,
                        payload_id=payload_id,
                        uploaded=True,
                        told_sha256=None if digest == "None" else digest,
                    )
        file.unlink()
        self.ledger.note(sent)

    # Hostile ones

    def attack(self, rng: random.Random, client: Client) -> None:
        # Bombs take seconds each.
        names = [name for name in HOSTILE if "bomb" not in name or rng.random() < 0.05]
        name = rng.choice(names)
        hostile, _, code = HOSTILE[name]
        kind = rng.random()
        if kind < 0.4 and len(hostile) < 4_000_000:
            sent = client.inline(hostile, valid=False, name=name)
        else:
            sent = client.upload(hostile, valid=False, claim=kind < 0.7, name=name)
        with self._lock:
            self.hostile[name] += 1
        if sent.told == "refused" and sent.code != code:
            self._complain(f"{name} was refused as {sent.code}, not {code}")

    def _count(self, what: str) -> None:
        with self._lock:
            self.happened[what] += 1

    def _complain(self, what: str) -> None:
        with self._lock:
            self.broken.append(what)


def _document(rng: random.Random) -> tuple[bytes, bytes]:
    """A document of its own, and the body that it is sent as."""
    document = make_document(rng, rng.choice(SIZES))
    return document, packed(document) if rng.random() < 0.7 else document
