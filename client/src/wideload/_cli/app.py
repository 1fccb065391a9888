"""The command line: its group, and what becomes of errors."""

from __future__ import annotations

from collections.abc import Sequence

import click

from wideload import WideloadError, __version__
from wideload._cli.call_logs import call_logs
from wideload._cli.delete import delete
from wideload._cli.exits import (
    INTERRUPTED,
    LEGEND,
    OK,
    REFUSED,
    USAGE,
    Failed,
    Interrupted,
    complain,
    sentence,
    status_of,
)
from wideload._cli.get import get
from wideload._cli.output import leave_standard_output
from wideload._cli.records import records
from wideload._cli.send import send


@click.group(
    epilog=LEGEND,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(__version__, message="wideload %(version)s")
@click.pass_context
def wideload(context: click.Context) -> None:
    """Send JSON documents of any size to a Wideload deployment.

    \b
      export WIDELOAD_URL=https://abc123.execute-api.eu-west-1.amazonaws.com
      export WIDELOAD_API_KEY=wl_…
      wideload send call.json
      wideload get PAYLOAD_ID --document -o call.json
      wideload call-logs --call-id c-1
    """
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


for _command in (send, get, call_logs, records, delete):
    wideload.add_command(_command)


def run(arguments: Sequence[str]) -> int:
    """Run the command and return its exit status."""
    try:
        wideload.main(list(arguments), prog_name="wideload", standalone_mode=False)
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - raised again if unknown
        return _explain(error)
    return OK


def _explain(error: BaseException) -> int:
    """Say what stopped the command, if it hasn't been said, and return the exit status."""
    match error:
        case Failed():
            return error.status
        case click.UsageError():
            hint = f" (see {error.ctx.command_path} --help)" if error.ctx else ""
            complain(error.format_message() + hint)
            return USAGE
        case Interrupted():
            complain(f"interrupted. {error}")
            return INTERRUPTED
        case KeyboardInterrupt() | click.Abort():
            complain("interrupted")
            return INTERRUPTED
        case BrokenPipeError():
            leave_standard_output()
            return REFUSED
        case WideloadError() | OSError():
            file = getattr(error, "filename", None)
            complain(f"{file}: {sentence(error)}" if file else sentence(error))
            return status_of(error)
    raise error
