"""The same for each of several ids: one that is unknown doesn't keep the others from it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import click

from wideload import WideloadError
from wideload._api import checked_id
from wideload._cli.exits import (
    OK,
    REFUSED,
    Failed,
    Interrupted,
    complain,
    concerns_all,
    describe,
    sentence,
    status_of,
)
from wideload._cli.output import print_json


@dataclass(frozen=True)
class Deed:
    """What is done, in words.

    Attributes:
        key: Member of a `--json` line that holds the id.
        past: `deleted`, which is also the member that says so.
        again: `deleting again`.
    """

    key: str
    past: str
    again: str


def checked(what: str, ids: Iterable[str]) -> list[str]:
    """Each id once, in the order given.

    Raises:
        ConfigurationError: One can't be the id of a `what`.
    """
    return list(dict.fromkeys(checked_id(what, given) for given in ids))


def confirm(what: str, *, many: str, ids: list[str], deed: Deed, yes: bool) -> None:
    """Ask on a terminal, unless told not to.

    Raises:
        Failed: The answer was no.
    """
    if yes or not sys.stdin.isatty():
        return
    meant = f"{what} {ids[0]}" if len(ids) == 1 else f"{len(ids)} {many}"
    if not click.confirm(f"Delete {meant} for good?", err=True):
        complain(f"nothing was {deed.past}")
        raise Failed(REFUSED)


def each(
    ids: list[str], act: Callable[[str], object], deed: Deed, *, as_json: bool, quiet: bool
) -> None:
    """Do it to each id and say so.

    Raises:
        Failed: One or more failed, which has been said.
        Interrupted: By Ctrl-C.
    """
    worst = OK
    for position, item in enumerate(ids):
        left = len(ids) - position - 1
        try:
            act(item)
        except KeyboardInterrupt:
            others = f"; {left} more were not {deed.past}" if left else ""
            raise Interrupted(
                f"{item} may have been {deed.past} or not{others}; {deed.again} is safe"
            ) from None
        except WideloadError as error:
            if as_json:
                print_json({deed.key: item, "error": describe(error)})
            complain(f"{item}: {sentence(error)}")
            worst = max(worst, status_of(error))
            if left and concerns_all(error):
                complain(f"stopped: {left} more not {deed.past}")
                break
        else:
            if as_json:
                print_json({deed.key: item, deed.past: True})
            elif not quiet:
                click.echo(f"{item}: {deed.past}")
    if worst != OK:
        raise Failed(worst)
