"""How generated requests are judged, and how many are made."""

from __future__ import annotations

from collections.abc import Mapping

import requests
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

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


def call(
    case: schemathesis.Case, url: str, headers: Mapping[str, str], session: requests.Session
) -> None:
    """Make one request, and judge the answer."""
    case.call_and_validate(
        base_url=url,
        headers=dict(headers),  # schemathesis adds its own
        session=session,
        verify=session.verify,  # else by its own setting
        checks=CHECKS,
    )
