"""The scanner against orjson: it must accept and refuse the same, whatever the window."""

from __future__ import annotations

import json
import math
import struct
import sys
from collections.abc import Iterator
from random import Random

import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from wideload_runtime.core.errors import Refused
from wideload_runtime.core.ingest.json_scan import JsonScanner, Run
from wideload_runtime.core.ingest.json_values import MAX_DEPTH, MAX_NUMBER

FIELD = "records"

TEXTS = [
    "a",
    "0",
    " ",
    "é",
    "世",
    "😀",
    "\u2028",
    "\x7f",
    "\n",
    "\0",
    "\\",
    '"',
    "\\u0022",
    *"{}[]:,-.e/",
]


def some_text(random: Random, size: int) -> str:
    return "".join(random.choices(TEXTS, k=random.randint(0, size)))


def some_number(random: Random) -> int | float:
    bits = random.getrandbits(64)
    number: float = struct.unpack("d", bits.to_bytes(8))[0]
    choices = [0, -1, bits >> random.randint(0, 64), -(bits >> 1), number, random.uniform(-2, 2)]
    return next(filter(math.isfinite, iter(lambda: random.choice(choices), None)))


def some_value(random: Random, depth: int = 4) -> object:
    kind = random.randrange(8 if depth else 5)
    if kind < 5:
        scalars = [None, random.random() < 0.5, some_number(random), some_text(random, 20)]
        return some_text(random, 200) if kind == 4 else scalars[kind]
    if kind == 5:
        return {some_text(random, 12): some_value(random, depth - 1) for _ in some_of(random)}
    return [some_value(random, depth - 1) for _ in some_of(random)]


def some_of(random: Random) -> range:
    return range(random.choice([0, 1, 2, 3, 8]))


def some_document(random: Random) -> dict[str, object]:
    """Members in any order, with records and another array or without."""
    members: dict[str, object] = {
        some_text(random, 12): some_value(random) for _ in some_of(random)
    }
    for name in (FIELD, "other"):
        if random.random() < 0.7:
            members[name] = [some_value(random) for _ in some_of(random)]
    names = random.sample(list(members), len(members))
    return {name: members[name] for name in names}


# Hypothesis takes 30 ms to draw a document value by value, most of the time of a test.
documents = st.randoms(use_true_random=True).map(some_document)
windows = st.integers(160, 400)


