"""Bodies of all sizes, and what answers them: the function, or the gateway before it.

Lambda takes 6 MB of event, in which a binary body counts four thirds; an HTTP API takes 10 MB.
https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html
"""

from __future__ import annotations

import gzip
from collections.abc import Callable

import pytest

from tests.acceptance.http import Answer, Api

MB = 1_000_000
TYPES = {"gzip": "application/gzip", "JSON text": "application/json"}

Seen = Callable[[str], None]


@pytest.mark.parametrize(("mb", "kind"), [(4.4, "gzip"), (4.4, "JSON text")])
def test_a_body_well_below_lambdas_limit_is_stored(
    acme: Api, mb: float, kind: str, seen: Seen
) -> None:
    answer = send(acme, mb, kind)
    seen(f"{by_whom(answer)} in {answer.seconds:.1f} s")
    assert answer.status == 200, answer


@pytest.mark.parametrize(("mb", "kind"), [(4.6, "gzip"), (5.5, "gzip"), (5.5, "JSON text")])
def test_a_body_near_lambdas_limit_is_stored_or_answered_with_413(
    acme: Api, mb: float, kind: str, seen: Seen
) -> None:
    answer = send(acme, mb, kind)
    seen(by_whom(answer))
    assert answer.status in (200, 413), answer


@pytest.mark.parametrize(
    ("mb", "kind"), [(6.5, "gzip"), (6.5, "JSON text"), (9.5, "gzip"), (10.5, "gzip")]
)
def test_a_body_over_the_limits_is_answered_with_413(
    acme: Api, mb: float, kind: str, seen: Seen
) -> None:
    answer = send(acme, mb, kind)
    seen(by_whom(answer))
    assert answer.status == 413, answer


def send(api: Api, mb: float, kind: str) -> Answer:
    """Send a call log as a body of this size."""
    document = b'{"call_id":"acceptance","text":"' + b"a" * round(mb * MB - 3_000) + b'"}'
    # Level 0 stores, with 5 bytes for each block of up to 64 KB.
    body = gzip.compress(document, 0) if kind == "gzip" else document
    return api.send("/send-call-log", body, {"Content-Type": TYPES[kind]})


def by_whom(answer: Answer) -> str:
    """The status, and who gave it: only our function's answers have these members."""
    ours = b'"payload_id"' in answer.body or b'"request_id"' in answer.body
    return f"{answer.status} by the {'function' if ours else 'gateway'}"
