"""`wideload get`."""

from __future__ import annotations

import os
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import click
import orjson

from wideload import CallLog, Client
from wideload._cli.exits import LEGEND, Interrupted, printable
from wideload._cli.options import connect, connection_options

# The document has a way of its own out, and its URL is a secret.
_NOT_SHOWN = ("answer", "document", "document_url", "document_encoding")


@click.command(epilog=LEGEND)
@click.argument("payload_id", metavar="ID")
@connection_options
@click.option("--document", is_flag=True, help="Give the document itself, byte for byte.")
@click.option(
    "--output", "-o", metavar="FILE", help="With --document: write to FILE, whole or not at all."
)
@click.option("--json", "as_json", is_flag=True, help="Print the record as one JSON object.")
def get(
    payload_id: str, document: bool, output: str | None, as_json: bool, **connection: Any
) -> None:
    """Show what is recorded of payload ID, or get its document.

    \b
      wideload get ID
      wideload get ID --document -o call.json
      wideload get ID --document | jq .summary
    """
    if document and as_json:
        raise click.UsageError("--document and --json exclude each other")
    if output and not document:
        raise click.UsageError("--output needs --document")
    with connect(**connection) as client:
        if not document:
            _show(client.get(payload_id), as_json=as_json)
        elif output and output != "-":
            _save(client, payload_id, Path(output))
        else:
            client.document_to(payload_id, sys.stdout.buffer)
            sys.stdout.buffer.flush()


def _show(log: CallLog, *, as_json: bool) -> None:
    members = {
        name: getattr(log, name)
        for name in log.__slots__
        if name not in _NOT_SHOWN and getattr(log, name) is not None
    }
    if as_json:
        click.echo(orjson.dumps(members).decode())
        return
    summary, lengths = members.pop("summary"), members.pop("array_lengths")
    width = max(map(len, members))
    for name, value in members.items():
        click.echo(printable(f"{name:{width}}  {value}"))
    for name, value in summary.items():
        click.echo(printable(f"summary.{name}: {orjson.dumps(value).decode()}"))
    for name, length in lengths.items():
        click.echo(printable(f"summary.{name}: {length:,} elements"))


def _save(client: Client, payload_id: str, path: Path) -> None:
    """Write beside `path` and rename, so that no half of a document ever stands there."""
    if path.is_dir():
        raise click.UsageError(f"--output {path} is a directory: give a file name")
    if not path.parent.is_dir():
        raise click.UsageError(f"--output {path}: there is no directory {path.parent}")
    part = tempfile.NamedTemporaryFile(  # noqa: SIM115 - renamed, not closed away
        dir=path.parent, prefix=f".{path.name}.", suffix=".part", delete=False
    )
    try:
        with part:
            client.document_to(payload_id, part)
        # NamedTemporaryFile makes it 0600; give it what a new file would have got.
        mask = os.umask(0)
        os.umask(mask)
        os.chmod(part.name, 0o666 & ~mask)
        os.replace(part.name, path)
    except BaseException as error:
        with suppress(OSError):
            os.unlink(part.name)
        if isinstance(error, KeyboardInterrupt):
            raise Interrupted(f"{path} was not written") from None
        raise
