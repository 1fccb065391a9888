"""Faults during the soak: throttling, functions that die, repeated and lost messages."""

from __future__ import annotations

import itertools
import random
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal

import psutil

from tests.faults.deployment import Deployment
from tests.faults.proxy import Fault, FaultyProxy, Hold, Request, Rule, no_fault
from tests.faults.traffic import Ledger

POISON = ("rubbish", "[]", '{"s3_key": 5}')
"""Messages that can't be processed."""
PAUSE = 3
"""Seconds between two troubles with messages."""
DEATH_PAUSE = 1.5
"""Seconds between a function's death and the next: each costs a second to start another."""
DEATH_SECONDS = 10
"""How long a death waits for its step to come."""


@dataclass(frozen=True, slots=True)
class Death:
    """A function's process killed at one of its steps."""

    function: str
    when: Literal["before", "after", "amid"]
    step: str


DEATHS = (
    Death("ingest_events", "before", "events PutEvents"),
    Death("ingest_worker", "amid", "s3 GET transit"),
    Death("ingest_api", "amid", "s3 GET transit"),
    Death("ingest_worker", "after", "s3 PUT archive"),
    Death("ingest_api", "after", "s3 PUT archive"),
    Death("ingest_worker", "before", "dynamodb UpdateItem"),
    Death("ingest_api", "before", "dynamodb UpdateItem"),
    Death("ingest_events", "after", "events PutEvents"),
    Death("ingest_worker", "after", "dynamodb UpdateItem"),
    Death("ingest_api", "after", "dynamodb UpdateItem"),
    Death("ingest_api", "before", "dynamodb PutItem"),
    Death("ingest_api", "after", "dynamodb PutItem"),
    Death("ingest_api", "before", "sqs SendMessage"),
    Death("ingest_api", "after", "sqs SendMessage"),
)
"""In turn, for as long as there is traffic. Amid a GET is amid an object."""


@dataclass
class Dice:
    """Throws that are the same for the same seed, in whatever order they are asked for."""

    seed: str
    _random: random.Random = field(init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)

    def throw(self) -> float:
        with self._lock:
            return self._random.random()


class Trouble:
    """
    Args:
        proxies: Function → what stands between it and the cloud.
        front: Stands between clients and the cloud.
        poison: Payload that can't be stored. Its messages come often enough by themselves.

    Attributes:
        happened: Counts the faults that this caused itself.
        killed: Functions that were killed.
    """

    def __init__(
        self,
        deployed: Deployment,
        proxies: Mapping[str, FaultyProxy],
        front: FaultyProxy,
        ledger: Ledger,
        *,
        poison: str,
        seed: int,
    ) -> None:
        self.deployed = deployed
        self.happened: Counter[str] = Counter()
        self.killed = 0
        self._proxies = proxies
        self._front = front
        self._ledger = ledger
        self._poison = poison
        self._seed = seed
        self._dice = Dice(f"faults {seed}")
        self._ended = threading.Event()
        self._lock = threading.Lock()
        self._next: tuple[Death, Hold] | None = None

    @contextmanager
    def going_on(self) -> Iterator[None]:
        for body in POISON:
            self.deployed.send_message(body)
            self.happened["poison message"] += 1
        for function, proxy in self._proxies.items():
            proxy.rule = self._rule_of(function)
        self._front.rule = self._on_the_way
        threads = [
            threading.Thread(target=target, daemon=True)
            for target in (self._kill_functions, self._meddle_with_messages)
        ]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._ended.set()
            for thread in threads:
                thread.join()
            for proxy in (self._front, *self._proxies.values()):
                proxy.rule = no_fault

    def counts(self) -> Counter[str]:
        """All faults so far, by name."""
        seen = Counter(self.happened)
        for function, proxy in self._proxies.items():
            seen += Counter({f"{function}, {name}": n for name, n in proxy.faults.items()})
        seen += Counter({f"client, {name}": n for name, n in self._front.faults.items()})
        # Those that killed are counted as deaths.
        return Counter({name: n for name, n in seen.items() if ": hold" not in name})

    # AWS and the network

    def _rule_of(self, function: str) -> Rule:
        def rule(request: Request) -> Fault | None:
            return self._is_next(function, request) or self._by_chance(request)

        return rule

    def _by_chance(self, request: Request) -> Fault | None:
        throw = self._dice.throw()
        if throw < 0.03:
            return "throttle"
        if throw < 0.04:
            return "lose answer"
        if request.service == "s3" and request.method == "GET" and throw < 0.06:
            return "cut body"
        return None

    def _on_the_way(self, _request: Request) -> Fault | None:
        return "lose answer" if self._dice.throw() < 0.02 else None

    # Deaths

    def _is_next(self, function: str, request: Request) -> Hold | None:
        with self._lock:
            if self._next is None:
                return None
            death, hold = self._next
            if (death.function, death.step) != (function, request.step):
                return None
            self._next = None
            return hold

    def _kill_functions(self) -> None:
        for death in itertools.cycle(DEATHS):
            if self._ended.wait(DEATH_PAUSE):
                return
            hold = Hold(death.when)
            with self._lock:
                self._next = death, hold
            if hold.reached.wait(DEATH_SECONDS) and self._kill(death.function, hold.peer):
                self.happened[f"{death.function} killed {death.when} {death.step}"] += 1
                self.killed += 1
            with self._lock:
                self._next = None
            hold.release.set()

    def _kill(self, function: str, port: int) -> bool:
        """Kill the process of a function that has a connection from this port."""
        for process in self.deployed.cloud.function_processes(self.deployed.functions[function]):
            try:
                if any(it.laddr and it.laddr.port == port for it in process.net_connections()):
                    process.kill()
                    return True
            except psutil.NoSuchProcess:
                continue
        return False

    # Messages and time

    def _meddle_with_messages(self) -> None:
        rng = random.Random(f"messages {self._seed}")
        for number in itertools.count():
            if self._ended.wait(PAUSE):
                return
            if number % 3 == 0:
                self._mix_messages(rng)
            else:
                self._repeat_messages(rng)
            if rng.random() < 0.5:
                # Also of those that are alive: they find that their lease is lost.
                self.deployed.expire_leases()
                self.happened["leases expired"] += 1

    def _repeat_messages(self, rng: random.Random) -> None:
        """Of payloads of any age, finished ones among them."""
        known = [
            sent
            for sent in self._ledger.entries
            if sent.uploaded and sent.payload_id != self._poison
        ]
        for sent in rng.sample(known, min(5, len(known))):
            key = f"transit/{sent.tenant}/{sent.payload_id}"
            reason = rng.choice(["claimed", "unclaimed", "sweep"])
            self.deployed.send_message({"s3_key": key, "reason": reason})
            self.happened["message repeated"] += 1

    def _mix_messages(self, rng: random.Random) -> None:
        """Let some pile up; bring each twice, in another order, and lose one for good."""
        with self.deployed.paused_worker():
            self._ended.wait(2)
            taken = [
                body for _ in range(3) for body in self.deployed.take_messages(self._is_poison)
            ]
            if len(taken) > 1:
                taken.remove(rng.choice(taken))
                self.happened["message lost"] += 1
            mixed = rng.sample(taken * 2, 2 * len(taken))
            for body in mixed:
                self.deployed.send_message(body)
        self.happened["message delivered twice"] += len(taken)
        self.happened["message reordered"] += len(mixed)

    def _is_poison(self, body: str) -> bool:
        return body in POISON or self._poison in body
