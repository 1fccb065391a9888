"""Print a list: a table on a terminal, else lines of fields with tabs, or JSON objects."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, TypeVar

import click

from wideload._cli.messages import print_message
from wideload._cli.output import (
    echo,
    end_when_reader_leaves,
    is_terminal,
    print_json,
    printable,
)

_Item = TypeVar("_Item")

DEFAULT_ON_TERMINAL = 50
LIMIT_ON_TERMINAL = click.option(
    "--limit",
    type=click.IntRange(min=1),
    help=f"List at most this many.  [default: {DEFAULT_ON_TERMINAL} on a terminal, else all]",
)


def print_list(
    ask: Callable[[int | None], Iterator[_Item]],
    *,
    as_json: bool,
    limit: int | None,
    heading: str,
    row: Callable[[_Item], str],
    fields: Callable[[_Item], Sequence[object]],
    members: Callable[[_Item], Mapping[str, Any]],
    default_limit: int | None = None,
    more: str = "",
) -> None:
    """Print items as they come.

    Args:
        ask: Called with the number of items at most; gives them.
        row: A line of the table.
        fields: What a line holds where standard output isn't a terminal; None is empty.
        members: Of the JSON object.
        default_limit: On a terminal. Default: all.
        more: Printed if there are more than `default_limit`.
    """
    table = is_terminal(sys.stdout) and not as_json
    most = limit or (default_limit if table else None)
    with end_when_reader_leaves():
        # One more than is printed shows whether there are more.
        items = ask(most and most + (limit is None))
        for position, item in enumerate(islice(items, most)):
            if as_json:
                print_json(members(item))
            elif table:
                if position == 0:
                    echo(heading)
                echo(printable(row(item)))
            else:
                texts = ("" if value is None else str(value) for value in fields(item))
                echo("\t".join(map(printable, texts)))
        if most and limit is None and next(items, None):
            print_message(more)
