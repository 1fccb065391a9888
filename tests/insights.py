"""CloudWatch Logs Insights, as far as the saved queries use it: the embedded cloud has none.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CWL_QuerySyntax.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from itertools import groupby
from typing import Any

Row = dict[str, Any]

_TOKEN = re.compile(r'\s*("[^"]*"|[@\w.]+|>=|<=|[=<>()\[\],*])')


def event(message: str, *, log: str = "", timestamp: int = 0) -> Row:
    """A log event with the fields that Insights discovers in JSON, those of objects with dots."""
    known: Row = {"@timestamp": timestamp, "@message": message, "@log": log}
    try:
        parsed = json.loads(message)
    except json.JSONDecodeError:
        return known
    return {**known, **dict(_flat(parsed, ""))}


def ask(query: str, events: Iterable[Row]) -> list[Row]:
    """The rows that a query shows, with the fields that are present."""
    rows = list(events)
    shown: list[str] = []
    for command in query.split("\n| "):
        name, _, rest = command.partition(" ")
        match name:
            case "fields":
                shown = [field.strip() for field in rest.split(",")]
            case "filter":
                holds = _condition(_tokens(rest))
                rows = [row for row in rows if holds(row)]
            case "sort":
                field, direction = rest.split()
                rows.sort(key=lambda row, by=field: row[by], reverse=direction == "desc")
            case "limit":
                rows = rows[: int(rest)]
            case "stats":
                rows, shown = _stats(rest, rows), []
            case _:
                raise ValueError(f"the command {name} is not understood here")
    if shown:
        rows = [{field: row[field] for field in shown if field in row} for row in rows]
    return rows


def _flat(value: Any, prefix: str) -> Iterator[tuple[str, Any]]:
    if not isinstance(value, dict):
        yield prefix.removesuffix("."), value
        return
    for name, inner in value.items():
        yield from _flat(inner, f"{prefix}{name}.")


def _tokens(text: str) -> list[str]:
    found = _TOKEN.findall(text)
    assert "".join(found) == re.sub(r'\s+(?=(?:[^"]*"[^"]*")*[^"]*$)', "", text), text
    return list(found)


def _condition(tokens: list[str]) -> Callable[[Row], bool]:
    """Comparisons joined by `or`: the saved queries need no more."""
    tests = []
    while tokens:
        tests.append(_comparison(tokens))
        if tokens:
            assert tokens.pop(0) == "or", tokens
    return lambda row: any(test(row) for test in tests)


def _comparison(tokens: list[str]) -> Callable[[Row], bool]:
    first = tokens.pop(0)
    if first == "ispresent":
        field = tokens[1]
        assert [tokens.pop(0) for _ in range(3)] == ["(", field, ")"]
        return lambda row: field in row
    operator, value = tokens.pop(0), tokens.pop(0)
    if operator == "in":
        values = []
        while value != "]":
            value = tokens.pop(0)
            if value.startswith('"'):
                values.append(_literal(value))
        return lambda row: row.get(first) in values
    wanted = _literal(value)
    match operator:
        case "=":
            return lambda row: bool(row.get(first) == wanted)
        case "like":
            return lambda row: str(wanted) in str(row.get(first, ""))
        case ">=":
            return lambda row: first in row and row[first] >= wanted
        case _:
            raise ValueError(f"the operator {operator} is not understood here")


def _literal(token: str) -> str | int:
    return token[1:-1] if token.startswith('"') else int(token)


def _stats(text: str, rows: list[Row]) -> list[Row]:
    """`count(*)`, `latest(field)` and `max(field)`, by fields."""
    columns, _, fields = text.partition(" by ")
    by = [field.strip() for field in fields.split(",")]

    def key(row: Row) -> list[str]:
        return [str(row.get(field, "")) for field in by]

    found = []
    for _, group in groupby(sorted(rows, key=key), key=key):
        members = sorted(group, key=lambda row: row["@timestamp"])
        line = {field: members[0].get(field) for field in by}
        for column in columns.split(", "):
            function, _, name = column.partition(" as ")
            if function == "count(*)":
                line[name] = len(members)
            else:
                called = re.fullmatch(r"(latest|max)\(([@\w]+)\)", function)
                assert called, function
                values = [member.get(called[2]) for member in members]
                line[name] = values[-1] if called[1] == "latest" else max(values)
        found.append(line)
    return found
