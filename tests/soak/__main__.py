"""Send thousands of good and bad payloads through every fault at once, then hold the audit.

    python -m tests.soak --count 2000 --seed 1 --minutes 15

Everything is on loopback, in a cloud of its own that ends with this program. The exit status is
0 only if nothing was lost, stored twice, mixed up between tenants or misjudged.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import urllib3

from local.cloud import Cloud, free_port
from local.deploy import deploy
from tests.faults.audit import Sent, audit
from tests.faults.deployment import Deployment
from tests.faults.proxy import Fault, FaultyProxy, Request
from tests.faults.traffic import Client, Ledger, make_document, packed, sha256
from tests.integration.conftest import Api
from tests.integration.test_hostile import HOSTILE

CLIENTS = 12
BURST = 200
POISON = ("rubbish", "[]", '{"s3_key": 5}')
IN_REQUEST_LIMIT = 60_000
"""Bytes; so low that many a claim is queued."""
SETTLE_SECONDS = 240


def main() -> int:
    options = _options()
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="soak-"))
        cloud = stack.enter_context(Cloud(directory=Path(folder), port=free_port()))
        ingest = deploy(cloud, context={"worker_max_concurrency": "3"})["ingest"]
        proxy = stack.enter_context(FaultyProxy(cloud))
        pool = urllib3.PoolManager(
            ca_certs=str(cloud.ca_bundle), retries=False, timeout=60, maxsize=256
        )
        header = ingest["api_key_header"]
        deployed = Deployment(
            cloud,
            ingest,
            {
                tenant: Api(pool, ingest["api_url"], {header: ingest[key]})  # type: ignore[literal-required]
                for tenant, key in (("acme", "api_key"), ("globex", "other_api_key"))
            },
        )
        deployed.limit_processes()
        deployed.set_redelivery(after=3, times=40)
        stack.enter_context(
            deployed.environment(
                "ingest_api",
                AWS_ENDPOINT_URL=proxy.url,
                WIDELOAD_IN_REQUEST_LIMIT=str(IN_REQUEST_LIMIT),
            )
        )
        stack.enter_context(deployed.environment("ingest_worker", AWS_ENDPOINT_URL=proxy.url))
        return Soak(deployed, proxy, options.seed).run(options.count, options.minutes * 60)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--count", type=int, default=2_000, help="payloads to send, at least")
    parser.add_argument("--seed", type=int, default=1, help="decides what is sent and what fails")
    parser.add_argument("--minutes", type=float, default=15, help="send no more after so long")
    return parser.parse_args()


@dataclass
class Chance:
    """One of `Soak`'s dice; its throws are the same for the same seed, in whatever order."""

    seed: str
    _random: random.Random = field(init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)

    def throw(self) -> float:
        with self._lock:
            return self._random.random()


