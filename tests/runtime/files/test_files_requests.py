"""Names, content types, and what else clients of file transfer may send."""

from __future__ import annotations

import hashlib
import json
import unicodedata
from typing import Any
from urllib.parse import quote, unquote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.runtime.files.files_world import refusal
from wideload_runtime.core.cursors import encode_cursor
from wideload_runtime.core.errors import Refused
from wideload_runtime.core.files import parts
from wideload_runtime.core.files.names import (
    content_disposition,
    matches,
    parse_content_type,
    parse_name,
)
from wideload_runtime.core.files.records import Content, NewName
from wideload_runtime.core.files.requests import (
    MAX_BODY,
    Change,
    Page,
    UploadRequest,
    WantedPart,
    parse_change,
    parse_check,
    parse_create,
    parse_parts,
)

SHA = "0f" * 32
UNHURRIED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
GIB = 1024**3


@pytest.mark.parametrize(
    "name",
    [
        "a", "a.txt", " spaced ", "...", ".bashrc", "Протокол.pdf", "会議録.docx", "सूची.csv",
        "تقرير.pdf", "😀.png", "a\u200db", "e\u0301.txt", 'quo"te', "100%.txt", "a;b=c.txt",
        "x" * 255, "é" * 255, "文" * 255, "😀" * 255,
    ],
)  # fmt: skip
def test_names_in_any_script_are_taken(name: str) -> None:
    assert parse_name(name) == name


@pytest.mark.parametrize(
    "name",
    [
        "", "x" * 256, ".", "..", "a/b", "a\\b", "a\nb", "a\r\nX-Evil: 1", "a\x00", "\x7f",
        "\x85", "\ud800", "a\u202efdp.exe", "a\u2066b", "a\u2028b", "a\u2029b", None, 5, ["a"],
    ],
)  # fmt: skip
def test_names_that_can_do_harm_are_refused(name: Any) -> None:
    assert refusal(lambda: parse_name(name)).code == "invalid_name"


@UNHURRIED
@given(st.text(min_size=1, max_size=300))
def test_any_text_is_a_name_or_refused(name: str) -> None:
    try:
        taken = parse_name(name)
    except Refused:
        return
    header = content_disposition(taken)
    assert header.isascii()
    assert header.isprintable()
    assert header.count('"') == 2
    assert unquote(header.rpartition("UTF-8''")[2]) == taken


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a.txt", "attachment; filename=\"a.txt\"; filename*=UTF-8''a.txt"),
        ("é.txt", "attachment; filename=\"e.txt\"; filename*=UTF-8''%C3%A9.txt"),
        ("文.txt", "attachment; filename=\"_.txt\"; filename*=UTF-8''%E6%96%87.txt"),
        ('a"b%41;.txt', "attachment; filename=\"a_b_41;.txt\"; filename*=UTF-8''a%22b%2541%3B.txt"),
        ("\uff0fetc", "attachment; filename=\"_etc\"; filename*=UTF-8''%EF%BC%8Fetc"),
        ("\u2024\u2024", "attachment; filename=\"download\"; filename*=UTF-8''%E2%80%A4%E2%80%A4"),
    ],
)
def test_a_download_is_told_its_name(name: str, expected: str) -> None:
    assert content_disposition(name) == expected


@pytest.mark.parametrize(
    ("name", "shorter_by", "expected"),
    [
        ("abcdef.txt", 0, "abcdef.txt"),
        ("abcdef.txt", 2, "abcde.txt"),  # each counts twice, in either form of the name
        ("abcdef.txt", 3, "abcd.txt"),
        ("éàü.txt", 11, "éà.txt"),
        ("ab" + "🎬" * 3 + ".mov", 21, "ab🎬🎬.mov"),
        ("ab" + "🎬" * 3 + ".mov", 22, "ab🎬.mov"),
        ("abe\u0301.txt", 1, "ab.txt"),  # a letter and its accent
        ("ab👩\u200d🚀.txt", 1, "ab.txt"),  # a woman, a joiner and a rocket are an astronaut
        ("ab👍🏽.txt", 1, "ab.txt"),
        ("ab🇫🇷🇩🇪.txt", 1, "ab🇫🇷.txt"),
        ("ab❤\ufe0f.txt", 1, "ab.txt"),
        ("abcdef.not-an-extension-", 2, "abcdef.not-an-extension"),
        (".gitignore", 2, ".gitignor"),
        ("🎬" * 9, 10**6, "🎬"),
    ],
)
def test_a_name_is_shortened_before_its_extension(
    name: str, shorter_by: int, expected: str
) -> None:
    header = content_disposition(name, shorter_by=shorter_by)

    assert header == content_disposition(expected)


@UNHURRIED
@given(st.text(min_size=1, max_size=255), st.integers(1, 4000))
def test_a_header_is_shortened_by_the_bytes_asked_for(name: str, shorter_by: int) -> None:
    try:
        taken = parse_name(name)
    except Refused:
        return
    header = content_disposition(taken, shorter_by=shorter_by)
    kept = unquote(header.rpartition("UTF-8''")[2])
    saved = len(quote(content_disposition(taken))) - len(quote(header))

    assert saved >= shorter_by or len(kept.rpartition(".")[0] or kept) <= 1
    assert len(kept) <= len(taken)


