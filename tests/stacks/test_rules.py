"""Rule packs and the linter find nothing that has no explanation."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cfnlint.config import ConfigMixIn
from cfnlint.decode.decode import decode_str
from cfnlint.runner import Runner

from stacks.settings import ENVIRONMENTS
from tests.stacks.conftest import Acknowledgement, Synthesized

EVERYWHERE = {"AwsSolutions", "Serverless"}
STANDARDS = {"NIST.800.53.R5", "HIPAA.Security", "PCI.DSS.321"}

# Rules of cfn-lint whose findings are ignored, and why.
UNHEEDED = {
    "W3005": "the CDK makes each function depend on its role and policy; one of them is implied",
    "I1022": "about style in hand-written templates: the CDK writes Fn::Join in place of Fn::Sub",
}


_CERTIFICATE = "arn:aws:acm:eu-central-1:111111111111:certificate/1"
# Each environment, and settings that add resources which no environment has.
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
            "alarm_emails": "a@example.com,b@example.com",
            "account_concurrency": "100",
            "runbook": "https://wiki.example.com/wideload",
            "tags": "cost-center=42,team=call log",
            "account": "111111111111",
            "region": "eu-central-1",
        },
    ),
    "another issuer": (
        "dev",
        {
            "oidc_issuer": "https://login.example.com/a/",
            "oidc_audience": "files-api",
            "tracing": "false",
            "account_concurrency": "",
        },
    ),
    "dev by the standards": (
        "dev",
        {"compliance_packs": "true", "verify_multipart": "true", "canary_minutes": "30"},
    ),
    "keys of its own in a private network": (
        "prod",
        {
            "kms": "true",
            "private_network": "true",
            "verify_multipart": "true",
            "api_reserved_concurrency": "200",
            "worker_reserved_concurrency": "50",
            "user_pool_web_acl_arn": "arn:aws:wafv2:eu-central-1:111111111111:regional/webacl/a/b",
            "mail_from": "Files <files@example.com>",
            "mail_identity_arn": "arn:aws:ses:eu-central-1:111111111111:identity/example.com",
            "account": "111111111111",
            "region": "eu-central-1",
        },
    ),
}


def synthesize_judged(synthesize: Callable[..., Synthesized], name: str) -> Synthesized:
    """One of `JUDGED`, which the tests of single settings read too."""
    environment, settings = JUDGED[name]
    return synthesize(environment, **settings)


@pytest.fixture(params=JUDGED)
def judged(request: pytest.FixtureRequest, synthesize: Callable[..., Synthesized]) -> Synthesized:
    """Each of `JUDGED`, synthesized."""
    return synthesize_judged(synthesize, str(request.param))


def packs_of(judged: Synthesized) -> set[str]:
    """The rule packs that ran."""
    return {report["pluginName"] for report in judged.report["pluginReports"]}


def acknowledged_to(packs: set[str], judged: Synthesized) -> list[Acknowledgement]:
    """The acknowledgements of rules of `packs`; the CDK's own linter has others."""
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


def structure(template: dict[str, Any], environment: str) -> set[str]:
    """The types, properties and texts of a template.

    Left out is what differs between environments by their settings: names, numbers, and whether
    data is kept.
    """
    text = json.dumps(template, ensure_ascii=False).replace(environment, "environment")
    masked = json.loads(re.sub(r"[0-9A-Fa-f]{8,}|\d+", "0", text))
    resources = masked.pop("Resources").values()
    return {
        *_parts(masked),
        *(
            f"{resource['Type']}{part}"
            for resource in resources
            for part in _parts({**resource, "DeletionPolicy": "", "UpdateReplacePolicy": ""})
        ),
    }


def _parts(value: Any, path: str = "") -> Iterator[str]:
    """Path and value of each scalar; all elements of a list have the same path."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _parts(inner, f"{path}/{key}")
    elif isinstance(value, list):
        for inner in value:
            yield from _parts(inner, path)
    else:
        yield f"{path}: {value}"


def distinct(all_judged: Iterable[Synthesized]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Name and template of each stack whose structure isn't part of others': the largest first."""
    found = [
        (structure(template, judged.environment), f"{judged.folder.name}: {service}", template)
        for judged in all_judged
        for service, template in judged.templates.items()
    ]
    known: set[str] = set()
    for parts, name, template in sorted(found, key=lambda each: len(each[0]), reverse=True):
        if not parts <= known:
            known |= parts
            yield name, template


def test_cfn_lint_finds_nothing(synthesize: Callable[..., Synthesized]) -> None:
    """The linter takes 1 s of CPU time for each template, so it reads those that differ."""
    linter = Runner(ConfigMixIn(regions=["us-east-1", "eu-central-1"], include_checks=["I"]))
    findings = [
        (finding.rule.id, f"{name}: {finding}")
        for name, template in distinct(
            synthesize(environment, **settings) for environment, settings in JUDGED.values()
        )
        for finding in linter.validate_template(decode_str(json.dumps(template))[0])
        # The linter doesn't know this function yet, nor where it may stand.
        if "Fn::GetStackOutput" not in str(finding)
    ]

    assert [finding for rule, finding in findings if rule not in UNHEEDED] == []
    assert {rule for rule, _ in findings} == set(UNHEEDED), "remove rules that find nothing"


def test_a_template_is_linted_once_for_its_structure(tmp_path: Path) -> None:
    def made(environment: str, **properties: Any) -> Synthesized:
        folder = tmp_path / f"{environment}{len(list(tmp_path.iterdir()))}"
        folder.mkdir()
        queue = {"Type": "AWS::SQS::Queue", "Properties": properties}
        template = {"Resources": {f"Queue{environment}": queue}}
        (folder / f"wideload-{environment}-ingest.template.json").write_text(json.dumps(template))
        return Synthesized(environment, folder, {})

    linted = distinct(
        [
            made("prod", QueueName="wideload-prod-1", DelaySeconds=60, KmsMasterKeyId="a"),
            made("dev", QueueName="wideload-dev-12", DelaySeconds=5),
            made("dev", QueueName="wideload-dev-1", DelaySeconds=5, KmsMasterKeyId="b"),
            made("local", FifoQueue=True),
            made("dev", FifoQueue=True),
        ]
    )

    assert [name for name, _ in linted] == ["prod0: ingest", "dev2: ingest", "local3: ingest"]