class Soak:
    def __init__(self, deployed: Deployment, proxy: FaultyProxy, seed: int) -> None:
        self.deployed = deployed
        self.proxy = proxy
        self.seed = seed
        self.ledger = Ledger()
        self.faults: Counter[str] = Counter()
        self.clients = [Client(api, tenant, self.ledger) for tenant, api in deployed.apis.items()]
        self._dice = Chance(f"faults {seed}")
        self._ended = threading.Event()
        self._dead_expected = 0

    def run(self, count: int, seconds: float) -> int:
        started = time.monotonic()
        deadline = started + seconds
        self.proxy.rule = self.rule
        chaos = threading.Thread(target=self.cause_trouble, daemon=True)
        chaos.start()

        def send(number: int) -> None:
            if time.monotonic() < deadline:
                self.send(number)

        with ThreadPoolExecutor(CLIENTS) as threads:
            for done, _ in enumerate(threads.map(send, range(count - BURST)), start=1):
                if done % 250 == 0:
                    self.say(f"{done} sent after {time.monotonic() - started:.0f} s")
        self.say(f"{BURST} at once")
        with ThreadPoolExecutor(BURST) as threads:
            list(threads.map(send, range(count - BURST, count)))
        self._ended.set()
        chaos.join()
        self.settle()
        self.say(f"at rest after {time.monotonic() - started:.0f} s")
        return self.conclude(count)

    def conclude(self, count: int) -> int:
        report = audit(
            self.ledger.entries, self.deployed.holdings(), dead_expected=self._dead_expected
        )
        happened = self.faults + self.proxy.faults
        self.say("faults: " + ", ".join(f"{name} {n}" for name, n in sorted(happened.items())))
        self.say(f"audit, seed {self.seed}: {report}")
        serious = report.lost + report.duplicated + report.foreign + report.misjudged
        enough = report.sent >= count
        if not enough:
            self.say(f"only {report.sent} of {count} payloads were sent in time")
        return 0 if enough and not serious else 1

    @staticmethod
    def say(text: str) -> None:
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()

    # Traffic

    def send(self, number: int) -> None:
        """One payload; what kind, its number decides."""
        rng = random.Random(f"{self.seed}/{number}")
        client, other = rng.sample(self.clients, 2)
        size = rng.choice([300, 300, 3_000, 30_000, 300_000])
        document = make_document(rng, size)
        body = packed(document) if rng.random() < 0.7 else document
        kind = rng.random()
        if kind < 0.35:
            sent = client.inline(body, document)
            if rng.random() < 0.1 and sent.told == "stored":
                client.delete(sent)
        elif kind < 0.55:
            client.upload(body, document, signed=rng.random() < 0.8)
        elif kind < 0.70:
            client.upload(body, document, signed=rng.random() < 0.5, claim=False)
        elif kind < 0.75:
            self.ask_and_leave(client, body)
        elif kind < 0.78:
            self.begin_anew(client, rng, body, document, key=f"anew-{number}")
        elif kind < 0.81:
            self.send_twice_at_once(client, body, document, key=f"twice-{number}")
        elif kind < 0.85:
            self.claim_anothers(client, other, body, document)
        else:
            self.send_hostile(client, rng)

    def ask_and_leave(self, client: Client, body: bytes) -> None:
        issued = client.ask_for_url(body)
        payload_id = issued["payload_id"] if issued else None
        self.ledger.note(
            Sent(tenant=client.tenant, told="nothing", sha256=sha256(body), payload_id=payload_id)
        )

    def begin_anew(
        self, client: Client, rng: random.Random, body: bytes, document: bytes, *, key: str
    ) -> None:
        """A client that dies somewhere on its way, and is started again under its key."""
        issued = client.ask_for_url(body, key=key)
        if issued and rng.random() < 0.7 and client.put(issued, body) and rng.random() < 0.5:
            client.claim(issued, key=key)
        client.upload(body, document, key=key)

    def send_twice_at_once(self, client: Client, body: bytes, document: bytes, *, key: str) -> None:
        """The same request under one key: two callers, one payload."""
        private = Client(client.api, client.tenant, Ledger())
        with ThreadPoolExecutor(2) as threads:
            told = list(threads.map(lambda _: private.inline(body, document, key=key), range(2)))
        known = [sent for sent in told if sent.told != "nothing"]
        self.ledger.note(known[0] if known else told[0])
        if len({(sent.told, sent.payload_id) for sent in known}) > 1:
            # Told two things: the second stands in the ledger too, and won't be found.
            self.ledger.note(known[1])

    def claim_anothers(self, client: Client, other: Client, body: bytes, document: bytes) -> None:
        sent = other.upload(body, document, claim=False)
        theft = client.claim({"s3_key": f"transit/{other.tenant}/{sent.payload_id}"})
        if theft is not None and theft.status != 404:
            raise AssertionError(f"{client.tenant} got {theft.status} for another's key")

    def send_hostile(self, client: Client, rng: random.Random) -> None:
        names = [name for name in HOSTILE if "bomb" not in name or rng.random() < 0.02]
        name = rng.choice(names)
        hostile = HOSTILE[name][0]
        kind = rng.random()
        if kind < 0.4 and len(hostile) < 4_000_000:
            client.inline(hostile, valid=False, name=name)
        else:
            client.upload(hostile, valid=False, claim=kind < 0.7, name=name)

    # Trouble

    def rule(self, request: Request) -> Fault | None:
        throw = self._dice.throw()
        if request.service in ("s3", "dynamodb") and throw < 0.03:
            return "throttle"
        if throw < 0.035:
            return "lose answer"
        if request.service == "s3" and request.method == "GET" and throw < 0.05:
            return "cut body"
        return None

    def cause_trouble(self) -> None:
        """Until the traffic ends: kill functions, repeat and mix up messages, let time pass."""
        rng = random.Random(f"trouble {self.seed}")
        for body in POISON:
            self.deployed.send_message(body)
            self._dead_expected += 1
            self.faults["poison message"] += 1
        while not self._ended.wait(4):
            self.kill_one(rng)
            known = [sent for sent in self.ledger.entries if sent.uploaded]
            for sent in rng.sample(known, min(5, len(known))):
                reason = rng.choice(["claimed", "unclaimed", "sweep"])
                key = f"transit/{sent.tenant}/{sent.payload_id}"
                self.deployed.send_message({"s3_key": key, "reason": reason})
                self.faults["repeated message"] += 1
            if rng.random() < 0.5:
                # Also of those that are alive: they find that their lease is lost.
                self.deployed.expire_leases()
                self.faults["leases expired"] += 1

    def kill_one(self, rng: random.Random) -> None:
        function = rng.choice(["ingest_api", "ingest_worker", "ingest_worker", "ingest_events"])
        processes = self.deployed.cloud.function_processes(self.deployed.functions[function])
        if processes:
            try:
                rng.choice(processes).kill()
            except psutil.NoSuchProcess:
                return
            self.faults[f"{function} killed"] += 1

    def settle(self) -> None:
        """Let it come to rest: no more faults, and the time passes that leases live."""
        self.proxy.rule = lambda _request: None
        deadline = time.monotonic() + SETTLE_SECONDS
        while time.monotonic() < deadline:
            self.deployed.expire_leases()
            self.deployed.wait_until_at_rest(seconds=5)
            if self.deployed.depth("QueueUrl") == 0:
                return


if __name__ == "__main__":
    sys.exit(main())
