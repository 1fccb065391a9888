"""`wideload records`."""

from __future__ import annotations

from typing import Any

import click

from wideload._cli.exits import LEGEND
from wideload._cli.options import TEXT, connect, connection_options
from wideload._cli.output import echo, json_text_line, reader_may_leave


@click.command(epilog=LEGEND)
@click.argument("payload_id", type=TEXT, metavar="ID")
@connection_options
@click.option(
    "--first",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="Number of the first record wanted, from 0.",
)
@click.option("--limit", type=click.IntRange(min=1), help="Print so many at most.  [default: all]")
def records(payload_id: str, first: int, limit: int | None, **connection: Any) -> None:
    """Print the records of payload ID, one JSON value per line.

    \b
      wideload records ID | head -n 3
      wideload records ID --first 1000 --limit 100 | jq .text

    They come in pages, each asked for when it is needed. The whole document, byte for byte, comes
    faster with: wideload get ID --document
    """
    with connect(**connection) as client, reader_may_leave():
        for record in client.records(payload_id, first=first, limit=limit, as_text=True):
            echo(json_text_line(record))
