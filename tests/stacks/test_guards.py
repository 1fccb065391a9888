"""The guards find nothing in any stack of any environment; `tests/guards` shows what they find."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.guards.encryption import unencrypted
from tests.guards.physical_names import clashing_names
from tests.guards.plain_http import plain_http
from tests.guards.public_access import public_access
from tests.guards.stateful import STATEFUL, changed_ids
from tests.stacks.conftest import SERVICES, Synthesized
from tests.stacks.test_rules import JUDGED

# What the rule packs judge, and a page under a name of its own.
GUARDED: dict[str, tuple[str, dict[str, str]]] = {
    **JUDGED,
    "a page of its own name": (
        "dev",
        {
            "web_domain": "www.example.com",
            "web_certificate_arn": "arn:aws:acm:us-east-1:111111111111:certificate/1",
        },
    ),
}


@pytest.fixture(params=GUARDED)
def templates(
    request: pytest.FixtureRequest, synthesize: Callable[..., Synthesized]
) -> dict[str, dict[str, Any]]:
    """Of each of `GUARDED`."""
    environment, settings = GUARDED[str(request.param)]
    return synthesize(environment, **settings).templates


@pytest.mark.parametrize("guard", [public_access, plain_http, unencrypted])
def test_nothing_is_found(
    templates: dict[str, dict[str, Any]], guard: Callable[[dict[str, Any]], list[str]]
) -> None:
    findings = {service: guard(template) for service, template in templates.items()}

    assert set(SERVICES) <= set(findings)
    assert {service: found for service, found in findings.items() if found} == {}


def test_stateful_resources_keep_their_logical_ids(synthesized: Synthesized) -> None:
    templates = synthesized.templates
    findings = {
        service: changed_ids(templates[service], service)
        for service in STATEFUL
        if service in templates
    }

    assert set(SERVICES) <= set(findings)
    assert {service: found for service, found in findings.items() if found} == {}, (
        "if it is meant: migrate the data, then change tests/guards/stateful.py"
    )


def test_two_deployments_never_want_the_same_name(synthesized: Synthesized) -> None:
    findings = {
        service: clashing_names(template, synthesized.environment)
        for service, template in synthesized.templates.items()
    }

    assert set(SERVICES) <= set(findings)
    assert {service: found for service, found in findings.items() if found} == {}
