"""How generated requests are judged, and how many are made."""

from __future__ import annotations

import requests
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests import request_numbers
from tests.integration.conftest import Api

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]


def bounded(max_examples: int) -> settings:
    """The same requests in each run, so many for each operation."""
    return settings(
        max_examples=max_examples,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.explicit, Phase.generate],  # shrinking takes minutes
        suppress_health_check=list(HealthCheck),
    )


def call(case: schemathesis.Case, api: Api, session: requests.Session) -> None:
    """Make one request, and judge the answer."""
    case.call_and_validate(
        base_url=api.url,
        headers=dict(api.headers),  # schemathesis adds its own
        session=session,
        verify=session.verify,  # else by its own setting
        checks=CHECKS,
    )


def taken_numbers(name: str, api: Api) -> list[str]:
    """Those requests with a number out of range that were not refused.

    Args:
        name: Of the OpenAPI document: `ingest` or `files`.
    """
    taken = []
    for request in request_numbers.requests(name):
        headers = {"Content-Type": "application/json"}
        answer = api.request(request.method, request.path, request.body, headers)
        if not request_numbers.is_refused(answer.status, answer.json):
            taken.append(f"{request} is answered with {answer.status}: {answer.body[:200]!r}")
    return taken
