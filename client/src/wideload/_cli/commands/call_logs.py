"""`wideload call-logs`."""

from __future__ import annotations

from typing import Any

import click

from wideload import CallLog
from wideload._cli.connections import connect
from wideload._cli.exit_status import LEGEND
from wideload._cli.formatting import human_size, local_time
from wideload._cli.listing import DEFAULT_ON_TERMINAL, LIMIT_ON_TERMINAL, print_list
from wideload._cli.options import TEXT, connection_options, json_option

# The widths fit the API's values; only the last column may be of any length.
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
@click.option("--call-id", type=TEXT, help="Only payloads of this call.")
@click.option(
    "--after",
    type=TEXT,
    metavar="TIME",
    help="Only payloads created at TIME or later: 2026-11-22 or 2026-11-22T09:30, in this "
    "machine's time zone, or with one: 2026-11-22T09:30Z.",
)
@click.option("--before", type=TEXT, metavar="TIME", help="Only payloads created before TIME.")
@LIMIT_ON_TERMINAL
@json_option("one JSON object per call log")
def call_logs(
    call_id: str | None,
    after: str | None,
    before: str | None,
    limit: int | None,
    as_json: bool,
    **connection: Any,
) -> None:
    """List the payloads that are stored or failed, newest first.

    \b
      wideload call-logs --after 2026-11-22
      wideload call-logs --call-id c-1 --json | jq -r .payload_id

    On a terminal it is a table. Elsewhere each call log is a line of seven fields with tabs
    between them and no heading: payload id, time, state, bytes of JSON, records, call id, error
    code.
    """
    with connect(**connection) as client:
        print_list(
            lambda most: client.call_logs(call_id=call_id, after=after, before=before, limit=most),
            as_json=as_json,
            limit=limit,
            heading="  ".join(f"{title:{width}}" for _, title, width in _COLUMNS).rstrip(),
            row=_row,
            fields=lambda log: [*(getattr(log, name) for name, _, _ in _COLUMNS), log.error_code],
            members=_members,
            default_limit=DEFAULT_ON_TERMINAL,
            more=f"the newest {DEFAULT_ON_TERMINAL} are shown: see more with --limit, others with "
            "--before",
        )


def _row(log: CallLog) -> str:
    shown = {name: str(getattr(log, name) or "") for name, _, _ in _COLUMNS}
    shown["size"] = "-" if log.size is None else human_size(log.size)
    shown["records"] = "-" if log.records is None else f"{log.records:,}"
    shown["created_at"] = local_time(shown["created_at"])
    if log.error_code:
        shown["call_id"] += f"  ({log.error_code})"
    return "  ".join(f"{shown[name]:{width}}" for name, _, width in _COLUMNS).rstrip()


def _members(log: CallLog) -> dict[str, Any]:
    members = {name: getattr(log, name) for name in log.__slots__ if name not in _NOT_LISTED}
    return {name: value for name, value in members.items() if value is not None}
