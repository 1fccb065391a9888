"""Rule packs and linters find nothing that was not explained."""

from __future__ import annotations

import functools
from collections.abc import Callable

import cfnlint.api
import pytest

from stacks.settings import ENVIRONMENTS
from tests.stacks.conftest import Acknowledgement, Synthesized

EVERYWHERE = {"AwsSolutions", "Serverless"}
STANDARDS = {"NIST.800.53.R5", "HIPAA.Security", "PCI.DSS.321"}

# Rules of cfn-lint that are not heeded, and why.
UNHEEDED = {
    "W3005": "the CDK makes each function depend on its role and policy; one of them is implied",
    "I1022": "about taste in hand-written templates: the CDK joins where a person would substitute",
}


_CERTIFICATE = "arn:aws:acm:eu-central-1:111111111111:certificate/1"
# Each environment, and settings that make what none of them has.
JUDGED: dict[str, tuple[str, dict[str, str]]] = {
    **{name: (name, {}) for name in ENVIRONMENTS},
    "everything": (
        "dev",
        {
            "verify_multipart": "true",
            "mfa": "required",
            "web_urls": "https://files.example.com/",
            "file_expiration_days": "365",
            "file_glacier_days": "90",
            "ingest_domain": "logs.example.com",
            "ingest_certificate_arn": _CERTIFICATE,
            "files_domain": "files.example.com",
            "files_certificate_arn": _CERTIFICATE,
            "sign_in_rate_limit": "500",
            "alarm_emails": "oncall@example.com",
            "account": "111111111111",
            "region": "eu-central-1",
        },
    ),
    "another issuer": (
        "dev",
        {
            "oidc_issuer": "https://login.example.com/",
            "oidc_audience": "files-api",
            "tracing": "false",
        },
    ),
    "dev by the standards": (
        "dev",
        {"compliance_packs": "true", "verify_multipart": "true", "canary_minutes": "15"},
    ),
    "keys of its own in a private network": (
        "prod",
        {
            "kms": "true",
            "private_network": "true",
            "api_reserved_concurrency": "200",
            "worker_reserved_concurrency": "50",
            "user_pool_web_acl_arn": "arn:aws:wafv2:eu-central-1:111111111111:regional/webacl/a/b",
            "mail_from": "Files <files@example.com>",
            "mail_identity_arn": "arn:aws:ses:eu-central-1:111111111111:identity/example.com",
        },
    ),
}


@pytest.fixture(params=JUDGED)
def judged(request: pytest.FixtureRequest, synthesize: Callable[..., Synthesized]) -> Synthesized:
    """Each of `JUDGED`, synthesized."""
    environment, settings = JUDGED[str(request.param)]
    return synthesize(environment, **settings)


def packs_of(judged: Synthesized) -> set[str]:
    """The rule packs that ran."""
    return {report["pluginName"] for report in judged.report["pluginReports"]}


def acknowledged_to(packs: set[str], judged: Synthesized) -> list[Acknowledgement]:
    """What is said to `packs`. To its own linter the CDK says something, too."""
    return [each for each in judged.acknowledgements if each.rule.split("::")[0] in packs]


@pytest.mark.parametrize("name", JUDGED)
def test_rule_packs_ran(synthesize: Callable[..., Synthesized], name: str) -> None:
    environment, settings = JUDGED[name]
    by_standards = environment == "prod" or "compliance_packs" in settings

    ran = packs_of(synthesize(environment, **settings))

    assert ran == (EVERYWHERE | STANDARDS if by_standards else EVERYWHERE)


def test_rule_packs_find_nothing_unexplained(judged: Synthesized) -> None:
    found = [
        f"{violation['ruleName']} at {where['constructPath']}: {violation['description']}"
        for report in judged.report["pluginReports"]
        for violation in report["violations"]
        for where in violation["violatingConstructs"]
    ]

    assert found == []


def test_every_acknowledgement_gives_a_reason(judged: Synthesized) -> None:
    acknowledgements = acknowledged_to(EVERYWHERE | STANDARDS, judged)

    assert acknowledgements
    for acknowledgement in acknowledgements:
        assert acknowledgement.reason.endswith("."), acknowledgement
        assert len(acknowledgement.reason.split()) >= 6, acknowledgement


def test_every_acknowledgement_is_needed(judged: Synthesized) -> None:
    needed = {
        Acknowledgement(suppressed["acknowledgedAt"], suppressed["acknowledgedId"], "")
        for report in judged.report["pluginReports"]
        for suppressed in report.get("suppressedViolations", [])
    }

    # Constructs also say something to packs that don't run here.
    assert set(acknowledged_to(packs_of(judged), judged)) - needed == set()


def test_every_acknowledgement_is_for_one_resource(judged: Synthesized) -> None:
    covered: dict[tuple[str, str], set[str]] = {}
    for report in judged.report["pluginReports"]:
        for suppressed in report.get("suppressedViolations", []):
            by = suppressed["acknowledgedAt"], suppressed["acknowledgedId"]
            paths = {where["constructPath"] for where in suppressed["violatingConstructs"]}
            covered.setdefault(by, set()).update(paths)

    assert {by: paths for by, paths in covered.items() if len(paths) > 1} == {}


@functools.cache
def cfn_lint(template: str) -> list[tuple[str, str]]:
    """What the linter finds in a template: the rule and the finding. Environments share stacks."""
    findings = cfnlint.api.lint(
        template, regions=["us-east-1", "eu-central-1"], config={"include_checks": ["I"]}
    )
    # The linter doesn't know this function yet, nor what it may be part of.
    return [(each.rule.id, str(each)) for each in findings if "Fn::GetStackOutput" not in str(each)]


def test_cfn_lint_finds_nothing(judged: Synthesized) -> None:
    findings = [
        (rule, f"{path.name}: {finding}")
        for path in sorted(judged.folder.glob("*.template.json"))
        for rule, finding in cfn_lint(path.read_text())
    ]

    assert [finding for rule, finding in findings if rule not in UNHEEDED] == []
    assert {rule for rule, _ in findings} == set(UNHEEDED), "heed again what is no longer broken"
