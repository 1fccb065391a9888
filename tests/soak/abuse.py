"""Measure what hostile tenants cost a good one: its latency alone, then beside them.

    python -m tests.soak.abuse --seconds 20

Everything is on loopback, in a cloud of its own that ends with this program. The exit status is 0
only if the good tenant's payloads were all stored, and its p50, p95 and mean beside the hostile
tenants are at most `MOST` times those alone. It compares two halves of one run, so a slow machine
is no failure.
"""

from __future__ import annotations

import argparse
import gzip
import itertools
import math
import random
import statistics
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import urllib3

from local.cloud import Cloud, free_port
from local.deploy import deploy
from tests.faults.deployment import STACK, Deployment
from tests.faults.traffic import Client, Ledger, make_document, packed
from tests.integration.conftest import Api

MOST = 2.0
SIZE = 300_000
"""Bytes of JSON of a good payload."""
IN_REQUEST_LIMIT = 10_000
"""Bytes; so low that every claim is queued, where the tenants meet."""
SLOW = gzip.compress(b'{"a":{' + b'",":0,' * 1_500_000 + b'"z":0}}', 1)
BOMB = gzip.compress(b'{"a":"' + b"0" * 20_000_000 + b'"}', 1)
GIVE_UP_SECONDS = 60
HOSTILE_CLIENTS = 3
PAUSE_SECONDS = 0.5
"""Between two attacks of one client. All functions share this machine's cores, which in AWS they
don't: a flood of requests would measure the cores."""


@dataclass
class Latencies:
    """Seconds from the first request to a stored payload, and how many never were stored."""

    seconds: list[float] = field(default_factory=list)
    lost: int = 0

    def quantile(self, percent: int) -> float:
        if len(self.seconds) < 2:
            return math.inf
        return statistics.quantiles(self.seconds, n=100, method="inclusive")[percent - 1]

    @property
    def mean(self) -> float:
        """Of a few that waited for a minute it tells, where the quantiles don't."""
        return statistics.fmean(self.seconds) if self.seconds else math.inf

    @property
    def judged(self) -> tuple[float, ...]:
        return self.quantile(50), self.quantile(95), self.mean

    def __str__(self) -> str:
        p50, p95, mean = (f"{seconds * 1000:.0f} ms" for seconds in self.judged)
        slowest = max(self.seconds, default=math.inf)
        return (
            f"{len(self.seconds)} payloads, {self.lost} lost, "
            f"p50 {p50}, p95 {p95}, mean {mean}, slowest {slowest:.1f} s"
        )


