"""Round-robin over queues: each gets a turn before any gets another."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Protocol, TypeVar

T = TypeVar("T")
R = TypeVar("R")


class Mapping(Protocol):
    """`map`, possibly several at a time; it takes items no faster than it handles them."""

    def __call__(self, work: Callable[[T], R], items: Iterable[T], /) -> Iterable[R]: ...


def in_turns(queues: Iterable[Iterable[T]]) -> Iterator[T]:
    """Yield one item of each queue, then the next of each, until all are empty."""
    waiting = deque(map(iter, queues))
    while waiting:
        queue = waiting.popleft()
        for item in queue:
            yield item
            waiting.append(queue)
            break
