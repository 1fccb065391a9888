"""Limit of the workers that one tenant may use at once, so that others' payloads don't wait."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

from wideload_runtime.core.errors import TenantBusyError

FIRST_AGAIN_SECONDS = 5
LONGEST_AGAIN_SECONDS = 60


def again_seconds(waits: int) -> int:
    """Return the seconds until a message that has waited so often for its tenant's share is tried
    again: few at first, as most payloads take seconds, then more and more."""
    return min(FIRST_AGAIN_SECONDS << min(waits, 10), LONGEST_AGAIN_SECONDS)


class WorkerSlots(Protocol):
    def take_slot(self, tenant: str, *, owner: str, now: int, until: int, slots: int) -> int | None:
        """Take one of a tenant's slots until a time in epoch ms; None if all are taken."""

    def free_slot(self, tenant: str, slot: int, *, owner: str) -> None:
        """Release a slot, if the owner still has it."""


@dataclass(frozen=True, kw_only=True)
class TenantShares:
    """
    Args:
        slots: Workers that one tenant may have at once.
        hold_ms: Time after which a crashed worker's slot is free: longer than a worker can run.
        now: Epoch seconds.
    """

    table: WorkerSlots
    slots: int
    hold_ms: int
    now: Callable[[], float]

    @contextmanager
    def worker_for(self, tenant: str, *, owner: str) -> Iterator[None]:
        """Hold one of a tenant's slots.

        Raises:
            TenantBusyError: All are taken: try again in `again_seconds`.
        """
        now = int(self.now() * 1000)
        slot = self.table.take_slot(
            tenant, owner=owner, now=now, until=now + self.hold_ms, slots=self.slots
        )
        if slot is None:
            raise TenantBusyError
        try:
            yield
        finally:
            self.table.free_slot(tenant, slot, owner=owner)