@pytest.mark.parametrize(
    "content_type",
    ["text/plain", "text/plain; charset=utf-8", 'text/x; a="b c"; d=e', "image/svg+xml",
     "application/vnd.openxmlformats-officedocument.wordprocessingml.document"],
)  # fmt: skip
def test_content_types_are_taken(content_type: str) -> None:
    assert parse_content_type(content_type) == content_type


@pytest.mark.parametrize("content_type", [None, ""])
def test_an_unknown_content_type_has_a_default(content_type: Any) -> None:
    assert parse_content_type(content_type) == "application/octet-stream"


@pytest.mark.parametrize(
    "content_type",
    ["text", "text/", "/plain", "text/plain\r\nX-Evil: 1", "text/plain;", "text/é",
     "a/" + "b" * 255, "text/plain; charset", 'text/plain; a="b', 5, {}],
)  # fmt: skip
def test_content_types_that_are_none_are_refused(content_type: Any) -> None:
    assert refusal(lambda: parse_content_type(content_type)).code == "invalid_request"


def test_names_are_found_whatever_case_and_accents() -> None:
    assert matches("Résumé.PDF", "résumé.pdf")
    assert matches("RE\u0301SUME\u0301.pdf", "résu")
    assert matches("Straße", "STRASSE")
    assert not matches("a.pdf", "b")
    assert matches(unicodedata.normalize("NFD", "É"), "é")


# Bodies


def body(**members: Any) -> bytes:
    return json.dumps(members).encode()


def test_a_check_is_parsed() -> None:
    files = [{"sha256": SHA, "size": 0}, {"sha256": SHA, "size": 5, "name": "ignored"}]

    assert parse_check(body(files=files)) == [Content(SHA, 0), Content(SHA, 5)]


@pytest.mark.parametrize(
    "wrong",
    [
        b"", b"[]", b"{", b"\xff", b"{}", b'{"files": {}}', b'{"files": []}', b"[" * 100_000,
        body(files=[{"sha256": SHA, "size": 1}] * 101),
        body(files=[5]),
        body(files=[{"sha256": SHA}]),
        body(files=[{"size": 1}]),
        body(files=[{"sha256": SHA.upper(), "size": 1}]),
        body(files=[{"sha256": SHA[1:], "size": 1}]),
        body(files=[{"sha256": SHA + "\n", "size": 1}]),
        body(files=[{"sha256": SHA, "size": -1}]),
        body(files=[{"sha256": SHA, "size": "1"}]),
        body(files=[{"sha256": SHA, "size": True}]),
        body(files=[{"sha256": SHA, "size": 1.5}]),
        b'{"files": [{"sha256": "%s", "size": NaN}]}' % SHA.encode(),
    ],
)  # fmt: skip
def test_a_check_that_is_none_is_refused(wrong: bytes) -> None:
    assert refusal(lambda: parse_check(wrong)).code == "invalid_request"


def test_s3_takes_up_to_48_8_tib() -> None:
    largest = 10_000 * 5 * GIB

    (content,) = parse_check(body(files=[{"sha256": SHA, "size": largest}]))
    over = refusal(lambda: parse_check(body(files=[{"sha256": SHA, "size": largest + 1}])))

    assert content.size == parts.MAX_SIZE == 53_687_091_200_000
    assert (over.code, over.detail) == (
        "file_too_large",
        "files[0]: size is over 53687091200000 bytes, S3's limit.",
    )


def test_a_size_of_any_number_of_digits_is_too_large() -> None:
    wrong = b'{"files": [{"sha256": "%s", "size": 1%s}]}' % (SHA.encode(), b"0" * 5000)

    assert refusal(lambda: parse_check(wrong)).code == "file_too_large"


def test_a_body_has_a_limit() -> None:
    assert refusal(lambda: parse_check(b" " * (MAX_BODY + 1))).code == "body_too_large"


def test_the_largest_request_is_within_the_limit() -> None:
    files = [{"name": "😀" * 255, "content_type": "a/" + "b" * 253, "sha256": SHA, "size": 1}] * 25

    assert len(parse_create(body(files=files))) == 25


def test_each_file_is_refused_alone() -> None:
    good = {"name": "a", "size": 1, "sha256": SHA}
    files = [good, {**good, "name": "a/b"}, {**good, "name": "\ud800"}, 5, {**good, "size": 2**60}]

    wishes = parse_create(json.dumps({"files": files}).encode())

    assert wishes[0] == UploadRequest(
        NewName(name="a", content_type="application/octet-stream"), Content(SHA, 1)
    )
    assert [wish.code for wish in wishes[1:] if isinstance(wish, Refused)] == [
        "invalid_name",
        "invalid_name",
        "invalid_request",
        "file_too_large",
    ]


def test_parts_that_are_wanted() -> None:
    wanted = [{"number": 1, "sha256": SHA}, {"number": 10_000, "sha256": SHA}]

    assert parse_parts(body(parts=wanted)) == [WantedPart(1, SHA), WantedPart(10_000, SHA)]


