"""Requests from functions to the fake AWS: tests put others in between, and lose answers."""

from __future__ import annotations

import functools
import io
import threading
from collections.abc import Callable, Hashable
from contextlib import suppress
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, TypeVar

from botocore.exceptions import ClientError, ReadTimeoutError

T = TypeVar("T")
Choose = Callable[[int, bool, Callable[[], Hashable] | None], int]
"""Which of this many functions goes on with its next request. 0 is the one that made the last
request, if it isn't done, which the second argument says; the third tells orders that come to the
same."""

READS = {
    "BatchGetItem", "GetItem", "GetObject", "HeadObject", "ListMultipartUploads",
    "ListObjectVersions", "ListParts", "Query", "Scan",
}  # fmt: skip
"""Requests that change nothing."""


class Wire:
    """Every request of the fakes goes through here."""

    def __init__(self) -> None:
        self.requests: list[str] = []
        self.before: Callable[[str], None] = lambda name: None
        """Called before each request; may make others."""
        self.after: Callable[[Any], None] = lambda answer: None
        """Called with each answer, or the error, before the function has it."""
        self.lost: Callable[[str, int], bool] = lambda name, number: False
        """Whether the answer to a request, of this number from 0, is lost: it was done."""
        self.refused: Callable[[str, int], str | None] = lambda name, number: None
        """Code of an error with which AWS refuses a request, which then does nothing."""
        self.lock = threading.RLock()
        """Held during each request: services answer requests one after another."""

    def call(self, name: str, work: Callable[[], T]) -> T:
        self.before(name)
        number = len(self.requests)
        self.requests.append(name)
        try:
            if code := self.refused(name, number):
                raise aws_error(code, name)
            with self.lock:
                result = work()
            if self.lost(name, number):
                raise ReadTimeoutError(endpoint_url="https://aws.test")
        except Exception as error:
            self.after(error)
            raise
        self.after(result)
        return result


def aws_error(code: str, operation: str, **more: Any) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": code}, **more}, operation)


@dataclass
class Outcome:
    """Result of one of several calls that ran at once."""

    result: Any = None
    error: Exception | None = None


@dataclass(eq=False)
class _Actor:
    work: Callable[[], Any]
    outcome: Outcome = field(default_factory=Outcome)
    turn: threading.Lock = field(default_factory=threading.Lock)
    """Released when the actor may make its next request."""
    request: str = ""
    """The next request; empty before the first."""
    known: int = 0
    """Hash of the answers that it has had: what it does next follows from them alone."""


class SeenBeforeError(BaseException):
    """What can follow from here has been run. No `Exception`, which functions would handle."""


class AtOnce:
    """Runs functions at once, one request to AWS at a time, in an order that is given.

    An actor that is about to make a request chooses who goes on, so threads are switched only
    where the order switches. Orders that can't differ from another with as few switches are left
    out: those that take an actor's turn before it has made a request, and those that give it back,
    after reads alone, to the actor that was interrupted for it, whose next request is a read. The
    reads could as well follow that one.

    Args:
        choose: Chooses who goes on, as `every_order` wants it.
        state: All that requests can depend on but the answers that their function has had: what
            AWS stores, the time, what functions share. Where two orders come to the same, only the
            first goes on.
    """

    def __init__(
        self, wire: Wire, choose: Choose, state: Callable[[], Hashable] | None = None
    ) -> None:
        self._wire = wire
        self._choose = choose
        self._state = state
        self._over = False
        self._actors: dict[int, _Actor] = {}
        self._all: list[_Actor] = []
        self._alive: list[_Actor] = []
        self._interrupted: _Actor | None = None
        """The actor that would have gone on instead of the one whose turn it is."""
        self._made: list[str] = []
        """Requests of the turn."""

    def run(self, *works: Callable[[], Any]) -> list[Outcome]:
        """
        Raises:
            SeenBeforeError: As `choose` does; nothing is said of the functions.
        """
        actors = [_Actor(work) for work in works]
        self._all, self._alive = actors, list(actors)
        self._wire.before, self._wire.after = self._point, self._learn
        for actor in actors:
            actor.turn.acquire()
        # Their names are the same in each order, for ids that are made of them.
        threads = [
            threading.Thread(target=self._act, args=(actor,), name=f"actor {number}")
            for number, actor in enumerate(actors)
        ]
        for thread in threads:
            thread.start()
        with suppress(SeenBeforeError):
            self._next(None).turn.release()
        for thread in threads:
            thread.join()
        self._wire.before, self._wire.after = (lambda name: None), (lambda answer: None)
        if self._over:
            raise SeenBeforeError
        return [actor.outcome for actor in actors]

    def _next(self, last: _Actor | None) -> _Actor:
        """Choose who goes on after the actor that made the last request."""
        alive = sorted(self._alive, key=lambda actor: actor is not last)
        continuing = alive[0] is last
        if continuing:
            alive = [alive[0], *filter(self._differs, alive[1:])]
        index = 0
        if len(alive) > 1:
            try:
                index = self._choose(len(alive), continuing, self._reached(alive))
            except SeenBeforeError:
                self._over = True
                for actor in self._alive:
                    if actor is not last:
                        actor.turn.release()
                raise
        chosen = alive[index]
        if chosen is not last:
            self._interrupted, self._made = (last if continuing else None), []
        return chosen

    def _reached(self, alive: list[_Actor]) -> Callable[[], Hashable] | None:
        """Return what two orders have in common when the same can follow from both."""
        if self._state is None:
            return None
        state = self._state
        return lambda: (
            state(),
            tuple(actor.known for actor in self._all),
            tuple(map(self._all.index, alive)),
            self._interrupted and self._all.index(self._interrupted),
            READS.issuperset(self._made),
            bool(self._made),
        )

    def _differs(self, other: _Actor) -> bool:
        """Return whether a switch to another actor can make a difference."""
        if other is self._interrupted and other.request in READS:
            return not READS.issuperset(self._made)
        return bool(self._made)

    def _act(self, actor: _Actor) -> None:
        self._actors[threading.get_ident()] = actor
        actor.turn.acquire()
        with suppress(SeenBeforeError):
            try:
                if not self._over:
                    actor.outcome.result = actor.work()
            except Exception as error:  # noqa: BLE001 - shown to the test
                actor.outcome.error = error
            if self._over:
                return
            self._alive.remove(actor)
            if self._alive:
                self._next(actor).turn.release()

    def _point(self, name: str) -> None:
        actor = self._actors.get(threading.get_ident())
        if actor is None:
            return
        if self._over:  # functions clean up
            raise SeenBeforeError
        actor.request = name
        if (following := self._next(actor)) is not actor:
            following.turn.release()
            actor.turn.acquire()
            if self._over:
                raise SeenBeforeError
        self._made.append(name)

    def _learn(self, answer: Any) -> None:
        if actor := self._actors.get(threading.get_ident()):
            actor.known = hash((actor.known, frozen(answer)))


