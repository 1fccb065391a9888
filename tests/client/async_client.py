"""`AsyncClient` with the methods of `Client`, so that the same tests check both."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Coroutine, Iterator
from inspect import isasyncgen, iscoroutine
from typing import Any, Self, TypeVar, cast

import pytest

import wideload
import wideload._async

_Result = TypeVar("_Result")


class EventLoop:
    """An event loop in a thread of its own."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()

    def run(self, coroutine: Coroutine[Any, Any, _Result]) -> _Result:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result()

    def close(self) -> None:
        self.run(self._loop.shutdown_asyncgens())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


class BlockingAsyncClient:
    """An `AsyncClient` whose methods block until their coroutine on `loop` is done."""

    def __init__(self, loop: EventLoop, *args: Any, **options: Any) -> None:
        self._loop = loop
        self.client = wideload.AsyncClient(*args, **options)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return repr(self.client)

    def close(self) -> None:
        self._loop.run(self.client.aclose())

    def __getattr__(self, name: str) -> Any:
        method = getattr(self.client, name)

        def call(*args: Any, **options: Any) -> Any:
            result = method(*args, **options)
            if iscoroutine(result):
                return self._loop.run(result)
            return self._items(result) if isasyncgen(result) else result

        return call

    def _items(self, items: Any) -> Iterator[Any]:
        async def following() -> Any:
            return await anext(items)

        try:
            while True:
                try:
                    item = self._loop.run(following())
                except StopAsyncIteration:
                    return
                yield item
        finally:
            self._loop.run(items.aclose())


def as_client(made: BlockingAsyncClient) -> wideload.Client:
    """The same, typed as the client that it stands for."""
    return cast(wideload.Client, made)


def without_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the modules of the extra `async` impossible to import."""
    for name in ("wideload._async.http", "wideload._async.streams"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.delattr(wideload._async, "http", raising=False)
    monkeypatch.setitem(sys.modules, "httpcore", None)
