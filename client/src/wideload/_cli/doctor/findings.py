"""What a step of `wideload doctor` finds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from wideload._cli.exits import OK, REFUSED

Status = Literal["ok", "warning", "failed", "skipped"]


@dataclass(frozen=True)
class Finding:
    """What one step found.

    Attributes:
        step: Its name.
        message: What was seen, one line or several.
        status: A warning leaves the exit status alone; `skipped` wasn't tried.
        advice: What to do about it.
        exit_status: What the command exits with, if no other finding's is higher.
    """

    step: str
    message: str
    status: Status = "ok"
    advice: str = ""
    exit_status: int = OK


def failed(step: str, message: str, advice: str, exit_status: int = REFUSED) -> Finding:
    """A step after which something has to be done."""
    return Finding(step, message, "failed", advice, exit_status)


def warning(step: str, message: str, advice: str) -> Finding:
    """A step that went well, and yet shows what may be wrong."""
    return Finding(step, message, "warning", advice)
