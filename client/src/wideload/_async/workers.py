"""The worker threads of a process, which compute and access files for its event loops."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

_Result = TypeVar("_Result")
_Args = ParamSpec("_Args")

# All clients of the process share them. Documents are compressed in steps of some 256 KiB, so a
# large one doesn't keep a small one waiting.
_MOST_THREADS = 8


def _new_executor() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(_MOST_THREADS, thread_name_prefix="wideload")


_executor = _new_executor()


def _replace_executor() -> None:
    global _executor  # noqa: PLW0603 - a fork has none of the parent's threads
    _executor = _new_executor()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_replace_executor)


async def in_a_worker(
    function: Callable[_Args, _Result], *args: _Args.args, **options: _Args.kwargs
) -> _Result:
    """Call `function` in a worker thread; it runs to its end even if the caller is cancelled."""
    return await asyncio.wrap_future(_executor.submit(function, *args, **options))
