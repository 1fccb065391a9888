"""No pattern of the runtime can be made to take long by what it is given to match."""

from __future__ import annotations

import importlib
import itertools
import pkgutil
import re
import time
from collections.abc import Iterator

import pytest

import wideload_runtime.core

# Runs of these, alone and in pairs, are what patterns with repeats within repeats choke on.
PIECES = ("a", "A", "0", " ", "\t", "\n", "-", "_", ".", "/", "=", ";", ",", '"', "\\", "{", "[")
# By small steps first: a pattern that takes exponential time must fail before it takes for ever.
TIMES = (*range(4, 20), 20_000)
SECONDS = 0.2


def patterns() -> Iterator[tuple[str, re.Pattern[str] | re.Pattern[bytes]]]:
    modules = pkgutil.walk_packages(wideload_runtime.core.__path__, "wideload_runtime.core.")
    for module in modules:
        for name, value in vars(importlib.import_module(module.name)).items():
            if isinstance(value, re.Pattern):
                yield f"{module.name}.{name}", value


PATTERNS = dict(patterns())


@pytest.mark.parametrize("name", PATTERNS)
def test_a_pattern_takes_time_linear_in_its_input(name: str) -> None:
    assert slowest(PATTERNS[name]) < SECONDS


def test_there_are_patterns() -> None:
    assert len(PATTERNS) > 10


@pytest.mark.parametrize("pattern", [r"(a+)+", r"(a|a)*", r"(\s*,?)*;", r"(a*b*)*c"])
def test_a_slow_pattern_is_found(pattern: str) -> None:
    assert slowest(re.compile(pattern)) >= SECONDS


def slowest(pattern: re.Pattern[str] | re.Pattern[bytes]) -> float:
    """Seconds that the pattern takes for the worst of texts, as soon as they are too many."""
    worst = 0.0
    for times in TIMES:
        for one, other in itertools.product(PIECES, PIECES):
            # What comes first lets it begin, what comes last keeps it from ending.
            for first in ("", "a/a", '"'):
                text = f"{first}{(one + other) * times}\0"
                worst = max(worst, seconds(pattern, text))
                if worst >= SECONDS:
                    return worst
    return worst


def seconds(pattern: re.Pattern[str] | re.Pattern[bytes], text: str) -> float:
    started = time.perf_counter()
    if isinstance(pattern.pattern, bytes):
        pattern.fullmatch(text.encode())
    else:
        pattern.fullmatch(text)
    return time.perf_counter() - started
