"""Work on several things at a time: a sweep waits for AWS most of its time."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

THREADS = 8
"""Fewer than the 10 connections that a client of botocore keeps."""

T = TypeVar("T")
R = TypeVar("R")


def in_parallel(work: Callable[[T], R], items: Iterable[T], /) -> Iterator[R]:
    """`map` in `THREADS` threads, at most twice as many items ahead of the caller."""
    begun: deque[Future[R]] = deque()
    with ThreadPoolExecutor(THREADS) as pool:
        for item in items:
            begun.append(pool.submit(work, item))
            if len(begun) == 2 * THREADS:
                yield begun.popleft().result()
        while begun:
            yield begun.popleft().result()
