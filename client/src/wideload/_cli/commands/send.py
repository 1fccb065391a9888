"""`wideload send`."""

from __future__ import annotations

import uuid
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import click

from wideload import Receipt
from wideload._cli.bars import Bars
from wideload._cli.batch import Batch, Report, distinct, one_by_one
from wideload._cli.connections import connect
from wideload._cli.exit_status import BATCH_LEGEND
from wideload._cli.formatting import human_size
from wideload._cli.local_files import STDIN, refuse_directory
from wideload._cli.options import QUIET, TEXT, connection_options, json_option
from wideload._cli.output import standard_input
from wideload._retry import LONGEST_TIME

_VIA = {"inline": "through the API", "s3": "through S3"}


@click.command(epilog=BATCH_LEGEND)
@click.argument("files", type=TEXT, metavar="FILE…", nargs=-1, required=True)
@connection_options
@click.option(
    "--call-id",
    type=TEXT,
    help="Call ID to record a document under if it has no call_id of its own.",
)
@click.option(
    "--idempotency-key",
    type=TEXT,
    help="Sending again with the same key stores nothing twice.  [default: a new one per FILE]",
)
@click.option(
    "--wait/--no-wait",
    default=False,
    help="Wait until a large file is stored; without, 'queued' is success.  [default: no-wait]",
)
@click.option(
    "--wait-timeout",
    type=click.FloatRange(min=0, max=LONGEST_TIME),
    default=600.0,
    show_default=True,
    help="Longest wait for that, in seconds.",
)
@json_option("one JSON object per file")
@QUIET
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
    "size", "sha256", "records", "via", "bytes_sent", "idempotency_key", …}, or {"file",
    "payload_id", "idempotency_key", "error": {"type", "message", "status", "code",
    "request_id"}}.
    """
    paths = distinct(files)
    if len(paths) > 1 and (idempotency_key or call_id):
        raise click.UsageError("--idempotency-key and --call-id are for one file: give one FILE")
    if STDIN in paths:
        standard_input()  # refuses one that is closed
    # Made here rather than by the client, so that it can be shown after a Ctrl-C.
    keys = {path: idempotency_key or str(uuid.uuid4()) for path in paths}
    batch = _Sendings(keys, as_json=as_json, quiet=quiet)
    with (
        connect(**connection) as client,
        # The sizes that go over the network are known when the files have been compressed.
        Bars(paths, [None] * len(paths), verb="sending", wanted=not quiet) as bars,
    ):

        def send_one(index: int, path: str) -> Receipt:
            refuse_directory(path, "give the files in it")
            return client.send(
                standard_input() if path == STDIN else Path(path),
                call_id=call_id,
                idempotency_key=keys[path],
                progress=partial(bars.transferring, index),
                wait=wait,
                wait_timeout=wait_timeout,
            )

        batch.run(one_by_one(paths, send_one), bars=bars)
    batch.finish()


class _Sendings(Batch[Receipt]):
    """Files that are sent.

    Args:
        keys: The idempotency key of each file.
    """

    item_member = "file"
    done = "sent"

    def __init__(self, keys: dict[str, str], *, as_json: bool, quiet: bool) -> None:
        super().__init__(list(keys), as_json=as_json, quiet=quiet)
        self._keys = keys

    def report(self, item: str, result: Receipt) -> Report:
        members = asdict(result)
        del members["answer"]
        return Report(
            f"{item}: {_sentence(result)}",
            {"file": item, **members},
            outcome=result.state,
            transferred=result.bytes_sent,
        )

    def failure_members(self, item: str, error: Exception) -> dict[str, Any]:
        payload_id = getattr(error, "payload_id", None)
        return {"payload_id": payload_id, "idempotency_key": self._keys[item]}

    def note(self, error: Exception) -> str:
        payload_id = getattr(error, "payload_id", None)
        return f" (payload {payload_id})" if payload_id and payload_id not in str(error) else ""

    def how_to_go_on(self) -> str:
        for path in self.interrupted:
            return (
                f"{path} may have been stored or not; to send it again without storing it twice, "
                f"add --idempotency-key {self._keys[path]}"
            )
        return "The others were not sent"


def _sentence(receipt: Receipt) -> str:
    size = "" if receipt.size is None else f", {human_size(receipt.size)} of JSON"
    records = "" if receipt.records is None else f", {receipt.records:,} records"
    return (
        f"{receipt.state} as {receipt.payload_id}{size}{records}, "
        f"{human_size(receipt.bytes_sent)} sent {_VIA[receipt.via]}"
    )
