"""The result of one step of `wideload doctor`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from wideload._cli.exit_status import OK, REFUSED

Status = Literal["ok", "warning", "failed", "skipped"]


@dataclass(frozen=True)
class Finding:
    """The result of one step.

    Attributes:
        step: Name of the step.
        message: What was found, in one line or several.
        status: `warning` doesn't change the exit status; `skipped` means not tried.
        advice: What to do about it.
        exit_status: Of the command, if no other finding has a higher one.
    """

    step: str
    message: str
    status: Status = "ok"
    advice: str = ""
    exit_status: int = OK


def failed(step: str, message: str, advice: str, exit_status: int = REFUSED) -> Finding:
    """A step that found something to be repaired."""
    return Finding(step, message, "failed", advice, exit_status)


def warning(step: str, message: str, advice: str) -> Finding:
    """A step that succeeded and found something unusual."""
    return Finding(step, message, "warning", advice)
