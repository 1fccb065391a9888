"""`wideload send`."""

from __future__ import annotations

import errno
import os
import sys
import uuid
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from wideload import Receipt, WideloadError
from wideload._cli.batch import Batch
from wideload._cli.exits import LEGEND, Interrupted
from wideload._cli.options import TEXT, connect, connection_options
from wideload._cli.output import is_terminal, standard_input
from wideload._cli.progress import Bar
from wideload._cli.units import human_size
from wideload._retry import LONGEST_TIME

_STDIN = "-"
_WAYS = {"inline": "through the API", "s3": "through S3"}


@click.command(epilog=LEGEND)
@click.argument("files", type=TEXT, metavar="FILE…", nargs=-1, required=True)
@connection_options
@click.option(
    "--call-id",
    type=TEXT,
    help="What to record the document under if it has no call_id of its own.",
)
@click.option(
    "--idempotency-key",
    type=TEXT,
    help="Name of this sending: a repetition with the same key stores nothing twice.",
)
@click.option(
    "--wait/--no-wait",
    default=False,
    help="Wait for a large file to be stored; without, 'queued' is success.  [default: no-wait]",
)
@click.option(
    "--wait-timeout",
    type=click.FloatRange(min=0, max=LONGEST_TIME),
    default=600.0,
    show_default=True,
    help="Seconds to wait for that.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per file.")
@click.option("--quiet", "-q", is_flag=True, help="Print no result and no progress, only errors.")
def send(  # noqa: PLR0917 - click passes by name
    files: tuple[str, ...],
    call_id: str | None,
    idempotency_key: str | None,
    wait: bool,
    wait_timeout: float,
    as_json: bool,
    quiet: bool,
    **connection: Any,
) -> None:
    """Send each FILE, one JSON object, gzipped or not. "-" reads standard input.

    \b
      wideload send call.json
      wideload send --wait --json calls/*.json.gz
      make-log | wideload send -

    With --json, each FILE gives one line on standard output: {"file", "payload_id", "state",
    "size", "sha256", "records", "via", "bytes_sent", …}, or {"file", "payload_id", "error":
    {"type", "message", "status", "code", "request_id"}}.
    """
    if len(files) > 1 and (idempotency_key or call_id):
        raise click.UsageError("--idempotency-key and --call-id name one sending: give one FILE")
    if _STDIN in files:
        standard_input()  # refuses one that is closed
    batch = Batch(len(files), "not sent", as_json, quiet)
    with connect(**connection) as client:
        for file in files:
            # Made here rather than by the client, to be told to the user after a Ctrl-C.
            key = idempotency_key or str(uuid.uuid4())
            try:
                _refuse_directory(file)
                with Bar(Path(file).name, wanted=not quiet and is_terminal(sys.stderr)) as bar:
                    receipt = client.send(
                        standard_input() if file == _STDIN else Path(file),
                        call_id=call_id,
                        idempotency_key=key,
                        progress=bar,
                        wait=wait,
                        wait_timeout=wait_timeout,
                    )
            except KeyboardInterrupt:
                raise Interrupted(
                    f"{file} may have been stored or not; to send it again without storing it "
                    f"twice, add --idempotency-key {key}"
                ) from None
            except (WideloadError, OSError) as error:
                if _failed(batch, file, error):
                    batch.stopped()
                    break
            else:
                batch.succeeded(_sentence(file, receipt), _members(file, receipt))
    batch.finish()


def _refuse_directory(file: str) -> None:
    if os.path.isdir(file):
        raise IsADirectoryError(errno.EISDIR, "it is a directory: give the files in it", file)


def _sentence(file: str, receipt: Receipt) -> str:
    size = "" if receipt.size is None else f", {human_size(receipt.size)} of JSON"
    records = "" if receipt.records is None else f", {receipt.records:,} records"
    return (
        f"{file}: {receipt.state} as {receipt.payload_id}{size}{records}, "
        f"{human_size(receipt.bytes_sent)} sent {_WAYS[receipt.via]}"
    )


def _members(file: str, receipt: Receipt) -> dict[str, Any]:
    members = asdict(receipt)
    del members["answer"]
    return {"file": file, **members}


def _failed(batch: Batch, file: str, error: WideloadError | OSError) -> bool:
    payload_id = getattr(error, "payload_id", None)
    known = f" (payload {payload_id})" if payload_id and payload_id not in str(error) else ""
    return batch.failed(file, error, {"file": file, "payload_id": payload_id}, note=known)
