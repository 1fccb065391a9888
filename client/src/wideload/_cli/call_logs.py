"""`wideload call-logs`."""

from __future__ import annotations

import sys
from itertools import islice
from typing import Any

import click

from wideload import CallLog
from wideload._cli.exits import LEGEND, complain
from wideload._cli.options import TEXT, connect, connection_options
from wideload._cli.output import echo, is_terminal, print_json, printable, reader_may_leave
from wideload._cli.units import human_size, local_time

_ON_A_TERMINAL = 50
# In this order, with the widths of what the API gives; the last one may be of any length.
_COLUMNS = (
    ("payload_id", "PAYLOAD ID", "<26"),
    ("created_at", "CREATED", "<16"),
    ("state", "STATE", "<6"),
    ("size", "SIZE", ">12"),
    ("records", "RECORDS", ">8"),
    ("call_id", "CALL ID", "<"),
)
# Items of the list never have these.
_NOT_LISTED = ("answer", "summary", "summary_texts", "array_lengths", "document", "document_url")


@click.command("call-logs", epilog=LEGEND)
@connection_options
@click.option("--call-id", type=TEXT, help="Only what was sent of this call.")
@click.option(
    "--after",
    type=TEXT,
    metavar="TIME",
    help="Only what came at TIME or later: 2026-11-22 or 2026-11-22T09:30, in this machine's time "
    "zone, or with one: 2026-11-22T09:30Z.",
)
@click.option("--before", type=TEXT, metavar="TIME", help="Only what came earlier than TIME.")
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    help=f"List so many at most.  [default: {_ON_A_TERMINAL} on a terminal, else all]",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per call log.")
def call_logs(
    call_id: str | None,
    after: str | None,
    before: str | None,
    limit: int | None,
    as_json: bool,
    **connection: Any,
) -> None:
    """List what was sent and is stored or failed, newest first.

    \b
      wideload call-logs --after 2026-11-22
      wideload call-logs --call-id c-1 --json | jq -r .payload_id

    On a terminal it is a table. Elsewhere each call log is a line of seven fields with tabs
    between them and no heading: payload id, time, state, bytes of JSON, records, call id, error
    code.
    """
    on_a_terminal = is_terminal(sys.stdout) and not as_json
    most = limit or (_ON_A_TERMINAL if on_a_terminal else None)
    with connect(**connection) as client, reader_may_leave():
        # One more than is shown tells whether there are more.
        found = client.call_logs(
            call_id=call_id, after=after, before=before, limit=most and most + (limit is None)
        )
        for position, log in enumerate(islice(found, most)):
            if as_json:
                print_json(_members(log))
            elif on_a_terminal:
                if position == 0:
                    echo("  ".join(f"{title:{width}}" for _, title, width in _COLUMNS).rstrip())
                echo(_row(log))
            else:
                echo(_fields(log))
        if limit is None and next(found, None):
            complain(f"the newest {most} are shown: see more with --limit, others with --before")


def _members(log: CallLog) -> dict[str, Any]:
    members = {name: getattr(log, name) for name in log.__slots__ if name not in _NOT_LISTED}
    return {name: value for name, value in members.items() if value is not None}


def _row(log: CallLog) -> str:
    shown = {name: _text(getattr(log, name)) for name, _, _ in _COLUMNS}
    shown["size"] = "-" if log.size is None else human_size(log.size)
    shown["records"] = "-" if log.records is None else f"{log.records:,}"
    shown["created_at"] = local_time(shown["created_at"])
    if log.error_code:
        shown["call_id"] += f"  ({log.error_code})"
    return printable("  ".join(f"{shown[name]:{width}}" for name, _, width in _COLUMNS).rstrip())


def _fields(log: CallLog) -> str:
    values = [*(getattr(log, name) for name, _, _ in _COLUMNS), log.error_code]
    return "\t".join(printable(_text(value)) for value in values)


def _text(value: object) -> str:
    return "" if value is None else str(value)
