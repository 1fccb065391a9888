"""Cut records out of JSON text, without changing theirs."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import suppress

from wideload_runtime.core.ingest.json_scan import JsonScanner

# Only the ends of values are needed, so no number is too long or too large.
_JSON = json.JSONDecoder(parse_int=bool, parse_float=bool)
_BETWEEN = re.compile(r"[ \t\r\n,]*+")


def records_of(document: bytes, records_field: str) -> tuple[bytes, int]:
    """Return `record,record,…` of a small document, and the number of records."""
    scanner = JsonScanner([document], records_field=records_field)
    text = b"".join(run.data for run in scanner.runs() if run.inside)
    return text, scanner.records


def cut(text: bytes, first: int, limit: int, max_size: int) -> tuple[bytes, int]:
    """Return some records of `record,record,…` as a JSON array, and their number.

    None if the first record is too large, nested too deep for Python's parser, or no JSON, as in
    an archive of an earlier version. Takes about a microsecond for each record up to the
    last one.

    Args:
        first: Number of the first one in this text, from 0.
        limit: Most records to return.
        max_size: Bytes that they may have together.
    """
    start = end = count = 0
    with suppress(RecursionError, json.JSONDecodeError):
        for number, (begin, stop) in enumerate(_ends(text)):
            if number == first:
                start = end = begin
            if number >= first:
                if count == limit or stop - start > max_size:
                    break
                end = stop
                count += 1
    return b"[%b]" % text[start:end], count


def _ends(text: bytes) -> Iterator[tuple[int, int]]:
    """Yield where each record starts and ends."""
    # One character for each byte: other characters than ASCII occur only in strings.
    characters = text.decode("latin-1")
    between, decode = _BETWEEN.match, _JSON.raw_decode
    end = 0
    while (start := between(characters, end).end()) < len(characters):  # type: ignore[union-attr]
        _, end = decode(characters, start)
        yield start, end
