"""`wideload get`."""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, cast

import click

from wideload import CallLog, Client
from wideload._cli.exits import LEGEND, Interrupted
from wideload._cli.options import TEXT, connect, connection_options
from wideload._cli.output import (
    echo,
    is_standard_output,
    json_text_line,
    print_json,
    printable,
    standard_output,
)
from wideload._files.target import opened_stream, permissions_for

# The document has a way of its own out, and its URL is a secret.
_NOT_SHOWN = ("answer", "summary", "summary_texts", "document", "document_url", "document_encoding")


@click.command(epilog=LEGEND)
@click.argument("payload_id", type=TEXT, metavar="ID")
@connection_options
@click.option("--document", is_flag=True, help="Give the document itself, byte for byte.")
@click.option(
    "--output",
    "-o",
    type=TEXT,
    metavar="FILE",
    help="With --document: write to FILE, whole or not at all; - is standard output.",
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
        elif output and not is_standard_output(output):
            _save(client, payload_id, Path(output))
        else:
            with standard_output() as stream:
                client.document_to(payload_id, stream)


def _show(log: CallLog, *, as_json: bool) -> None:
    members = {
        name: getattr(log, name)
        for name in log.__slots__
        if name not in _NOT_SHOWN and getattr(log, name) is not None
    }
    # As the API spells them: a float has fewer digits than a number may have.
    summary = {name: json_text_line(text) for name, text in log.summary_texts.items()}
    if as_json:
        print_json(members, summary=summary)
        return
    lengths = members.pop("array_lengths")
    width = max(map(len, members))
    for name, value in members.items():
        echo(printable(f"{name:{width}}  {value}"))
    for name, value in summary.items():
        echo(printable(f"summary.{name}: {value}"))
    for name, length in lengths.items():
        echo(printable(f"summary.{name}: {length:,} elements"))


def _save(client: Client, payload_id: str, path: Path) -> None:
    """Write beside `path` and rename, so that no half of a document ever stands there."""
    if device := opened_stream(path):
        with device:
            client.document_to(payload_id, cast("IO[bytes]", device))
        return
    if path.is_dir():
        raise click.UsageError(f"--output {path} is a directory: give a file name")
    if not path.parent.is_dir():
        raise click.UsageError(f"--output {path}: there is no directory {path.parent}")
    path = Path(os.path.realpath(path))  # what a link leads to is replaced, not the link
    part = tempfile.NamedTemporaryFile(  # noqa: SIM115 - renamed, not closed away
        dir=path.parent, prefix=f".{path.name}.", suffix=".part", delete=False
    )
    try:
        with part:
            client.document_to(payload_id, part)
        os.chmod(part.name, permissions_for(path))  # NamedTemporaryFile makes it 0600
        os.replace(part.name, path)
    except BaseException as error:
        with suppress(OSError):
            os.unlink(part.name)
        if isinstance(error, KeyboardInterrupt):
            raise Interrupted(f"{path} was not written") from None
        raise
