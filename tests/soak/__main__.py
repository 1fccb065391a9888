"""Send thousands of good and bad payloads through every fault at once, then hold the audit.

    python -m tests.soak --count 2000 --seed 1 --minutes 15

Everything is on loopback, in a cloud of its own that ends with this program. The exit status is
0 only if the audit finds nothing at all, every fault happened, and enough was sent.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import urllib3

from local.cloud import Cloud, free_port
from local.deploy import deploy
from tests.faults import sender
from tests.faults.audit import audit
from tests.faults.deployment import STACK, Deployment
from tests.faults.proxy import FaultyProxy
from tests.faults.traffic import make_document
from tests.integration.conftest import Api
from tests.soak.listener import Listener
from tests.soak.traffic import Traffic
from tests.soak.trouble import DEATHS, POISON, Trouble
from wideload_cdk.redrive import redrive

CLIENTS = 24
BURST = 200
IN_REQUEST_LIMIT = 60_000
"""Bytes; so low that many a claim is queued."""
SETTLE_SECONDS = 240
SWEEPS = 5
LONG_AGO = 3600

EXPECTED = {
    *(f"{death.function} killed {death.when} {death.step}" for death in DEATHS),
    *(f"client killed {step}" for step in sender.STEPS),
    *(
        f"{function}, {fault}"
        for function in ("ingest_api", "ingest_worker")
        for fault in ("s3: throttle", "dynamodb: throttle", "s3: lose answer", "s3: cut body")
    ),
    *("message repeated", "message delivered twice", "message reordered", "message lost"),
    *("leases expired", "poison message", "poison payload", f"{BURST} sent at once"),
    *("client, api: lose answer", "client, s3: lose answer"),
}
"""Faults without which a run of 2,000 payloads shows nothing."""


def main() -> int:
    options = _options()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="soak-")))
        cloud = stack.enter_context(Cloud(directory=folder / "cloud", port=free_port()))
        ingest = deploy(cloud, stacks=[STACK])["ingest"]
        pool = urllib3.PoolManager(ca_certs=str(cloud.ca_bundle), retries=False, timeout=60)
        header = ingest["api_key_header"]
        keys = {"acme": ingest["api_key"], "globex": ingest["other_api_key"]}
        apis = {tenant: Api(pool, ingest["api_url"], {header: key}) for tenant, key in keys.items()}
        deployed = Deployment(cloud, ingest, apis)
        deployed.limit_processes()
        deployed.set_redelivery(after=3, times=20)
        proxies = {}
        for function in ("ingest_api", "ingest_worker", "ingest_events"):
            proxies[function] = proxy = stack.enter_context(FaultyProxy(cloud))
            variables = {"AWS_ENDPOINT_URL": proxy.url}
            if function == "ingest_api":
                variables["WIDELOAD_IN_REQUEST_LIMIT"] = str(IN_REQUEST_LIMIT)
            stack.enter_context(deployed.environment(function, **variables))
        front = stack.enter_context(FaultyProxy(cloud))
        listener = stack.enter_context(Listener(deployed))
        traffic = Traffic(deployed, front, seed=options.seed, folder=folder)
        return Soak(deployed, traffic, listener, proxies, front).run(options)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--count", type=int, default=2_000, help="payloads to send, at least")
    parser.add_argument("--seed", type=int, default=1, help="decides what is sent and what fails")
    parser.add_argument("--minutes", type=float, default=15, help="send no more after so long")
    return parser.parse_args()


class Soak:
    def __init__(
        self,
        deployed: Deployment,
        traffic: Traffic,
        listener: Listener,
        proxies: Mapping[str, FaultyProxy],
        front: FaultyProxy,
    ) -> None:
        self.deployed = deployed
        self.traffic = traffic
        self.listener = listener
        self.proxies = proxies
        self.front = front
        self.started = time.monotonic()

    def run(self, options: argparse.Namespace) -> int:
        poison = make_document(random.Random(f"poison {options.seed}"), 300_000)
        acme = self.traffic.clients[0]
        issued = acme.ask_for_url(poison)
        if issued is None:
            raise RuntimeError("the cloud answers nothing, though nothing was done to it yet")
        payload_id = issued["payload_id"]
        trouble = Trouble(
            self.deployed,
            self.proxies,
            self.front,
            self.traffic.ledger,
            poison=payload_id,
            seed=options.seed,
        )
        with self.deployed.without_archive(f"archive/acme/{payload_id}"):
            with trouble.going_on():
                acme.upload(poison, claim=False, issued=issued)
                trouble.happened["poison payload"] += 1
                self.send_all(options.count, seconds=options.minutes * 60)
            trouble.happened[f"{BURST} sent at once"] += 1
            self.say("no more faults")
            self.come_to_rest()
            self.deployed.set_redelivery(after=3, times=5)
            self.deployed.send_message({"s3_key": issued["s3_key"], "reason": "claimed"})
            self.come_to_rest()
            self.check_poison(payload_id)
        moved = redrive(self.deployed.sqs, self.deployed.stack["QueueUrl"])
        self.say(f"{moved} dead letters put back")
        self.come_to_rest()
        self.sweep()
        self.hear_all()
        return self.conclude(options, trouble)

    def send_all(self, count: int, *, seconds: float) -> None:
        """Most of them by a few clients, and the last at once."""
        deadline = time.monotonic() + seconds

        def send(number: int) -> None:
            if time.monotonic() < deadline:
                self.traffic.send(number)

        with ThreadPoolExecutor(CLIENTS) as threads:
            for done, _ in enumerate(threads.map(send, range(count - BURST)), start=1):
                if done % 250 == 0:
                    self.say(f"{done} sent")
                    self.listener.hear()
        self.say(f"{BURST} at once")
        with ThreadPoolExecutor(BURST) as threads:
            list(threads.map(send, range(count - BURST, count)))

    def come_to_rest(self) -> None:
        """Until the queue is empty, letting the time pass that leases live."""

        def quiet() -> bool:
            self.deployed.expire_leases()
            self.deployed.wait_until_at_rest(seconds=5)
            return self.deployed.depth("QueueUrl") == 0

        self.wait_for(quiet)

    def check_poison(self, payload_id: str) -> None:
        """A fault of ours stands on the record, with its reason."""
        known = self.deployed.apis["acme"].get(f"/call-logs/{payload_id}").json
        if (known["state"], known.get("error", {}).get("code")) != ("failed", "internal"):
            self.traffic.broken.append(f"the poison payload {payload_id} says {known}")

    def sweep(self) -> None:
        """An hour passes, again and again: what messages were lost for is taken up."""
        for _ in range(SWEEPS):
            self.deployed.age_open(LONG_AGO)
            report = self.deployed.sweep()
            self.say(f"swept: {report}")
            self.come_to_rest()
            if not report["repaired"]:
                return

    def hear_all(self) -> None:
        """Until no event has come for some seconds."""

        def silent() -> bool:
            time.sleep(3)
            return self.listener.hear() == 0

        self.wait_for(silent)

    @staticmethod
    def wait_for(condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + SETTLE_SECONDS
        while not condition() and time.monotonic() < deadline:
            pass

    def conclude(self, options: argparse.Namespace, trouble: Trouble) -> int:
        report = audit(
            self.traffic.ledger.entries,
            self.deployed.holdings(self.listener.told),
            dead_expected=len(POISON),
            killed=trouble.killed,
        )
        happened = self.traffic.happened + trouble.counts()
        self.say("faults")
        for name, times in sorted(happened.items()):
            self.say(f"{times:7,}  {name}")
        kinds = self.traffic.hostile
        self.say(f"{kinds.total():7,}  hostile documents, of {len(kinds)} kinds")
        self.say(f"{self.listener.heard:7,}  events heard")
        for what in self.traffic.broken:
            self.say(f"broken: {what}")
        missing = EXPECTED - set(happened)
        if missing:
            self.say(f"faults that never happened: {', '.join(sorted(missing))}")
        enough = report.sent >= options.count
        if not enough:
            self.say(f"only {report.sent} of {options.count} payloads were sent in time")
        self.say(f"audit, seed {options.seed}: {report}")
        well = report.clean and enough and not missing and not self.traffic.broken
        return 0 if well else 1

    def say(self, text: str) -> None:
        sys.stdout.write(f"{time.monotonic() - self.started:5.0f} s  {text}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
