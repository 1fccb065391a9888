"""Rule packs and linters find nothing that was not explained."""

from __future__ import annotations

import json

import cfnlint.api
import pytest

from tests.stacks.conftest import Acknowledgement, Synthesized

PACKS = {"AwsSolutions", "Serverless"}

# Rules of cfn-lint that are not heeded, and why.
UNHEEDED = {
    "W3005": "the CDK makes each function depend on its role and policy; one of them is implied",
    "I1022": "about taste in hand-written templates: the CDK joins where a person would substitute",
}


def test_rule_packs_ran(synthesized: Synthesized) -> None:
    ran = {report["pluginName"] for report in synthesized.report["pluginReports"]}

    assert ran >= PACKS


def test_rule_packs_find_nothing_unexplained(synthesized: Synthesized) -> None:
    found = [
        f"{violation['ruleName']} at {where['constructPath']}: {violation['description']}"
        for report in synthesized.report["pluginReports"]
        for violation in report["violations"]
        for where in violation["violatingConstructs"]
    ]

    assert found == []


def test_every_acknowledgement_gives_a_reason(synthesized: Synthesized) -> None:
    assert synthesized.acknowledgements
    for acknowledgement in synthesized.acknowledgements:
        assert acknowledgement.reason.endswith("."), acknowledgement
        assert len(acknowledgement.reason.split()) >= 6, acknowledgement


def test_every_acknowledgement_is_needed(synthesized: Synthesized) -> None:
    needed = {
        Acknowledgement(suppressed["acknowledgedAt"], suppressed["acknowledgedId"], "")
        for report in synthesized.report["pluginReports"]
        for suppressed in report.get("suppressedViolations", [])
    }

    assert set(synthesized.acknowledgements) - needed == set()


def test_every_acknowledgement_is_for_one_resource(synthesized: Synthesized) -> None:
    for report in synthesized.report["pluginReports"]:
        for suppressed in report.get("suppressedViolations", []):
            assert len(suppressed["violatingConstructs"]) == 1, suppressed


def test_cfn_lint_finds_nothing(synthesized: Synthesized) -> None:
    findings = cfnlint.api.lint(
        json.dumps(synthesized.template),
        regions=["us-east-1", "eu-central-1"],
        config={"include_checks": ["I"], "ignore_checks": list(UNHEEDED)},
    )

    assert [str(finding) for finding in findings] == []


@pytest.mark.parametrize("rule", UNHEEDED)
def test_unheeded_rules_are_still_broken(synthesized: Synthesized, rule: str) -> None:
    findings = cfnlint.api.lint(json.dumps(synthesized.template), config={"include_checks": ["I"]})

    assert rule in {finding.rule.id for finding in findings}, "heed it again"
