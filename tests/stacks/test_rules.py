"""Rule packs and linters find nothing that was not explained."""

from __future__ import annotations

import json
from collections.abc import Callable

import cfnlint.api
import pytest

from stacks.settings import ENVIRONMENTS
from tests.stacks.conftest import SERVICES, Acknowledgement, Synthesized

PACKS = {"AwsSolutions", "Serverless"}

# Rules of cfn-lint that are not heeded, and why.
UNHEEDED = {
    "W3005": "the CDK makes each function depend on its role and policy; one of them is implied",
    "I1022": "about taste in hand-written templates: the CDK joins where a person would substitute",
}


# Settings that make what no environment has.
OPTIONS = {
    "everything": {
        "verify_multipart": "true",
        "mfa": "required",
        "web_urls": "https://files.example.com/",
        "file_expiration_days": "365",
        "file_glacier_days": "90",
    },
    "another issuer": {
        "oidc_issuer": "https://login.example.com/",
        "oidc_audience": "files-api",
    },
}


@pytest.fixture(params=[*sorted(ENVIRONMENTS), *OPTIONS])
def judged(request: pytest.FixtureRequest, synthesize: Callable[..., Synthesized]) -> Synthesized:
    """Each environment, and dev with further settings, synthesized."""
    name = str(request.param)
    return synthesize("dev", **OPTIONS[name]) if name in OPTIONS else synthesize(name)


def test_rule_packs_ran(judged: Synthesized) -> None:
    ran = {report["pluginName"] for report in judged.report["pluginReports"]}

    assert ran >= PACKS


def test_rule_packs_find_nothing_unexplained(judged: Synthesized) -> None:
    found = [
        f"{violation['ruleName']} at {where['constructPath']}: {violation['description']}"
        for report in judged.report["pluginReports"]
        for violation in report["violations"]
        for where in violation["violatingConstructs"]
    ]

    assert found == []


def test_every_acknowledgement_gives_a_reason(judged: Synthesized) -> None:
    assert judged.acknowledgements
    for acknowledgement in judged.acknowledgements:
        assert acknowledgement.reason.endswith("."), acknowledgement
        assert len(acknowledgement.reason.split()) >= 6, acknowledgement


def test_every_acknowledgement_is_needed(judged: Synthesized) -> None:
    needed = {
        Acknowledgement(suppressed["acknowledgedAt"], suppressed["acknowledgedId"], "")
        for report in judged.report["pluginReports"]
        for suppressed in report.get("suppressedViolations", [])
    }

    assert set(judged.acknowledgements) - needed == set()


def test_every_acknowledgement_is_for_one_resource(judged: Synthesized) -> None:
    for report in judged.report["pluginReports"]:
        for suppressed in report.get("suppressedViolations", []):
            assert len(suppressed["violatingConstructs"]) == 1, suppressed


def test_cfn_lint_finds_nothing(judged: Synthesized, service: str) -> None:
    findings = cfnlint.api.lint(
        json.dumps(judged.template(service)),
        regions=["us-east-1", "eu-central-1"],
        config={"include_checks": ["I"], "ignore_checks": list(UNHEEDED)},
    )

    # The linter doesn't know yet that this function gives a text that Fn::Split can take.
    unknown = "Fn::GetStackOutput"
    assert [str(finding) for finding in findings if unknown not in str(finding)] == []


@pytest.mark.parametrize("rule", UNHEEDED)
def test_unheeded_rules_are_still_broken(synthesized: Synthesized, rule: str) -> None:
    findings = [
        finding.rule.id
        for service in SERVICES
        for finding in cfnlint.api.lint(
            json.dumps(synthesized.template(service)), config={"include_checks": ["I"]}
        )
    ]

    assert rule in findings, "heed it again"
