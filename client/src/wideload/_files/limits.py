"""The limits that all requests of a transfer, or of several, share."""

from __future__ import annotations

from dataclasses import dataclass

from wideload._files.concurrency_limit import ConcurrencyLimit
from wideload._files.rate_limit import RateLimit


@dataclass(frozen=True)
class Limits:
    """The limits of transfers that run at once.

    Attributes:
        concurrency: Of requests to S3 at once.
        rate: Of bytes per second.
    """

    concurrency: ConcurrencyLimit
    rate: RateLimit

    @property
    def most(self) -> int:
        """The highest number of requests at once."""
        return self.concurrency.most

    @classmethod
    def of(cls, parallel: int, limit_rate: float | None) -> Limits:
        """The limits for so many connections, and so many bytes per second; None for any."""
        return cls(ConcurrencyLimit(parallel), RateLimit(limit_rate))
