"""`AtOnce` and `every_order` try each order that can make a difference, and no other twice."""

from __future__ import annotations

import functools
from collections.abc import Callable, Hashable

import pytest

from tests.fake_aws.wire import AtOnce, Choose, Wire, every_order, frozen


class Numbers:
    """A table of numbers, to which functions add by reading and writing."""

    def __init__(self) -> None:
        self.wire = Wire()
        self.stored: dict[str, int] = {}

    def add(self, name: str) -> None:
        for _ in range(2):
            held = self.wire.call("GetItem", lambda: self.stored.get(name, 0))
            self.wire.call("PutItem", functools.partial(self.stored.update, {name: held + 1}))

    def state(self) -> Hashable:
        return frozen(self.stored)


def ends_of(names: str, *, known: bool) -> tuple[int, set[Hashable]]:
    """Number of orders, and what the table held after them."""
    ends: set[Hashable] = set()

    def run(choose: Choose) -> None:
        world = Numbers()
        state: Callable[[], Hashable] | None = world.state if known else None
        works = [lambda name=name: world.add(name) for name in names]
        outcomes = AtOnce(world.wire, choose, state).run(*works)
        assert [outcome.error for outcome in outcomes] == [None] * len(names)
        ends.add(world.state())

    return every_order(run, switches=3), ends


@pytest.mark.parametrize("names", ["aa", "ab", "aab"])
def test_orders_that_come_to_the_same_end_alike(names: str) -> None:
    orders, ends = ends_of(names, known=False)
    fewer, same = ends_of(names, known=True)

    assert same == ends
    assert fewer < orders


def test_updates_that_are_lost_are_found() -> None:
    assert ends_of("aa", known=True)[1] == {frozen({"a": count}) for count in (2, 3, 4)}
