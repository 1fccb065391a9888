"""Summary of a document in its record, and how its values are written."""

from __future__ import annotations

import json

import orjson

from wideload_runtime.core.ingest.json_scan import JsonScanner
from wideload_runtime.core.ingest.summary import MAX_SIZE, Scalars, Summary


def summary_of(document: bytes) -> Summary:
    scanner = JsonScanner([document], records_field="transcript_with_metrics")
    for _ in scanner.runs():
        pass
    return scanner.summary


def test_it_takes_scalars_and_leaves_the_rest() -> None:
    summary = summary_of(
        b'{"call_id": "c-1", "n" : 3, "f":2.50, "yes":true, "no":null, "token":"wl_secret",'
        b'"long":"%b", "object":{"a":1}, "list":[1,2,3], "":"unnamed"}' % (b"x" * 1025)
    )

    assert summary.scalars == Scalars(
        b'{"call_id":"c-1","n":3,"f":2.50,"yes":true,"no":null,"":"unnamed"}'
    )
    assert summary.array_lengths == {"list": 3}
    assert not summary.complete


def test_it_spells_each_scalar_as_the_document_does() -> None:
    members = (
        b'"n":340282366920938463463374607431768211455,"one":1.0,"e":1e15,"E":-0.0E+1,'
        b'"\xc3\xa9":"\\u00e9\\n","\\"":1.000000000000000000000000000000000000000005'
    )

    summary = summary_of(b"{%b}" % members)

    assert summary.scalars.text == b"{%b}" % members
    assert summary.complete


def test_it_gives_single_scalars_as_values() -> None:
    scalars = summary_of(b'{"call_id":12345678901234567890123,"f":1.5}').scalars

    assert scalars.get("call_id") == 12345678901234567890123
    assert scalars.get("f") == 1.5
    assert scalars.get("none") is None


def test_it_is_bounded() -> None:
    document = {f"member {number}": "x" * 1000 for number in range(100)}

    summary = summary_of(orjson.dumps(document))

    assert 30 < len(json.loads(summary.scalars.text)) < 34
    assert not summary.complete


def test_its_bound_counts_the_bytes_of_its_text() -> None:
    names = [f"{number}\\u0001\\\\" * 20 for number in range(1000)]
    members = ",".join(f'"{name}":"é"' for name in names)

    summary = summary_of(f"{{{members}}}".encode())

    assert MAX_SIZE * 0.9 < len(summary.scalars.text) < MAX_SIZE * 1.01
    assert not summary.complete


def test_an_array_without_a_name_has_no_length() -> None:
    summary = summary_of(b'{"":[1],"a":[]}')

    assert summary.array_lengths == {"a": 0}
    assert not summary.complete
