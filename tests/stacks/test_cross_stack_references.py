"""References between stacks: a plain `cdk deploy` leaves no stale value (ADR 0042)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER

from tests.stacks.conftest import REPOSITORY, Synthesized

FULL = {
    "verify_multipart": "true",
    "canary_minutes": "5",
    "kms": "true",
    "private_network": "true",
}
CERTIFICATE = "arn:aws:acm:us-east-1:111111111111:certificate/1"
# Settings that may change on an existing deployment.
NAMES = {
    "web_domain": "a.example.com",
    "web_certificate_arn": CERTIFICATE,
    "files_domain": "b.example.com",
    "files_certificate_arn": CERTIFICATE,
    "sign_in_domain_prefix": "acme",
}
CHANGES: dict[str, dict[str, str]] = {
    "names of the team's own": NAMES,
    "an issuer of the team's own": {
        "oidc_issuer": "https://login.example.com/",
        "oidc_audience": "files",
    },
    "nothing that can be left out": {
        "web": "false",
        "monitoring": "false",
        "verify_multipart": "false",
        "canary_minutes": "",
        "private_network": "false",
    },
}


def found_in(template: Any, function: str) -> Iterator[Any]:
    """Arguments of each use of an intrinsic function."""
    if isinstance(template, dict):
        if function in template:
            yield template[function]
        for each in template.values():
            yield from found_in(each, function)
    elif isinstance(template, list):
        for each in template:
            yield from found_in(each, function)


def exports_of(template: dict[str, Any]) -> dict[str, Any]:
    """Values by export name."""
    return {
        each["Export"]["Name"]: each["Value"]
        for each in template.get("Outputs", {}).values()
        if "Export" in each
    }


def weak_values(synthesized: Synthesized) -> Iterator[tuple[str, Any, dict[str, Any]]]:
    """Of each weak reference: the service that reads, the output's value, and its template."""
    templates = synthesized.templates
    for consumer, template in templates.items():
        for read in found_in(template, "Fn::GetStackOutput"):
            producer = templates[read["StackName"].removeprefix(synthesized.stack_name(""))]
            yield consumer, producer["Outputs"][read["OutputName"]]["Value"], producer


def target_of(value: Any) -> str:
    """Logical id that an output's value refers to."""
    return str(value["Ref"] if "Ref" in value else value["Fn::GetAtt"][0])


def test_what_page_and_api_know_of_each_other_cannot_change_unnoticed(
    synthesize: Callable[..., Synthesized],
) -> None:
    templates = synthesize("dev", **FULL).templates

    weak = {
        (consumer, target_of(value))
        for consumer, value, _ in weak_values(synthesize("dev", **FULL))
        if consumer != "monitoring"
    }
    assert weak == {
        ("web-content", "FilesUserPool8EB81930"),
        ("web-content", "FilesUserPoolClient80F7E538"),
    }
    imported = set(found_in(templates["web-content"], "Fn::ImportValue"))
    assert imported <= set(exports_of(templates["files"])) | set(exports_of(templates["web"]))
    exported = {json.dumps(exports_of(templates["files"]).get(name)) for name in imported}
    assert {
        '{"Fn::GetAtt": ["FilesApiB4EBE2FD", "ApiEndpoint"]}',
        '{"Fn::GetAtt": ["FilesBucket7C17EE2E", "RegionalDomainName"]}',
        '{"Ref": "AWS::StackId"}',
    } <= exported


def test_a_weakly_read_value_changes_only_with_its_logical_id(
    synthesize: Callable[..., Synthesized],
) -> None:
    """The reader's template names the logical id, so it changes too, and is deployed.

    A create-only property could give a resource another value under the same logical id.
    """
    findings = set()
    for consumer, value, producer in weak_values(synthesize("dev", **FULL)):
        resource = producer["Resources"][target_of(value)]
        kind = resource["Type"]
        schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", kind).schema
        create_only = {
            path.removeprefix("/properties/") for path in schema.get("createOnlyProperties", [])
        }
        for name in create_only & set(resource.get("Properties", {})):
            # A reference to a resource that is frozen itself, or what its construct fixes.
            if (kind, name) not in FIXED:
                findings.add((consumer, target_of(value), kind, name))

    assert findings == set()


# Neither a setting nor an argument sets these.
FIXED = {
    ("AWS::ApiGatewayV2::Api", "ProtocolType"),
    ("AWS::ApiGatewayV2::Stage", "ApiId"),
    ("AWS::Cognito::UserPoolClient", "UserPoolId"),
    # Made of the stack's name and id, and the construct's path: it is in the logical id, too.
    ("AWS::Logs::LogGroup", "LogGroupName"),
    ("AWS::Cognito::UserPoolClient", "GenerateSecret"),
}


def test_another_sign_in_address_changes_the_template_of_the_page(
    synthesize: Callable[..., Synthesized],
) -> None:
    unnamed, named = (
        json.dumps(synthesize("dev", **settings).template("web-content"))
        for settings in (FULL, {**FULL, **NAMES})
    )

    assert "https://acme.auth." not in unnamed
    assert "https://acme.auth." in named


@pytest.mark.parametrize("settings", CHANGES.values(), ids=CHANGES)
def test_no_setting_takes_away_what_a_deployed_stack_imports(
    synthesize: Callable[..., Synthesized], settings: dict[str, str]
) -> None:
    """CloudFormation refuses to remove or change an export while it is imported."""
    before, after = (
        synthesize("dev", **FULL).templates,
        synthesize("dev", **{**FULL, **settings}).templates,
    )
    imported = {
        name for template in before.values() for name in found_in(template, "Fn::ImportValue")
    }

    for service in before.keys() & after.keys():
        was, now = exports_of(before[service]), exports_of(after[service])
        kept = {name: now.get(name) for name in was if name in imported}
        assert kept == {name: was[name] for name in was if name in imported}, service


def test_deployments_need_no_force() -> None:
    for path in ("Makefile", "docs/pipeline.md", "local/deploy.py"):
        deploys = [
            line for line in (REPOSITORY / path).read_text().splitlines() if "deploy" in line
        ]
        assert not [line for line in deploys if "--force" in line], path
