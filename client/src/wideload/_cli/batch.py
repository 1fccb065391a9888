"""Run a command over several files or IDs, and report all of them in the same way."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from wideload import Cancel, CancelledError, WideloadError
from wideload._cli.bars import Bars
from wideload._cli.exit_status import OK, REFUSED, Failed, Interrupted, status_of, stops_batch
from wideload._cli.formatting import human_size, human_time
from wideload._cli.messages import error_members, print_failure, print_message
from wideload._cli.output import echo, is_terminal
from wideload._cli.results import print_result

Result = TypeVar("Result")


@dataclass(frozen=True)
class Report:
    """How one result is reported.

    Attributes:
        sentence: For a person; nothing is printed if it is empty.
        members: For a `--json` line.
        outcome: Counted in the summary, such as `uploaded` or `folders`.
        transferred: Bytes that went over the network.
    """

    sentence: str
    members: Mapping[str, Any]
    outcome: str
    transferred: int = 0


class Batch(Generic[Result]):
    """The files or IDs of one command, and what has become of them so far.

    A subclass for each command says how its results and failures are reported.

    Args:
        items: The files or IDs, each once.

    Attributes:
        item_member: Member of a `--json` line that holds the file or ID.
        done: Past participle for messages, such as `uploaded`.
        interrupted: The files or IDs that were under way when Ctrl-C or a failure stopped the
            batch, with their errors.
    """

    item_member: str
    done: str

    def __init__(self, items: Sequence[str], *, as_json: bool, quiet: bool) -> None:
        self.items = items
        self.interrupted: dict[str, CancelledError] = {}
        self._as_json = as_json
        self._quiet = quiet
        self._started = time.monotonic()
        self._outcomes: Counter[str] = Counter()
        self._failures = 0
        self._transferred = 0
        self._status = OK
        self._stopped = False

    def report(self, item: str, result: Result) -> Report:
        """How the result of a file or ID is reported."""
        raise NotImplementedError

    def failure_members(self, item: str, error: Exception) -> Mapping[str, Any]:  # noqa: ARG002
        """Members of the `--json` line of a failure, besides the file or ID and the error."""
        return {}

    def note(self, error: Exception) -> str:  # noqa: ARG002
        """Text that is appended to the message of a failure."""
        return ""

    def how_to_go_on(self) -> str:
        """The last sentence of the message after Ctrl-C."""
        raise NotImplementedError

    @property
    def seconds(self) -> float:
        """How long the command has taken."""
        return time.monotonic() - self._started

    def run(
        self,
        outcomes: Iterable[tuple[int, Result | Exception]],
        *,
        bars: Bars | None = None,
        cancel: Cancel | None = None,
    ) -> None:
        """Report outcomes as they come, each with the index of its item.

        Args:
            cancel: Used at a failure that the rest would share, to end what is under way; its
                outcomes are still reported. Default: no more outcomes are asked for.

        Raises:
            Failed: Standard output can't be written.
        """
        try:
            for index, outcome in outcomes:
                item = self.items[index]
                report = None if isinstance(outcome, Exception) else self.report(item, outcome)
                if bars:
                    bars.end(index, report.transferred if report else 0)
                with bars.hidden() if bars else nullcontext():
                    if report:
                        self._succeed(report)
                    elif isinstance(outcome, CancelledError):
                        self.interrupted[item] = outcome
                        self._print_error(item, outcome)
                    elif isinstance(outcome, Exception) and self.fail(item, outcome):
                        if cancel is None:
                            self._stopped = True
                            break
                        self._stopped = self._stopped or not cancel.cancelled
                        cancel.cancel()
        except KeyboardInterrupt:
            pass  # `finish` finds that not all have ended

    def fail(self, item: str, error: Exception) -> bool:
        """Report a failure.

        Returns:
            Whether the rest would fail for the same reason.

        Raises:
            Failed: Standard output can't be written.
        """
        self._failures += 1
        self._status = max(self._status, status_of(error))
        print_failure(error, item, note=self.note(error))
        self._print_error(item, error)
        return stops_batch(error)

    def finish(self) -> None:
        """Print the summary, and end the command with its exit status.

        Raises:
            Interrupted: Ctrl-C kept some from ending.
            Failed: One or more failed, and that has been printed.
        """
        if self._left and not self._stopped:
            succeeded = self._outcomes.total()
            several = f"{succeeded} of {len(self.items)} {self.done}. "
            raise Interrupted((several if len(self.items) > 1 else "") + self.how_to_go_on())
        self._print_left()
        plain = not self._as_json and not self._quiet
        if len(self.items) > 1 and plain and is_terminal(sys.stdout):
            echo(self._summary())
        if self._status != OK:
            raise Failed(self._status)

    @property
    def _left(self) -> int:
        return len(self.items) - self._outcomes.total() - self._failures

    def _succeed(self, report: Report) -> None:
        self._outcomes[report.outcome] += 1
        self._transferred += report.transferred
        self._print(report.sentence, report.members)

    def _print_error(self, item: str, error: Exception) -> None:
        if self._as_json:
            more = self.failure_members(item, error)
            self._print("", {self.item_member: item, **more, "error": error_members(error)})

    def _print(self, sentence: str, members: Mapping[str, Any]) -> None:
        try:
            print_result(sentence, members, as_json=self._as_json, quiet=self._quiet)
        except Failed:
            self._print_left()
            raise Failed(max(self._status, REFUSED)) from None

    def _print_left(self) -> None:
        if self._left:
            print_message(f"stopped: {self._left} more not {self.done}")

    def _summary(self) -> str:
        counts = Counter(self._outcomes)
        if self._failures:
            counts["failed"] = self._failures
        summary = ", ".join(
            f"{count} {outcome.removesuffix('s') if count == 1 else outcome}"
            for outcome, count in counts.items()
        )
        if self._transferred:
            seconds = self.seconds
            rate = f", {human_size(round(self._transferred / seconds))}/s" if seconds else ""
            summary += f"; {human_size(self._transferred)} in {human_time(seconds)}{rate}"
        return summary


def one_by_one(
    items: Iterable[str], act: Callable[[int, str], Result]
) -> Iterator[tuple[int, Result | Exception]]:
    """Outcomes of `act` on each item, one after another, until Ctrl-C.

    Args:
        act: Called with an item's index and the item.
    """
    for index, item in enumerate(items):
        outcome: Result | Exception
        try:
            outcome = act(index, item)
        except KeyboardInterrupt:
            outcome = CancelledError("interrupted")
        except (WideloadError, OSError) as error:
            outcome = error
        yield index, outcome
        if isinstance(outcome, CancelledError):
            return


def distinct(items: Iterable[str]) -> list[str]:
    """Each file or ID once, in the order given."""
    return list(dict.fromkeys(items))
