"""`wideload send`."""

from __future__ import annotations

import os
import sys
import uuid
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from wideload import DocumentError, PayloadRefusedError, Receipt, WideloadError
from wideload._cli.exits import (
    LEGEND,
    OK,
    Failed,
    Interrupted,
    complain,
    describe,
    sentence,
    status_of,
)
from wideload._cli.options import connect, connection_options
from wideload._cli.output import megabytes, print_json
from wideload._cli.progress import Bar

_STDIN = "-"
_WAYS = {"inline": "through the API", "s3": "through S3"}


@click.command(epilog=LEGEND)
@click.argument("files", metavar="FILE…", nargs=-1, required=True)
@connection_options
@click.option("--call-id", help="What to record the upload under until the file has been read.")
@click.option(
    "--idempotency-key",
    help="Name of this sending: a repetition with the same key stores nothing twice.",
)
@click.option(
    "--wait/--no-wait",
    default=False,
    help="Wait for a large file to be stored; without, 'queued' is success.  [default: no-wait]",
)
@click.option(
    "--wait-timeout",
    type=click.FloatRange(min=0),
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
    {"type", "message", "status", "code", "request_id"}}. A FILE that is refused doesn't keep the
    others from being sent; trouble with the key, the network or the service does.
    """
    if len(files) > 1 and (idempotency_key or call_id):
        raise click.UsageError("--idempotency-key and --call-id name one sending: give one FILE")
    for file in files:
        _check_readable(file)
    worst = OK
    with connect(**connection) as client:
        for position, file in enumerate(files):
            # Made here rather than by the client, to be told to the user after a Ctrl-C.
            key = idempotency_key or str(uuid.uuid4())
            try:
                with Bar(Path(file).name, wanted=not quiet and sys.stderr.isatty()) as bar:
                    receipt = client.send(
                        sys.stdin.buffer if file == _STDIN else Path(file),
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
                _report_failure(file, error, as_json=as_json)
                worst = max(worst, status_of(error))
                left = len(files) - position - 1
                if left and not _concerns_this_file_alone(error):
                    complain(f"stopped: {left} more not sent")
                    break
            else:
                _report(file, receipt, as_json=as_json, quiet=quiet)
    if worst != OK:
        raise Failed(worst)


def _check_readable(file: str) -> None:
    """Refuse before anything is sent what can't be read.

    Looks without opening: a named pipe can be opened only once.
    """
    if file == _STDIN:
        return
    path = Path(file)
    if path.is_dir():
        raise click.UsageError(f"{file} is a directory: give the files in it")
    if not path.exists():
        raise click.UsageError(f"{file}: no such file")
    if not os.access(path, os.R_OK):
        raise click.UsageError(f"{file} can't be read: permission denied")


def _concerns_this_file_alone(error: Exception) -> bool:
    own = (DocumentError, PayloadRefusedError, OSError)
    return isinstance(error, own) and not isinstance(error, TimeoutError)


def _report(file: str, receipt: Receipt, *, as_json: bool, quiet: bool) -> None:
    if as_json:
        members = asdict(receipt)
        del members["answer"]
        print_json({"file": file, **members})
    elif not quiet:
        size = "" if receipt.size is None else f", {megabytes(receipt.size)} of JSON"
        records = "" if receipt.records is None else f", {receipt.records:,} records"
        click.echo(
            f"{file}: {receipt.state} as {receipt.payload_id}{size}{records}, "
            f"{megabytes(receipt.bytes_sent)} sent {_WAYS[receipt.via]}"
        )


def _report_failure(file: str, error: Exception, *, as_json: bool) -> None:
    payload_id = getattr(error, "payload_id", None)
    if as_json:
        print_json({"file": file, "payload_id": payload_id, "error": describe(error)})
    known = f" (payload {payload_id})" if payload_id and payload_id not in str(error) else ""
    complain(f"{file}: {sentence(error)}{known}")
