"""Find where a piece of JSON may be cut, and which brackets are open there.

A regular expression passes over strings, and the brackets that are left are matched by taking out
pairs, so that Python takes no step per character, string or bracket. For invalid JSON the result
is arbitrary: callers check each piece with a parser.
"""

from __future__ import annotations

import re
from array import array
from itertools import accumulate

OPENERS = b"{["

_STRING = rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"'
# A member's name and its string value are one step, so that the text before the last step ends with
# a bracket or comma.
_STRINGS = re.compile(
    rb"(?:([^\"]*+)%b(?:[ \t\r\n]*+:[ \t\r\n]*+%b)?+)*+" % (_STRING, _STRING), re.DOTALL
)
_OUTSIDE_STRINGS = re.compile(rb'(?:%b[^"{}\[\]]*+)*+([^"]++|\Z)' % _STRING, re.DOTALL)
_BREAKS = (b",", b"]", b"}", b"[", b"{")
_NO_BRACKET = bytes(set(range(256)) - set(b"{}[]"))
_RUN = re.compile(rb"[{\[]+|[}\]]+")
_TO_CLOSERS = bytes.maketrans(b"{[", b"}]")
_TO_STEPS = bytes.maketrans(b"{[}]", b"\x01\x01\xff\xff")  # as signed bytes: 1 and -1


def last_break(buffer: bytes, start: int, limit: int) -> int:
    """Return the last place before `limit` where a container may be cut; `start` if there is none.

    It is before a comma or after a bracket, outside strings.
    """
    strings = _STRINGS.match(buffer, start, limit)
    after = strings.end() if strings else start
    quote = buffer.find(b'"', after, limit)
    found = _last_of_breaks(buffer, after, limit if quote < 0 else quote)
    if found < 0 and strings and strings.start(1) >= 0:
        # Only a number or space follows the last string: look before it and its name.
        found = _last_of_breaks(buffer, *strings.span(1))
        if found < 0 and strings.start(1) > start:
            return after  # adjacent strings are no JSON, as the caller's parser finds
    if found < 0:
        return start
    return found if buffer[found] == ord(",") else found + 1


def _last_of_breaks(buffer: bytes, start: int, end: int) -> int:
    return max(buffer.rfind(mark, start, end) for mark in _BREAKS)


def brackets(piece: bytes) -> bytes:
    """Return the brackets of a piece, outside of its strings, which must be whole."""
    found = piece.translate(None, _NO_BRACKET)
    if not found or b'"' not in piece:
        return found
    return b"".join(_OUTSIDE_STRINGS.findall(piece)).translate(None, _NO_BRACKET)


def nested(now_open: bytes, found: bytes) -> bytes | None:
    """Return the opening brackets, outermost first, that are open after the `found` ones.

    Returns:
        None if all are closed, or one is closed by a bracket of the other kind.
    """
    while True:
        fewer = found.replace(b"[]", b"").replace(b"{}", b"")
        if len(fewer) * 8 >= len(found) * 7:  # deep chains shrink too slowly by this
            break
        found = fewer
    levels = bytearray(now_open)
    for run in _RUN.findall(fewer):
        if run[0] in OPENERS:
            levels += run
            continue
        if closers(levels[-len(run) :]) != run:
            return None
        del levels[-len(run) :]
        if not levels:
            return None
    return bytes(levels)


def closers(now_open: bytes | bytearray) -> bytes:
    """Return the brackets that close the opening ones, innermost first."""
    return bytes(now_open[::-1]).translate(_TO_CLOSERS)


def closed_by(found: bytes, levels: int) -> int:
    """Return which of the brackets, counted from 1, closes the outermost of so many open levels.

    Returns:
        0 if none does.
    """
    try:
        return _levels(found, levels).index(0)
    except ValueError:
        return 0


def first_left_open(found: bytes) -> int:
    """Return which of the brackets, counted from 1, is the first that is not closed."""
    levels = _levels(found, 0)
    return len(levels) - levels[::-1].index(0)


def _levels(found: bytes, before: int) -> list[int]:
    """Return the number of open levels before and after each bracket."""
    return list(accumulate(array("b", found.translate(_TO_STEPS)), initial=before))


def nth_bracket(buffer: bytes, start: int, number: int) -> int:
    """Return the place after the bracket of this number, from `start` on, outside strings."""
    step = rb'(?:[^"{}\[\]]*+(?:%b[^"{}\[\]]*+)*+[{}\[\]]){%d}' % (_STRING, number)
    found = re.compile(step, re.DOTALL).match(buffer, start)
    assert found is not None  # noqa: S101 - the caller has counted them
    return found.end()
