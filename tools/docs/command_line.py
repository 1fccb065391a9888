"""The reference of the command line, from its own `--help`."""

from __future__ import annotations

import click

from wideload._cli.app import wideload

_WIDTH = 90


def command_line_page() -> str:
    """Return the page as Markdown: a section for each command, in the order of `--help`."""
    group = click.Context(wideload, info_name="wideload", max_content_width=_WIDTH)
    sections = [
        "# Command line",
        "`pip install 'wideload[cli]'` installs the command `wideload`. Its `--help`:",
        _block(wideload.get_help(group)),
    ]
    for name in wideload.list_commands(group):
        known = wideload.get_command(group, name)
        assert known is not None
        context = click.Context(known, info_name=name, parent=group, max_content_width=_WIDTH)
        sections += [f"## wideload {name}", _block(known.get_help(context))]
    return "\n\n".join(sections) + "\n"


def _block(text: str) -> str:
    return f"```text\n{text.rstrip()}\n```"
