"""`wideload get`."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, cast

import click

from wideload import CallLog
from wideload._cli.bars import Bars
from wideload._cli.connections import connect
from wideload._cli.exit_status import LEGEND, Interrupted
from wideload._cli.formatting import human_size, human_time
from wideload._cli.options import QUIET, TEXT, connection_options, json_option
from wideload._cli.output import (
    check_standard_output,
    echo,
    is_standard_output,
    json_text_line,
    print_json,
    printable,
    standard_output,
)
from wideload._cli.results import print_result
from wideload._files.target import opened_stream, permissions_for

# --document gives the document, and its URL is a secret.
_NOT_SHOWN = ("answer", "summary", "summary_texts", "document", "document_url", "document_encoding")


@click.command(epilog=LEGEND)
@click.argument("payload_id", type=TEXT, metavar="ID")
@connection_options
@click.option("--document", is_flag=True, help="Get the document itself, byte for byte.")
@click.option(
    "--output",
    "-o",
    type=TEXT,
    metavar="FILE",
    help="With --document: write to FILE, and replace it when all is there; - is standard output.",
)
@json_option("the record as one JSON object")
@QUIET
def get(
    payload_id: str,
    document: bool,
    output: str | None,
    as_json: bool,
    quiet: bool,
    **connection: Any,
) -> None:
    """Show the record of payload ID, or get its document.

    \b
      wideload get ID
      wideload get ID --document -o call.json
      wideload get ID --document | jq .summary
    """
    if document and as_json:
        raise click.UsageError("--document and --json exclude each other")
    if output and not document:
        raise click.UsageError("--output needs --document")
    if quiet and not document:
        raise click.UsageError("--quiet needs --document")
    path = Path(output) if output and not is_standard_output(output) else None
    if document and path is None:
        check_standard_output()
    with connect(**connection) as client:
        if not document:
            _show(client.get(payload_id), as_json=as_json)
            return
        started = time.monotonic()
        with Bars([payload_id], [None], verb="downloading", wanted=not quiet) as bars:

            def fetch(file: IO[bytes]) -> CallLog:
                return client.document_to(payload_id, cast("IO[bytes]", _Counted(file, bars)))

            log = _write(fetch, path) if path else _write_standard_output(fetch)
    if path:
        seconds = human_time(time.monotonic() - started)
        print_result(
            f"{path}: {human_size(log.size or 0)} in {seconds}", {}, as_json=False, quiet=quiet
        )


def _show(log: CallLog, *, as_json: bool) -> None:
    members = {
        name: getattr(log, name)
        for name in log.__slots__
        if name not in _NOT_SHOWN and getattr(log, name) is not None
    }
    # The API's JSON text: a Python float would lose digits.
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


def _write_standard_output(fetch: Callable[[IO[bytes]], CallLog]) -> CallLog:
    try:
        with standard_output() as stream:
            return fetch(stream)
    except KeyboardInterrupt:
        raise Interrupted("Standard output has got a part of the document") from None


def _write(fetch: Callable[[IO[bytes]], CallLog], path: Path) -> CallLog:
    """Write to a device, or beside `path` and rename: it never holds a part of a document."""
    if device := opened_stream(path):
        with device:
            return fetch(cast("IO[bytes]", device))
    if path.is_dir():
        raise click.UsageError(f"--output {path} is a directory: give a file name")
    if not path.parent.is_dir():
        raise click.UsageError(f"--output {path}: there is no directory {path.parent}")
    target = Path(os.path.realpath(path))  # the target of a link is replaced, not the link
    part = tempfile.NamedTemporaryFile(  # noqa: SIM115 - closed before it is renamed
        dir=target.parent, prefix=f".{target.name}.", suffix=".part", delete=False
    )
    try:
        with part:
            log = fetch(cast("IO[bytes]", part))
        os.chmod(part.name, permissions_for(target))  # NamedTemporaryFile makes it 0600
        os.replace(part.name, target)
    except BaseException as error:
        with suppress(OSError):
            os.unlink(part.name)
        if isinstance(error, KeyboardInterrupt):
            raise Interrupted(f"{path} was not written") from None
        raise
    return log


class _Counted:
    """A file whose written bytes a bar shows."""

    def __init__(self, file: IO[bytes], bars: Bars) -> None:
        self._file = file
        self._bars = bars
        self._done = 0

    def write(self, block: bytes) -> None:
        self._file.write(block)
        self._done += len(block)
        self._bars.transferring(0, self._done, None)
