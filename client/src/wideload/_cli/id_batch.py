"""Delete or abort several things by their IDs: `wideload rm`, `delete` and `abort`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence

import click

from wideload import CancelledError, ChangeOutcome
from wideload._api import checked_id
from wideload._cli.batch import Batch, Report, distinct, one_by_one
from wideload._cli.exit_status import REFUSED, Failed
from wideload._cli.messages import print_message
from wideload._cli.output import is_terminal, printable

# IDs of one request: the API takes as many.
_AT_ONCE = 100


class IdBatch(Batch[object]):
    """IDs of one command, for which the API gives no more than success or failure.

    Args:
        item_member: Such as `file_id`.
        done: Such as `deleted`; also the member of a `--json` line that says so.
        again: Such as `deleting again`.
    """

    def __init__(
        self,
        ids: list[str],
        *,
        item_member: str,
        done: str,
        again: str,
        as_json: bool,
        quiet: bool,
    ) -> None:
        super().__init__(ids, as_json=as_json, quiet=quiet)
        self.item_member = item_member
        self.done = done
        self._again = again

    def apply(self, act: Callable[[str], object]) -> None:
        """Call `act` with each ID, and report.

        Raises:
            Failed: One or more failed, and that has been printed.
            Interrupted: By Ctrl-C.
        """
        self.run(one_by_one(self.items, lambda _, item: act(item)))
        self.finish()

    def apply_to_all(self, act: Callable[[Sequence[str]], Sequence[ChangeOutcome]]) -> None:
        """Call `act` with up to 100 IDs at a time, and report each outcome.

        Raises:
            Failed, Interrupted: As `apply`.
        """
        self.run(_in_batches(self.items, act))
        self.finish()

    def report(self, item: str, result: object) -> Report:  # noqa: ARG002
        """Such as `01J…: deleted`."""
        members = {self.item_member: item, self.done: True}
        return Report(f"{item}: {self.done}", members, outcome=self.done)

    def how_to_go_on(self) -> str:
        """The API may have got the request for the IDs that were under way."""
        some = [*self.interrupted]
        what = some[0] if len(some) == 1 else f"{len(some)} more"
        unknown = f"{what} may have been {self.done} or not; " if some else ""
        return f"{unknown}{self._again} is safe"


def _in_batches(
    ids: Sequence[str], act: Callable[[Sequence[str]], Sequence[ChangeOutcome]]
) -> Iterator[tuple[int, object]]:
    """The outcomes of `act`, which is called with several IDs at a time, until Ctrl-C."""
    for start in range(0, len(ids), _AT_ONCE):
        some = ids[start : start + _AT_ONCE]
        try:
            ends: list[object] = [outcome.error or outcome for outcome in act(some)]
        except KeyboardInterrupt:
            ends = [CancelledError("interrupted") for _ in some]
        yield from enumerate(ends, start)
        if isinstance(ends[-1], CancelledError):
            return


def checked_ids(kind: str, ids: Iterable[str]) -> list[str]:
    """Each ID once, in the order given.

    Raises:
        ConfigurationError: One can't be the ID of a file, an upload or a payload.
    """
    return distinct(checked_id(kind, given) for given in ids)


def confirm_deletion(kind: str, ids: list[str], *, yes: bool, more: str = "") -> None:
    """Ask on a terminal, unless `--yes` is given.

    Args:
        kind: `file`, `folder` or `payload`.
        more: Appended to the question, such as " with everything in it".

    Raises:
        Failed: The answer was no.
    """
    if yes or not is_terminal(sys.stdin):
        return
    what = f"{kind} {ids[0]}" if len(ids) == 1 else f"{len(ids)} {kind}s"
    if not click.confirm(printable(f"Delete {what}{more} for good?"), err=True):
        print_message("nothing was deleted")
        raise Failed(REFUSED)
