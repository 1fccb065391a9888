"""Errors of refused documents, and the time that a document may take."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import pytest

from tests.fake_aws.gateway import Context
from tests.runtime.fakes import World
from tests.runtime.ingest.test_ingest import upload
from tests.runtime.ingest.test_ingest_api import gateway_event
from wideload_runtime.core.errors import Refused
from wideload_runtime.core.ingest.document import (
    CPU_SECONDS_PER_BYTE,
    FREE_CPU_SECONDS,
    MAX_CPU_SECONDS,
    keep,
)
from wideload_runtime.core.ingest.events import finished
from wideload_runtime.core.ingest.gunzip import gunzip
from wideload_runtime.core.ingest.processing import MAX_DOCUMENT

MARK = "4111-1111"
"""Stands for a card number, in each place of a document where one may stand."""

FIELD = "transcript_with_metrics"
BAD = {
    "a name that stands twice": f'{{"{MARK}":1,"{MARK}":2}}',
    "an escaped name that stands twice": f'{{"{MARK}":1,"\\u0034{MARK[1:]}":2}}',
    "no value": f'{{"{MARK}":}}',
    "no colon": f'{{"{MARK}" "{MARK}"}}',
    "no comma": f'{{"a":"{MARK}" "{MARK}":1}}',
    "a control character": f'{{"a":"{MARK}\x01"}}',
    "a bad escape": f'{{"a":"{MARK}\\q"}}',
    "a lone surrogate": f'{{"a":"{MARK}\\ud800"}}',
    "a number beyond doubles": f'{{"{MARK}":1e400}}',
    "a word": f'{{"{MARK}":{MARK.replace("-", "x")}}}',
    "text after the end": f'{{"a":1}} "{MARK}"',
    "a string alone": f'"{MARK}"',
    "text alone": MARK,
    "cut off in a name": f'{{"{MARK}',
    "cut off in a value": f'{{"a":"{MARK}',
    "cut off in a record": f'{{"{FIELD}":[{{"{MARK}":"{MARK}"}},{{"{MARK}":"{MARK}',
    "a record that is no JSON": f'{{"{FIELD}":[{{"{MARK}":1}},{{"{MARK}":{MARK}}}]}}',
    "brackets of different kinds": f'{{"{FIELD}":[{{"{MARK}":[1}}}}]]}}',
    "too deep": f'{{"{MARK}":' + f'{{"{MARK}":' * 600 + "1",
    "a member that is too deep": f'{{"a":{{"{MARK}":[{"[" * 600 + "]" * 600}]}}}}',
    "a long number": f'{{"{MARK}":' + "4111" * 2000 + "}",
}


@pytest.mark.parametrize("case", BAD)
@pytest.mark.parametrize("way", ["inline", "claimed"])
def test_nothing_that_is_said_of_a_refused_document_stands_in_it(
    case: str, way: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from wideload_runtime.handlers import ingest_api

    world = World()
    monkeypatch.setattr(ingest_api, "ingest", world.ingest)
    body = BAD[case].encode()
    if way == "claimed":
        claim = upload(world, body)
        body = json.dumps({"s3_key": claim.s3_key}).encode()

    answer = ingest_api.handler(gateway_event("POST", "/send-call-log", body), Context())  # type: ignore[arg-type]

    assert answer["statusCode"] in (400, 413)
    printed = capsys.readouterr()
    records = list(world.table.items.values())
    told = [finished(None, record, "test") for record in records]
    said = [answer["body"], printed.out, printed.err, map(asdict, records), told]
    for text in said:
        everything = repr(list(text) if isinstance(text, Iterator) else text)
        assert MARK not in everything
        assert "4111" not in everything.replace(MARK, "")
    assert way == "inline" or [record.state for record in records] == ["failed"]


class NoArchive:
    def write(self, data: bytes) -> None: ...
    def commit(self) -> None: ...
    def abort(self) -> None: ...


def kept(body: bytes, cpu_seconds: Iterator[float]) -> Any:
    return keep(
        [body],
        open_archive=NoArchive,
        records_field=FIELD,
        max_size=1 << 40,
        has_time=lambda: True,
        cpu_seconds=lambda: next(cpu_seconds),
    )


def test_a_document_that_takes_too_long_for_its_size_is_refused() -> None:
    body = b'{"a":' + b"1" * 94 + b"}"
    allowed = FREE_CPU_SECONDS + len(body) * CPU_SECONDS_PER_BYTE

    assert kept(body, iter([5.0, 5.0 + allowed - 1e-6])).size == 100
    with pytest.raises(Refused) as refused:
        kept(body, iter([5.0, 5.0 + allowed + 1e-6]))

    assert refused.value.code == "document_too_slow"
    assert "split the document" in refused.value.detail


def test_no_document_takes_a_whole_invocation_of_cpu_time() -> None:
    body = b'{"a":"' + b"1" * 100_000 + b'"}'
    taken = iter([0.0, MAX_CPU_SECONDS + 0.1])

    with pytest.raises(Refused, match="more than 20 s"):
        kept(body, taken)

    assert MAX_CPU_SECONDS < 15 * 60 - 20
    assert FREE_CPU_SECONDS + MAX_DOCUMENT * CPU_SECONDS_PER_BYTE > MAX_CPU_SECONDS


@pytest.mark.parametrize("rest", [b"\0", b"\n", b"\0" * 40, b"rubbish", b"{}"])
def test_data_after_a_whole_gzip_is_named(rest: bytes) -> None:
    whole = gzip.compress(b'{"a":1}')

    for chunks in ([whole + rest], [whole, rest], [whole[:9], whole[9:] + rest]):
        with pytest.raises(Refused) as refused:
            list(gunzip(chunks))
        assert refused.value.code == "invalid_gzip"
        assert f"ends at byte {len(whole)}, and what follows is no gzip" in refused.value.detail
