"""`wideload delete`."""

from __future__ import annotations

import sys
from typing import Any

import click
import orjson

from wideload import NotFoundError, WideloadError
from wideload._api import checked_payload_id
from wideload._cli.exits import (
    LEGEND,
    OK,
    REFUSED,
    Failed,
    Interrupted,
    complain,
    describe,
    sentence,
    status_of,
)
from wideload._cli.options import connect, connection_options


@click.command(epilog=LEGEND)
@click.argument("payload_ids", metavar="ID…", nargs=-1, required=True)
@connection_options
@click.option("--yes", "-y", is_flag=True, help="Don't ask.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per ID.")
@click.option("--quiet", "-q", is_flag=True, help="Print no result, only errors.")
def delete(
    payload_ids: tuple[str, ...], yes: bool, as_json: bool, quiet: bool, **connection: Any
) -> None:
    """Delete each payload ID for good: its record and its document.

    \b
      wideload delete ID
      wideload call-logs --call-id c-1 | cut -f1 | xargs wideload delete --yes

    On a terminal it asks once before it deletes; in a script it doesn't.

    With --json, each ID gives one line on standard output: {"payload_id", "deleted": true}, or
    {"payload_id", "error": {"type", "message", "status", "code", "request_id"}}. An ID that is
    unknown doesn't keep the others from being deleted; any other trouble does.
    """
    ids = list(dict.fromkeys(map(checked_payload_id, payload_ids)))
    worst = OK
    with connect(**connection) as client:
        if not yes and sys.stdin.isatty() and not _agreed(ids):
            complain("nothing was deleted")
            raise Failed(REFUSED)
        for position, payload_id in enumerate(ids):
            left = len(ids) - position - 1
            try:
                client.delete(payload_id)
            except KeyboardInterrupt:
                others = f"; {left} more were not deleted" if left else ""
                raise Interrupted(
                    f"{payload_id} may have been deleted or not{others}; deleting again is safe"
                ) from None
            except WideloadError as error:
                if as_json:
                    _print_json({"payload_id": payload_id, "error": describe(error)})
                complain(f"{payload_id}: {sentence(error)}")
                worst = max(worst, status_of(error))
                # Without a code it isn't the payload that is unknown, but the API.
                if left and not (isinstance(error, NotFoundError) and error.code):
                    complain(f"stopped: {left} more not deleted")
                    break
            else:
                if as_json:
                    _print_json({"payload_id": payload_id, "deleted": True})
                elif not quiet:
                    click.echo(f"{payload_id}: deleted")
    if worst != OK:
        raise Failed(worst)


def _agreed(ids: list[str]) -> bool:
    what = f"payload {ids[0]}" if len(ids) == 1 else f"{len(ids)} payloads"
    return click.confirm(f"Delete {what} for good?", err=True)


def _print_json(members: dict[str, Any]) -> None:
    click.echo(orjson.dumps(members).decode())
