"""The same for each of several files or ids: one that fails doesn't keep the others from it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import click

from wideload import WideloadError
from wideload._api import checked_id
from wideload._cli.exits import (
    OK,
    REFUSED,
    Failed,
    Interrupted,
    complain,
    complain_of,
    concerns_all,
    describe,
    status_of,
)
from wideload._cli.output import (
    OutputLostError,
    echo,
    is_terminal,
    leave_standard_output,
    print_json,
    printable,
)


@dataclass
class Batch:
    """What becomes of each of several files or ids, and of the command.

    Attributes:
        size: How many there are.
        undone: What the rest is if the batch stops: `not sent`.
        worst: The exit status so far.
        ended: How many have succeeded or failed.
    """

    size: int
    undone: str
    as_json: bool
    quiet: bool
    worst: int = OK
    ended: int = 0

    def succeeded(self, sentence: str, members: Mapping[str, Any]) -> None:
        """Print a result: a sentence, or with `--json` its members.

        Raises:
            Failed: It can't be printed. So that it isn't lost, the sentence goes to stderr.
        """
        self.ended += 1
        try:
            if self.as_json:
                print_json(members)
            elif not self.quiet and sentence:
                echo(printable(sentence))
        except (BrokenPipeError, OutputLostError) as error:
            self._lost(f"{sentence} ({_reason(error)})")

    def failed(
        self, item: str, error: Exception, members: Mapping[str, Any], *, note: str = ""
    ) -> bool:
        """Say what went wrong with one; whether the rest would fare the same.

        Raises:
            Failed: It can't be printed.
        """
        self.ended += 1
        self.worst = max(self.worst, status_of(error))
        complain_of(error, item, note=note)
        self.print_error(members, error)
        return concerns_all(error)

    def print_error(self, members: Mapping[str, Any], error: Exception) -> None:
        """Print the line of one that failed, with `--json`.

        Raises:
            Failed: It can't be printed.
        """
        if self.as_json:
            try:
                print_json({**members, "error": describe(error)})
            except (BrokenPipeError, OutputLostError) as lost:
                self._lost(_reason(lost))

    def stopped(self) -> None:
        """Say how many are left."""
        if left := self.size - self.ended:
            complain(f"stopped: {left} more {self.undone}")

    def finish(self) -> None:
        """End the command.

        Raises:
            Failed: One or more failed, which has been said.
        """
        if self.worst != OK:
            raise Failed(self.worst)

    def _lost(self, message: str) -> None:
        leave_standard_output()
        complain(message)
        self.stopped()
        raise Failed(max(self.worst, REFUSED))


@dataclass(frozen=True)
class BatchAction:
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


def confirm(what: str, *, many: str, ids: list[str], action: BatchAction, yes: bool) -> None:
    """Ask on a terminal, unless told not to.

    Raises:
        Failed: The answer was no.
    """
    if yes or not is_terminal(sys.stdin):
        return
    meant = f"{what} {ids[0]}" if len(ids) == 1 else f"{len(ids)} {many}"
    if not click.confirm(f"Delete {meant} for good?", err=True):
        complain(f"nothing was {action.past}")
        raise Failed(REFUSED)


def each(
    ids: list[str], act: Callable[[str], object], action: BatchAction, *, as_json: bool, quiet: bool
) -> None:
    """Do it to each id and say so.

    Raises:
        Failed: One or more failed, which has been said.
        Interrupted: By Ctrl-C.
    """
    batch = Batch(len(ids), f"not {action.past}", as_json, quiet)
    for item in ids:
        try:
            act(item)
        except KeyboardInterrupt:
            left = len(ids) - batch.ended - 1
            others = f"; {left} more were not {action.past}" if left else ""
            raise Interrupted(
                f"{item} may have been {action.past} or not{others}; {action.again} is safe"
            ) from None
        except WideloadError as error:
            if batch.failed(item, error, {action.key: item}):
                batch.stopped()
                break
        else:
            batch.succeeded(f"{item}: {action.past}", {action.key: item, action.past: True})
    batch.finish()


def _reason(error: Exception) -> str:
    return str(error) if isinstance(error, OutputLostError) else "standard output's reader has left"