def frozen(value: Any) -> Hashable:
    """Return something that is equal for equal answers and stored items, and has a hash."""
    if isinstance(value, str | int | Decimal):
        return value
    if isinstance(value, dict):
        return frozenset((name, frozen(inner)) for name, inner in value.items())
    if isinstance(value, list | tuple):
        return tuple(map(frozen, value))
    if isinstance(value, ClientError):
        return frozen(value.response)
    # An object's address would let nothing be seen again, or something else after it is freed.
    shown = repr(value.getvalue() if isinstance(value, io.BytesIO) else value)
    assert " at 0x" not in shown, shown
    return shown


def every_order(run: Callable[[Choose], None], *, switches: int, most: int = 3_000) -> int:
    """Run something once for each order in which `AtOnce` can let its functions go on.

    An order ends where it comes to what an earlier one came to with as few switches: what is run
    must let `SeenBeforeError` through.

    Args:
        switches: How often an order goes from a function that isn't done to another. Mistakes
            that need many are rare, and the orders that have few are few.

    Returns:
        The number of orders.
    """
    prefix: list[int] = []
    seen: dict[Hashable, int] = {}
    for count in range(1, most + 1):
        taken: list[_Choice] = []
        with suppress(SeenBeforeError):
            run(functools.partial(_choose, prefix, taken, seen))
        while taken and not _has_next(taken, switches):
            taken.pop()
        if not taken:
            return count
        prefix = [choice.index for choice in taken[:-1]] + [taken[-1].index + 1]
    raise AssertionError(f"over {most} orders")


@dataclass(frozen=True)
class _Choice:
    index: int
    alive: int
    continuing: bool
    """Whether index 0 goes on with what went on before."""

    @property
    def switches(self) -> bool:
        return self.continuing and self.index > 0


def _choose(
    prefix: list[int],
    taken: list[_Choice],
    seen: dict[Hashable, int],
    alive: int,
    continuing: bool,
    reached: Callable[[], Hashable] | None,
) -> int:
    """As the prefix says, then the first; noted in `taken`.

    Args:
        seen: How many switches orders had made that came to this, at least.
    """
    index = 0
    if len(taken) < len(prefix):
        index = prefix[len(taken)]
    elif reached is not None:
        here, used = reached(), sum(choice.switches for choice in taken)
        if seen.get(here, used + 1) <= used:
            raise SeenBeforeError
        seen[here] = used
    taken.append(_Choice(index, alive, continuing))
    return index


def _has_next(taken: list[_Choice], switches: int) -> bool:
    """Whether the last choice can be another, too."""
    *before, last = taken
    used = sum(choice.switches for choice in before) + last.continuing
    return last.index + 1 < last.alive and used <= switches