def scan(data: bytes, *, window: int = 1024, chunk: int = 64) -> tuple[JsonScanner, list[Run]]:
    def chunks() -> Iterator[bytes]:
        for start in range(0, len(data), chunk):
            yield data[start : start + chunk]

    scanner = JsonScanner(chunks(), records_field=FIELD, window=window, batch=window // 4)
    return scanner, list(scanner.runs())


def records_of(document: dict[str, object]) -> list[object]:
    found = document.get(FIELD)
    return found if isinstance(found, list) else []


def refusal(data: bytes, **how: int) -> Refused:
    with pytest.raises(Refused) as caught:
        scan(data, **how)
    return caught.value


@given(documents, windows, st.integers(1, 500), st.sampled_from([None, 1]), st.booleans())
@example({FIELD: [[1], [2]] * 20, "x": {"a": {"b": 1}, "c": {"d": 2}}}, 160, 7, None, False)
def test_runs_are_the_document(
    document: dict[str, object], window: int, chunk: int, indent: int | None, ascii_only: bool
) -> None:
    data = json.dumps(document, indent=indent, ensure_ascii=ascii_only).encode(
        "utf-8", "surrogatepass"
    )

    scanner, runs = scan(data, window=window, chunk=chunk)

    assert b"".join(run.data for run in runs) == data
    assert scanner.records == len(records_of(document))
    assert sum(run.records for run in runs) == scanner.records
    lengths = {name: len(value) for name, value in document.items() if isinstance(value, list)}
    lengths.pop("", None)
    assert scanner.summary.array_lengths == lengths


@given(documents, windows, st.integers(1, 500))
def test_records_are_whole_between_cuts(
    document: dict[str, object], window: int, chunk: int
) -> None:
    data = orjson.dumps(document)

    _, runs = scan(data, window=window, chunk=chunk)

    members: list[tuple[bytes, int]] = []
    for run in runs:
        if not run.inside:
            continue
        if run.cut or not members:
            members.append((b"", 0))
        text, records = members[-1]
        members[-1] = (text + run.data, records + run.records)
    found = []
    for text, records in members:
        elements = orjson.loads(b"[%b]" % text.strip(b", \n"))
        assert len(elements) == records
        found += elements
    assert found == records_of(orjson.loads(data))


@given(
    documents,
    windows,
    st.integers(1, 500),
    st.integers(0, 10_000),
    st.binary(min_size=1, max_size=3),
)
def test_damage_is_refused_as_orjson_refuses_it(
    document: dict[str, object], window: int, chunk: int, at: int, damage: bytes
) -> None:
    data = orjson.dumps(document)
    at %= len(data)
    damaged = data[:at] + damage + data[at + len(damage) :]
    try:
        parsed = orjson.loads(damaged)
        valid = isinstance(parsed, dict)
    except orjson.JSONDecodeError:
        valid = False

    try:
        scan(damaged, window=window, chunk=chunk)
        accepted = True
    except Refused as refused:
        # What orjson takes and we do not: a name that stands twice at the top level.
        accepted = valid and "stands twice" in refused.detail

    assert accepted == valid


@given(documents, windows, st.integers(0, 10_000))
def test_a_cut_off_document_is_refused(document: dict[str, object], window: int, at: int) -> None:
    data = orjson.dumps(document)

    refused = refusal(data[: at % len(data)], window=window)

    assert refused.code in {"invalid_json", "empty_body"}


@pytest.mark.parametrize(
    ("data", "code", "words"),
    [
        (b"", "empty_body", "no document"),
        (b" \n ", "empty_body", "no document"),
        (b"[1, 2]", "not_an_object", "an array"),
        (b'"text"', "not_an_object", "a single value"),
        (b"12", "not_an_object", "a single value"),
        (b"\xef\xbb\xbf{}", "invalid_json", "byte order mark"),
        (b"hello", "invalid_json", "'{'"),
        ('{"a":1}'.encode("utf-16"), "invalid_json", "UTF-16"),
        ('{"a":1}'.encode("utf-16-le"), "invalid_json", "UTF-16"),
        ('{"a":1}'.encode("utf-16-be"), "invalid_json", "UTF-16"),
        (b"PK\x03\x04rest", "invalid_json", "a zip archive"),
        (b"\x28\xb5\x2f\xfdrest", "invalid_json", "zstd"),
        (b'{"a":1e400}', "invalid_json", "beyond the range"),
        (b'{"a":[' + b"1" * 400 + b"]}", "invalid_json", "beyond the range"),
        (b'{"a":{ ,"b":1}}', "invalid_json", ""),
        (b"{} {}", "invalid_json", "follows the end"),
        (b'{"a":1,}', "invalid_json", "name in double quotes"),
        (b'{"a":[1,]}', "invalid_json", ""),
        (b'{"records":[1,]}', "invalid_json", "a value is expected"),
        (b'{"records":[1 2]}', "invalid_json", "',' or ']'"),
        (b'{"a" 1}', "invalid_json", "':'"),
        (b'{"a":NaN}', "invalid_json", ""),
        (b'{"a":Infinity}', "invalid_json", ""),
        (b'{"a":01}', "invalid_json", ""),
        (b'{"a":"\xff"}', "invalid_json", ""),
        (b'{"a":"\x01"}', "invalid_json", ""),
        (b'{"a":1,"a":2}', "invalid_json", "stands twice"),
        (b'{"a":1,"\\u0061":2}', "invalid_json", "stands twice"),
        (b'{"a":{]}', "invalid_json", ""),
        (b'{"a":[1,2', "invalid_json", "too early"),
        (b'{"a":"b', "invalid_json", "within a string"),
        (b'{"a":["\xf0\x9f\x98"]}', "invalid_json", "near byte 7: a string is not UTF-8"),
        (b'{"a":"\\ud800"}', "invalid_json", "half a surrogate pair"),
        (b"\x1f\x8b\x08", "invalid_json", "gzip within gzip"),
    ],
)
def test_refuses(data: bytes, code: str, words: str) -> None:
    refused = refusal(data)

    assert refused.code == code
    assert words in refused.detail


def test_refusal_names_the_place() -> None:
    records = b",".join([b'{"n":1}'] * 1000)
    data = b'{"records":[' + records + b',{"n":oops}]}'

    refused = refusal(data)

    place = int(refused.detail.split("near byte ")[1].split(":")[0])
    assert abs(place - data.index(b"oops")) < 8


@pytest.mark.parametrize("window", [64, 1024 * 1024])
@pytest.mark.parametrize("opener", [b'{"a":', b"["])
def test_nesting_is_bounded(window: int, opener: bytes) -> None:
    closer = b"}" if opener.startswith(b"{") else b"]"
    inner = MAX_DEPTH - 1

    scan(b'{"a":' + opener * inner + b"1" + closer * inner + b"}", window=window)
    refused = refusal(b'{"a":' + opener * (inner + 1) + b"1", window=window)

    assert "nested deeper" in refused.detail


@pytest.mark.parametrize(
    ("where", "around"), [(b'{"records":[%b,1,%b]}', 2), (b'{"x":{"y":%b,"z":%b}}', 2)]
)
@pytest.mark.parametrize("window", [256, 1024 * 1024])
def test_nesting_is_bounded_however_it_is_found(where: bytes, around: int, window: int) -> None:
    """In batches of records or members too, whose ends are guessed."""
    levels = MAX_DEPTH - around
    allowed, deep = (b"[" * n + b"]" * n for n in (levels, levels + 1))

    scan(where % (allowed, b"[]"), window=window)
    scan(where % (b"[]", allowed), window=window)
    for document in (where % (deep, b"[]"), where % (b"[]", deep)):
        assert "nested deeper" in refusal(document, window=window).detail


def test_nesting_is_bounded_amid_many_short_records() -> None:
    """In a piece that is too long for its brackets to be counted."""
    levels = MAX_DEPTH - 2
    allowed, deep = (b"[" * n + b"]" * n for n in (levels, levels + 1))
    where = b'{"records":[' + b'{"a":1},' * 5000 + b'%b,{"a":1}]}'

    scan(where % allowed, window=1024 * 1024)

    assert "nested deeper" in refusal(where % deep, window=1024 * 1024).detail


def test_numbers_are_bounded() -> None:
    refused = refusal(b'{"a":' + b"1" * (MAX_NUMBER + 1) + b"}", window=64 * 1024)

    assert "a number has more than" in refused.detail


def test_a_number_longer_than_the_window_is_refused() -> None:
    assert "a number has more than" in refusal(b'{"a":' + b"1" * 500 + b"}", window=128).detail


@pytest.mark.parametrize("where", [b'{"a":%b}', b'{"records":[%b]}', b'{"a":{"b":[1,%b]}}'])
def test_a_string_longer_than_the_window_passes(where: bytes) -> None:
    data = where % orjson.dumps('é\n"\\ü' * 2000)

    _, runs = scan(data, window=256)

    assert b"".join(run.data for run in runs) == data
    assert max(len(run.data) for run in runs) < 1024


@pytest.mark.parametrize(
    "inside",
    [
        b"x" * 600 + b"\xff",
        b"x" * 600 + b"\x01",
        b"x" * 600 + b"\\q",
        b"\xc3" * 600,
        b"x" * 600 + b"\\ud800",
        b"x" * 600 + b"\\ud800\\u0041",
        b"x" * 600 + b"\\uDC00",
        b"\\ud83d" * 600,
    ],
)
def test_a_long_string_is_checked_to_its_end(inside: bytes) -> None:
    assert refusal(b'{"a":"' + inside + b'"}', window=256).code == "invalid_json"


@pytest.mark.parametrize("where", [b'{"a":[%b]}', b'{"records":[{"a":[%b]}]}', b'{"a":{"b":%b}}'])
@pytest.mark.parametrize("after", [b".5", b"e3", b"E+1", b"0", b'"x"', b"true", b"[]"])
@pytest.mark.parametrize("value", [b'"' + b"x" * 600 + b'"', b"[]" + b" " * 600, b"{}", b"[1]"])
def test_nothing_goes_on_with_a_value_that_was_cut_off_before(
    where: bytes, value: bytes, after: bytes
) -> None:
    assert refusal(where % (b"[" * 3 + value + b"]" * 3 + after), window=256).code == "invalid_json"
    assert refusal(where % (value + after), window=256).code == "invalid_json"


@pytest.mark.parametrize("where", [b'{"a":"%b"}', b'{"records":["%b"]}', b'{"a":{"b":["%b"]}}'])
def test_a_long_string_may_hold_escaped_pairs_of_surrogates(where: bytes) -> None:
    data = where % (b"\\ud83d\\uDE00" * 500)

    _, runs = scan(data, window=256)

    assert b"".join(run.data for run in runs) == data


@pytest.mark.parametrize("name", ["4111111111111111", "\\u0034111111111111111"])
def test_a_refusal_does_not_tell_the_name_that_stands_twice(name: str) -> None:
    data = f'{{"a":0,"4111111111111111":1,"b":2,"{name}":3}}'.encode()

    refused = refusal(data)

    assert "4111" not in refused.detail
    assert f"near byte {data.rindex(name.encode()) - 1}:" in refused.detail


def test_a_name_that_stands_twice_far_apart_is_refused() -> None:
    between = b",".join(b'"k%d":0' % number for number in range(2_000))

    assert "stands twice" in refusal(b'{"a":1,%b,"a":2,"b":3}' % between).detail


def test_a_container_closed_within_a_piece_ends_there_whatever_opens_after_it() -> None:
    inner = b'{"a":{' + b'"k":0,' * 300 + b'"z":0}}'
    data = b'{"records":[' + b",".join([inner] * 5) + b'],"x":{"y":' + inner + b"}}"

    scanner, runs = scan(data, window=1024)

    assert scanner.records == 5
    assert b"".join(run.data for run in runs) == data


def test_a_record_larger_than_the_window_is_one_record() -> None:
    document = {FIELD: [{"n": 1}, {"big": ["x" * 50] * 100}, {"n": 3}]}

    scanner, runs = scan(orjson.dumps(document), window=256)

    assert scanner.records == 3
    assert sum(run.cut for run in runs if run.inside) == 3


def test_a_record_that_holds_the_start_of_a_record_is_one_record() -> None:
    nested = {"id": 1, "parts": [{"id": 2}, {"id": 3}]}
    document = {FIELD: [nested] * 40}

    scanner, runs = scan(orjson.dumps(document), window=512)

    assert scanner.records == 40
    assert sum(run.records for run in runs) == 40


def test_members_at_the_top_level_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wideload_runtime.core.ingest.json_scan.MAX_MEMBERS", 10)
    data = orjson.dumps({str(number): 1 for number in range(11)})

    assert refusal(data).code == "document_too_large"


fragments = st.sampled_from(
    [
        b'"":0', b"0", b'""', b'",":0', b'"],["', b'"},{"', b'"\\\\":[]', b'"\\"":{}', b"[]", b"{}",
        b"[[[[]]]]", b'{"a":{"a":{}}}', b"[" * 40 + b"]" * 40, b"1" * 300, b'"' + b"x" * 900 + b'"',
        b'"' + b'\\"' * 500 + b'"', b" " * 700, b'"a" : ', b"[0,0", b"{", b"[", b"]", b"}", b"],[",
        b'{"a":"},{\\"a\\""}', b"\\", b'"', b'{"a":[' + b"0," * 600 + b"0]}", b'"' + b"x" * 1500,
    ]
)  # fmt: skip
wrappers = st.sampled_from(
    [
        (b'{"records":[', b"]}"),
        (b'{"records":[{"a":[', b"]}]}"),
        (b'{"a":[', b"]}"),
        (b'{"a":{', b"}}"),
        (b'{"a":{"b":[0,', b"]}}"),
    ]
)


@given(st.lists(fragments, min_size=1, max_size=4), wrappers)
@example([b'",":0'], (b'{"a":{', b"}}"))  # a comma in each name: each is a wrong place to cut
@example([b"[" * 500 + b"1" + b"]" * 500], (b'{"a":[', b"]}"))
@example([b'{"a":[' + b"0," * 300 + b"0]}", b'"'], (b'{"records":[{"a":[', b"]}]}"))
@example([b"[0]"] * 300 + [b"[0}"], (b'{"records":[', b"]}"))
def test_work_grows_with_size_whatever_the_shape(
    repeated: list[bytes], around: tuple[bytes, bytes]
) -> None:
    """Each call works on a window at most, so a bounded number of calls per batch is linear."""
    batch = 1024
    unit = b",".join(repeated)
    data = b",".join([unit] * (64 * batch // len(unit))).join(around)
    calls = 0

    def count(_frame: object, event: str, _argument: object) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    sys.setprofile(count)
    try:
        scan(data, window=4 * batch, chunk=batch)
    except Refused:
        pass
    finally:
        sys.setprofile(None)

    assert calls < 400 * (len(data) / batch + 4)
