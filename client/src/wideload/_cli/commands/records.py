"""`wideload records`."""

from __future__ import annotations

from typing import Any

import click

from wideload._cli.connections import connect
from wideload._cli.exit_status import LEGEND
from wideload._cli.options import TEXT, connection_options
from wideload._cli.output import echo, end_when_reader_leaves, json_text_line


@click.command(epilog=LEGEND)
@click.argument("payload_id", type=TEXT, metavar="ID")
@connection_options
@click.option(
    "--first",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="Number of the first record to print, from 0.",
)
@click.option(
    "--limit", type=click.IntRange(min=1), help="Print at most this many.  [default: all]"
)
def records(payload_id: str, first: int, limit: int | None, **connection: Any) -> None:
    """Print the records of payload ID, one JSON value per line.

    \b
      wideload records ID | head -n 3
      wideload records ID --first 1000 --limit 100 | jq .text

    Records are asked for in pages, as they are printed. To get the whole document, byte for byte,
    this is faster: wideload get ID --document
    """
    with connect(**connection) as client, end_when_reader_leaves():
        for record in client.records(payload_id, first=first, limit=limit, as_text=True):
            echo(json_text_line(record))
