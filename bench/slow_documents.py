"""Search for documents that take long for their size.

    PYTHONPATH=lambda_src python -m bench.slow_documents [--documents 3000]

hypothesis makes documents of repeated fragments, and mutates what was slow, steered by the CPU
time that checking and archiving took per byte. Each is compared with a flat object, measured in
the same run just before: the slowest ratios are printed. Exit status 1 if one is above 3.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections.abc import Callable
from contextlib import suppress

from hypothesis import HealthCheck, Phase, given, settings, target
from hypothesis import strategies as st

from bench.processing import Nowhere
from bench.shared.report import section, table, times
from wideload_runtime.core.errors import Refused
from wideload_runtime.core.ingest.document import keep

SIZE = 300_000
"""Bytes of a document: more than a batch, so that each way of passing one is taken."""
FIELD = "transcript_with_metrics"
MOST = 3.0
REFERENCE_EVERY = 25
SHOWN = 5

FLAT = b"{%b}" % b",".join(b'"key%d":%d' % (number, number * 7) for number in range(SIZE // 18))
KNOWN = [b'",":0']
FRAGMENTS = [
    b'"":0', b"0", b'""', b"1.5e3", b"true", b'",":0', b'"],["', b'"},{"', b'"\\\\":[]',
    b'"\\"":{}', b"[" * 34 + b"]" * 34,
    b"[]", b"{}", b"[[[[]]]]", b'{"a":{"a":{}}}', b"[" * 40 + b"]" * 40, b"[" * 500 + b"]" * 500,
    b"1" * 300, b'"' + b"x" * 900 + b'"', b'"' + b'\\"' * 500 + b'"', b'"' + b"\\u00e9" * 90 + b'"',
    b" " * 700, b'"a" : ', b"[0,0", b"{", b"[", b"]", b"}", b"],[", b'{"a":"},{\\"a\\""}',
    b"\\", b'"',
    b'{"a":[' + b"0," * 600 + b"0]}", b'"' + b"x" * 70_000 + b'"', b'"' + b"x" * 300_000 + b'"',
    b"[" + b"[]," * 90_000 + b"0]",
    b"[" + b",".join([b"[" * 15 + b"]" * 15] * 8_460) + b"]", b'{"":{}}',
    b"\xf0\x9f\x98\x80", b'"\xf0\x9f\x98\x80"',
]  # fmt: skip
WRAPPERS = [
    (b'{"%b":[' % FIELD.encode(), b"]}"),
    (b'{"%b":[{"a":[' % FIELD.encode(), b"]}]}"),
    (b'{"%b":[{"a":{' % FIELD.encode(), b"}}]}"),
    (b'{"a":[', b"]}"),
    (b'{"a":{', b"}}"),
    (b'{"a":{"b":[0,', b"]}}"),
    (b"{", b"}"),
]


def seconds(body: bytes) -> float:
    """CPU time of the quickest of two runs."""
    taken = []
    for _ in range(2):
        started = time.thread_time()
        with suppress(Refused):
            keep(
                [body[at : at + (1 << 20)] for at in range(0, len(body), 1 << 20)],
                open_archive=Nowhere,
                records_field=FIELD,
                max_size=1 << 40,
                has_time=lambda: True,
            )
        taken.append(time.thread_time() - started)
    return min(taken)


class Search:
    def __init__(self) -> None:
        self.done = 0
        self.slowest: list[tuple[float, str]] = []
        self._reference = 0.0

    def ratio(self, body: bytes, made_of: object) -> float:
        """Time per byte beside that of a flat object."""
        if self.done % REFERENCE_EVERY == 0:
            self._reference = seconds(FLAT) / len(FLAT)
        self.done += 1
        ratio = seconds(body) / len(body) / self._reference
        if ratio > MOST:  # once more, with a reference of the same moment
            self._reference = seconds(FLAT) / len(FLAT)
            ratio = min(ratio, seconds(body) / len(body) / self._reference)
        self.slowest = sorted([*self.slowest, (ratio, repr(made_of))], reverse=True)[:SHOWN]
        return ratio


def document(around: tuple[bytes, bytes], repeated: list[bytes], names: bool) -> bytes:
    unit = b",".join(repeated)
    times = max(2, SIZE // (len(unit) + 1))
    if around == (b"{", b"}") or names:  # each under a name of its own
        return b",".join(b'"%d":%b' % (n, unit) for n in range(times)).join(around)
    return b",".join([unit] * times).join(around)


def mutations(seed: int) -> Callable[[], bytes]:
    """The known slow document, with some bytes of its repeated part changed."""
    chance = random.Random(seed)

    def mutated() -> bytes:
        unit = bytearray(b",".join(KNOWN * chance.randint(1, 4)))
        for _ in range(chance.randint(0, 4)):
            at = chance.randrange(len(unit))
            unit[at : at + chance.randint(0, 1)] = chance.choice(
                [b'"', b",", b":", b"[", b"]", b"{", b"}", b"0", b"\\", b" ", b'":', b"],["]
            )
        return document(chance.choice(WRAPPERS), [bytes(unit)], chance.random() < 0.2)

    return mutated


def main() -> int:
    """Search, and print a section."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--documents", type=int, default=3_000)
    documents = parser.parse_args().documents
    search = Search()

    @settings(
        max_examples=documents * 2 // 3,
        deadline=None,
        database=None,
        phases=[Phase.generate, Phase.target],
        suppress_health_check=list(HealthCheck),
    )
    @given(
        st.sampled_from(WRAPPERS),
        st.lists(st.sampled_from(FRAGMENTS), min_size=1, max_size=4),
        st.booleans(),
    )
    def searched(around: tuple[bytes, bytes], repeated: list[bytes], names: bool) -> None:
        target(
            search.ratio(
                document(around, repeated, names),
                (around, [(each[:12], len(each)) for each in repeated], names),
            )
        )

    searched()
    mutated = mutations(1)
    while search.done < documents:
        body = mutated()
        search.ratio(body, body[:60])
    section(
        "Slow documents",
        f"Processing time per byte of {search.done:,} documents that were made to be slow, as a "
        f"multiple of a flat object's; the slowest, of which none may exceed {MOST:g}.",
        table(["made of", "ratio"], [[f"`{of}`", times(ratio)] for ratio, of in search.slowest]),
    )
    return int(search.slowest[0][0] > MOST)


if __name__ == "__main__":
    sys.exit(main())