@pytest.mark.parametrize("number", [0, -1, 10_001, "1", 1.0, None, True])
def test_a_part_number_is_from_1_to_10000(number: Any) -> None:
    wanted = body(parts=[{"number": number, "sha256": SHA}])

    assert refusal(lambda: parse_parts(wanted)).code == "invalid_request"


def test_at_most_100_parts_are_signed() -> None:
    wanted = body(parts=[{"number": 1, "sha256": SHA}] * 101)

    assert refusal(lambda: parse_parts(wanted)).code == "invalid_request"


def test_a_new_name_or_folder() -> None:
    assert parse_change(body(name="b")) == Change("b")
    assert parse_change(body(folder="a/b", if_exists="fail")) == Change(None, "a/b", "fail")
    assert parse_change(body(folder="", name="b")) == Change("b", "")
    assert refusal(lambda: parse_change(b"{}")).code == "invalid_request"
    assert refusal(lambda: parse_change(body(name="a/b"))).code == "invalid_name"
    assert refusal(lambda: parse_change(body(name="a", if_exists="no"))).code == "invalid_request"


def test_folders() -> None:
    def folder(value: Any) -> Any:
        (request,) = parse_create(
            body(files=[{"name": "a", "size": 1, "sha256": SHA, "folder": value}])
        )
        return request.code if isinstance(request, Refused) else request.name.folder

    for path in ("", "a", "a/b", "Ä/会/ x", "/".join("a" * 32)):
        assert folder(path) == path
    wrong = ("/", "/a", "a/", "a//b", "a/../b", "./a", "a\\b", "a/\n", "/".join("a" * 33), 5, None,
             "a" * 256, "/".join(["a" * 255] * 5))  # fmt: skip
    assert [folder(path) for path in wrong] == ["invalid_name"] * len(wrong)


def test_times_of_modification() -> None:
    def time(value: Any) -> Any:
        (request,) = parse_create(
            body(files=[{"name": "a", "size": 1, "sha256": SHA, "modified_at": value}])
        )
        return request.code if isinstance(request, Refused) else request.name.modified_at

    assert time("2026-11-28T05:00:00Z") == "2026-11-28T05:00:00.000Z"
    assert time("2026-11-28T05:00:00.123456+02:00") == "2026-11-28T03:00:00.123Z"
    assert time("1969-12-31T23:59:59Z") == "1969-12-31T23:59:59.000Z"
    for wrong in ("2026-11-28T05:00:00", "yesterday", 5, None, "", "0001-01-01T00:00:00+14:00"):
        assert time(wrong) == "invalid_request"


def test_pages() -> None:
    file_id = "01ARZ3NDEKTSV4RRFFQ69G5FAV"

    assert Page.parse({}) == Page(50, None)
    assert Page.parse({"limit": "1", "cursor": encode_cursor(file_id)}) == Page(1, file_id)
    assert Page.parse({"cursor": ""}) == Page()


@pytest.mark.parametrize(
    "query",
    [{"limit": "0"}, {"limit": "101"}, {"limit": "x"}, {"cursor": "!"}, {"cursor": "é"},
     {"cursor": encode_cursor("123")}],
)  # fmt: skip
def test_pages_that_are_none_are_refused(query: dict[str, str]) -> None:
    assert refusal(lambda: Page.parse(query)).code == "invalid_request"


# Parts


@pytest.mark.parametrize(
    ("size", "part_size", "count"),
    [
        (0, 0, 1),
        (1, 1, 1),
        (64 * parts.MIB, 64 * parts.MIB, 1),
        (64 * parts.MIB + 1, 8 * parts.MIB, 9),
        (80_000 * parts.MIB, 8 * parts.MIB, 10_000),
        (80_000 * parts.MIB + 1, 9 * parts.MIB, 8_889),
        (5 * 1024 * GIB, 525 * parts.MIB, 9_987),
        (50_000 * GIB - 1, 5 * GIB, 10_000),
        (50_000 * GIB, 5 * GIB, 10_000),
    ],
)
def test_a_file_is_cut_into_parts(size: int, part_size: int, count: int) -> None:
    assert (parts.part_size(size), parts.part_count(size)) == (part_size, count)


@UNHURRIED
@given(st.integers(parts.SINGLE_PUT + 1, parts.MAX_SIZE))
def test_every_size_fits_s3(size: int) -> None:
    part_size, count = parts.part_size(size), parts.part_count(size)

    assert count <= 10_000
    assert part_size * (count - 1) < size <= part_size * count
    assert 5 * parts.MIB <= part_size <= 5 * GIB
    assert part_size % parts.MIB == 0


def test_the_checksum_of_parts_is_as_s3_makes_it() -> None:
    hashes = [hashlib.sha256(part).hexdigest() for part in (b"hello ", b"world")]

    assert parts.composite(hashes) == "Zhie15keHg/OBlOZxcoF/BXCgYZaeimRvdZnwUZqkaQ=-2"
    assert parts.hex_of(parts.base64_of(hashes[0])) == hashes[0]