@dataclass(frozen=True)
class Hostile:
    """A tenant that means harm, bounded in count: `attacks` are done one after the other."""

    api: Api
    client: Client
    done: Counter[str] = field(default_factory=Counter)

    def attacks(self) -> Iterator[Callable[[], None]]:
        return itertools.cycle(
            (
                self.slow_document,
                self.unused_urls,
                self.bomb,
                self.bad_keys,
                self.claims_of_one_payload,
                self.claims_of_nothing,
            )
        )

    def slow_document(self) -> None:
        """Small on the wire, and made to mislead a scanner: names of one comma."""
        self.client.upload(SLOW)

    def unused_urls(self) -> None:
        for _ in range(10):
            self.api.post("/get-upload-url", {})

    def bomb(self) -> None:
        self.client.upload(BOMB)

    def bad_keys(self) -> None:
        for number in range(10):
            forged = dict.fromkeys(self.api.headers, f"wl_abcdefgh_{number}")
            replace(self.api, headers=forged).get("/call-logs")

    def claims_of_one_payload(self) -> None:
        body = gzip.compress(b'{"a":[' + b"0," * 200_000 + b"0]}", 1)
        issued = self.client.ask_for_url(body)
        if issued and self.client.put(issued, body):
            for _ in range(10):
                self.api.post("/send-call-log", {"s3_key": issued["s3_key"]})

    def claims_of_nothing(self) -> None:
        for _ in range(10):
            self.api.post("/send-call-log", {"s3_key": "transit/acme/01ARZ3NDEKTSV4RRFFQ69G5FAV"})

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Attack from some clients at once until the block ends."""
        over = threading.Event()
        clients = [
            threading.Thread(target=self._attack, args=(number, over))
            for number in range(HOSTILE_CLIENTS)
        ]
        for client in clients:
            client.start()
        try:
            yield
        finally:
            over.set()
            for client in clients:
                client.join()

    def _attack(self, number: int, over: threading.Event) -> None:
        for attack in itertools.islice(self.attacks(), number, None):
            if over.wait(PAUSE_SECONDS):
                return
            try:
                attack()
                self.done[attack.__name__] += 1
            except (urllib3.exceptions.HTTPError, OSError):
                self.done["no answer"] += 1


def main() -> int:
    options = _options()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="abuse-")))
        cloud = stack.enter_context(Cloud(directory=folder, port=free_port()))
        ingest = deploy(cloud, stacks=[STACK])["ingest"]
        pool = urllib3.PoolManager(
            ca_certs=str(cloud.ca_bundle), retries=False, timeout=60, maxsize=16
        )
        header = ingest["api_key_header"]
        good = Api(pool, ingest["api_url"], {header: ingest["api_key"]})
        bad = Api(pool, ingest["api_url"], {header: ingest["other_api_key"]})
        deployed = Deployment(cloud, ingest, {"acme": good, "globex": bad})
        deployed.limit_processes()
        limit = str(IN_REQUEST_LIMIT)
        stack.enter_context(deployed.environment("ingest_api", WIDELOAD_IN_REQUEST_LIMIT=limit))
        rng = random.Random(options.seed)
        measure(good, rng, seconds=options.seconds / 4)  # until all functions are warm
        alone = measure(good, rng, seconds=options.seconds)
        hostile = Hostile(bad, Client(bad, "globex", Ledger(), attempts=1))
        with hostile.at_work():
            beside = measure(good, rng, seconds=options.seconds)
    attacks = ", ".join(f"{count} {name}" for name, count in sorted(hostile.done.items()))
    say(f"alone:   {alone}")
    say(f"beside:  {beside}")
    say(f"attacks: {attacks}")
    return judge(alone, beside)


def judge(alone: Latencies, beside: Latencies) -> int:
    """Say how much slower it was; the exit status."""
    worst = max(now / before for now, before in zip(beside.judged, alone.judged, strict=True))
    held = worst <= MOST and not alone.lost and not beside.lost
    say(f"{worst:.1f} times as slow, at most {MOST:g}: {'held' if held else 'NOT HELD'}")
    return 0 if held else 1


def measure(api: Api, rng: random.Random, *, seconds: float) -> Latencies:
    """Send payloads through S3, one after the other, for so long."""
    client, found = Client(api, "acme", Ledger()), Latencies()
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline or len(found.seconds) + found.lost < 2:
        document = make_document(rng, SIZE)
        body = packed(document)
        began = time.monotonic()
        sent = client.upload(body, document)
        if _is_stored(api, sent.payload_id or "", until=began + GIVE_UP_SECONDS):
            found.seconds.append(time.monotonic() - began)
        else:
            found.lost += 1
    return found


def say(text: str) -> None:
    sys.stdout.write(text + "\n")


def _is_stored(api: Api, payload_id: str, *, until: float) -> bool:
    """Ask until it is."""
    while time.monotonic() < until:
        answer = api.get(f"/call-logs/{payload_id}")
        if answer.status == 200 and answer.json["state"] == "stored":
            return True
        time.sleep(0.02)
    return False


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.soak.abuse", description=__doc__)
    parser.add_argument("--seconds", type=float, default=20, help="of each half of the run")
    parser.add_argument("--seed", type=int, default=1, help="decides what is sent")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
