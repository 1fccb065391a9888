"""The bridge between shared coroutines and the two clients that run them.

The logic of `Client` and `AsyncClient` is written once, as coroutines. Each request, pause and file
access in it is `await settled(…)`: with `Client` the call has blocked and returned its result, with
`AsyncClient` it has returned an awaitable.
"""

from __future__ import annotations

import threading
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Generator, Iterator
from inspect import isawaitable
from typing import Any, Generic, ParamSpec, Protocol, TypeVar, cast

_Result = TypeVar("_Result")
_Args = ParamSpec("_Args")


async def settled(result: _Result | Awaitable[_Result]) -> _Result:
    """The result of a call that either blocked or returned an awaitable."""
    if isawaitable(result):
        return cast(_Result, await result)
    return result


def run(steps: Coroutine[Any, Any, _Result]) -> _Result:
    """Run a coroutine whose calls block: it never suspends, so it needs no event loop."""
    try:
        steps.send(None)
    except StopIteration as ended:
        return cast(_Result, ended.value)
    steps.close()
    raise RuntimeError("a coroutine of the blocking client was suspended")


def iterate(items: AsyncGenerator[_Result]) -> Iterator[_Result]:
    """The items of an asynchronous generator whose calls block."""
    try:
        while True:
            try:
                item = run(anext(items))
            except StopAsyncIteration:
                return
            yield item
    finally:
        run(items.aclose())


class Work(Protocol):
    """Runs a function that computes or accesses files: at once, or in a worker thread."""

    def __call__(
        self, function: Callable[_Args, _Result], *args: _Args.args, **options: _Args.kwargs
    ) -> _Result | Awaitable[_Result]:
        """Return the function's result, or an awaitable of it."""
        ...


def at_once(
    function: Callable[_Args, _Result], *args: _Args.args, **options: _Args.kwargs
) -> _Result:
    """Call `function` in this thread."""
    return function(*args, **options)


class StepByStep(Generic[_Result]):
    """A generator that may be closed while another thread runs it.

    `close` then returns at once, and the other thread closes the generator after its step.
    """

    def __init__(self, steps: Generator[_Result]) -> None:
        self._steps = steps
        self._lock = threading.Lock()
        self._closed = False

    def step(self) -> _Result:
        """Run it to its next `yield`, and return the value."""
        try:
            with self._lock:
                return next(self._steps)
        finally:
            if self._closed:
                self.close()

    def close(self) -> None:
        """Close it, now or after the step that is being run."""
        self._closed = True
        if self._lock.acquire(blocking=False):
            try:
                self._steps.close()
            finally:
                self._lock.release()
