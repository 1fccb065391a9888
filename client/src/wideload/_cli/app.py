"""The `wideload` command: its subcommands, and how errors end it."""

from __future__ import annotations

from collections.abc import Sequence

import click

from wideload import WideloadError, __version__
from wideload._cli.commands.abort import abort
from wideload._cli.commands.call_logs import call_logs
from wideload._cli.commands.delete import delete
from wideload._cli.commands.doctor import doctor
from wideload._cli.commands.download import download
from wideload._cli.commands.get import get
from wideload._cli.commands.info import info
from wideload._cli.commands.login import login
from wideload._cli.commands.logout import logout
from wideload._cli.commands.ls import ls
from wideload._cli.commands.mkdir import mkdir
from wideload._cli.commands.mv import mv
from wideload._cli.commands.records import records
from wideload._cli.commands.rm import rm
from wideload._cli.commands.send import send
from wideload._cli.commands.upload import upload
from wideload._cli.commands.uploads import uploads
from wideload._cli.commands.whoami import whoami
from wideload._cli.exit_status import (
    INTERRUPTED,
    LEGEND,
    OK,
    REFUSED,
    USAGE,
    Failed,
    Interrupted,
    status_of,
)
from wideload._cli.messages import print_failure, print_message, verbose
from wideload._cli.output import OutputLostError, ReaderLeftError, discard_standard_output

_SECTIONS = {
    "Files": (upload, download, ls, info, mkdir, mv, rm, uploads, abort),
    "Signing in, for files": (login, whoami, logout),
    "JSON documents": (send, get, call_logs, records, delete),
    "When something doesn't work": (doctor,),
}


class _Sections(click.Group):
    """A group that lists its commands in sections."""

    def format_commands(
        self,
        ctx: click.Context,  # noqa: ARG002
        formatter: click.HelpFormatter,
    ) -> None:
        """Write the sections."""
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
        return _print_error(error)
    return OK


def _print_error(error: BaseException) -> int:
    """Print the error that ended the command, unless it has been printed.

    Returns:
        The exit status.
    """
    match error:
        case Failed():
            return error.status
        case click.UsageError():
            hint = f" (see {error.ctx.command_path} --help)" if error.ctx else ""
            print_message(error.format_message() + hint)
            return USAGE
        case Interrupted():
            print_message(f"interrupted. {error}")
            return INTERRUPTED
        case KeyboardInterrupt() | click.Abort():
            print_message("interrupted")
            return INTERRUPTED
        case BrokenPipeError() | ReaderLeftError():
            discard_standard_output()
            return REFUSED
        case WideloadError() | OSError() | OutputLostError():
            print_failure(error)
            return status_of(error)
    raise error
