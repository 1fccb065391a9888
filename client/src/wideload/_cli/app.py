"""The command line: its group, and what becomes of errors."""

from __future__ import annotations

from collections.abc import Sequence

import click

from wideload import WideloadError, __version__
from wideload._cli.call_logs import call_logs
from wideload._cli.delete import delete
from wideload._cli.doctor import doctor
from wideload._cli.download import download
from wideload._cli.exits import (
    INTERRUPTED,
    LEGEND,
    OK,
    REFUSED,
    USAGE,
    Failed,
    Interrupted,
    complain,
    complain_of,
    status_of,
    verbose,
)
from wideload._cli.get import get
from wideload._cli.login import login
from wideload._cli.ls import ls, uploads
from wideload._cli.manage import abort, mv, rm
from wideload._cli.output import OutputLostError, leave_standard_output
from wideload._cli.records import records
from wideload._cli.send import send
from wideload._cli.sign_ins import logout, whoami
from wideload._cli.upload import upload

_SECTIONS = {
    "Files": (upload, download, ls, mv, rm, uploads, abort),
    "Signing in, for files": (login, whoami, logout),
    "JSON documents": (send, get, call_logs, records, delete),
    "When something doesn't work": (doctor,),
}


class _Sections(click.Group):
    """A group that lists its commands by what they are about."""

    def format_commands(
        self,
        ctx: click.Context,  # noqa: ARG002
        formatter: click.HelpFormatter,
    ) -> None:
        """Write the commands, section by section."""
        for title, commands in _SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl(
                    [(command.name or "", command.get_short_help_str(80)) for command in commands]
                )


@click.group(
    cls=_Sections,
    epilog=LEGEND,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(__version__, message="wideload %(version)s")
@click.pass_context
def wideload(context: click.Context) -> None:
    """Send files and JSON documents of any size to a Wideload deployment.

    \b
    Files belong to a person, who signs in:
      export WIDELOAD_FILES_URL=https://def456.execute-api.eu-west-1.amazonaws.com
      wideload login
      wideload upload film.mkv
      wideload download FILE_ID

    \b
    Documents belong to a program, which has a key:
      export WIDELOAD_URL=https://abc123.execute-api.eu-west-1.amazonaws.com
      export WIDELOAD_API_KEY=wl_…
      wideload send call.json
      wideload get PAYLOAD_ID --document -o call.json
    """
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


for _commands in _SECTIONS.values():
    for _command in _commands:
        wideload.add_command(_command)


def run(arguments: Sequence[str]) -> int:
    """Run the command and return its exit status."""
    verbose.set(False)
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
        case WideloadError() | OSError() | OutputLostError():
            complain_of(error)
            return status_of(error)
    raise error
