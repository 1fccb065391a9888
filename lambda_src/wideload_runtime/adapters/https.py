"""HTTP as a client from outside speaks it: without AWS's SDK, and without its credentials."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import urllib3

from wideload_runtime.core.ingest.canary import Answer, NoAnswerError

_REQUEST_IDS = ("apigw-requestid", "x-amz-request-id")
"""Of API Gateway, which our own functions log, and of S3."""


class Https:
    """
    Args:
        pool: Knows which certificates to trust.
    """

    def __init__(self, pool: urllib3.PoolManager) -> None:
        self._pool = pool

    def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        body: bytes | None,
        seconds: float,
    ) -> Answer:
        """Make one request, as it is: nothing is repeated, and no redirect followed.

        Raises:
            NoAnswerError: None came within `seconds`.
        """
        try:
            answer = self._pool.request(
                method,
                url,
                body=body,
                headers=headers,
                timeout=urllib3.Timeout(total=seconds),
                retries=False,  # nor redirects
            )
        except urllib3.exceptions.HTTPError as error:
            # Its kind alone: its text may have the URL.
            raise NoAnswerError(type(error).__name__) from None
        found = (answer.headers[name] for name in _REQUEST_IDS if name in answer.headers)
        return Answer(answer.status, next(found, ""), answer.data)


@contextmanager
def connected() -> Iterator[Https]:
    """Connections that end with the run: until the next, the other side would drop them."""
    with urllib3.PoolManager() as pool:
        yield Https(pool)
