"""Print the result of a command, as a sentence or with `--json` as an object."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from wideload._cli.exit_status import REFUSED, Failed
from wideload._cli.messages import print_message
from wideload._cli.output import OutputLostError, echo, print_json, printable


def print_result(
    sentence: str, members: Mapping[str, Any], *, as_json: bool, quiet: bool = False
) -> None:
    """Print a sentence, or with `--json` the members as one object.

    Raises:
        Failed: Standard output can't be written. The sentence goes to standard error instead, so
            that the only trace of what was done isn't lost.
    """
    try:
        if as_json:
            print_json(members)
        elif sentence and not quiet:
            echo(printable(sentence))
    except OutputLostError as error:
        print_message(f"{sentence} ({error})" if sentence else str(error))
        raise Failed(REFUSED) from None
