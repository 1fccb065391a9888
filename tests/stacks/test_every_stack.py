"""Snapshots of all stacks, and rules for the stack of each service in each environment."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from typing import Any

import pytest

from tests.stacks.conftest import REPOSITORY, Synthesized
from tools.templates.snapshots import (
    FOLDER,
    WHOLE,
    dumps,
    file_name,
    mask,
    render,
    snapshot,
)

SNAPSHOTS = REPOSITORY / FOLDER

HAS_FUNCTIONS = {"files": True, "ingest": True, "web": False}
OUTPUTS = {
    "ingest": {
        "ApiUrl",
        "ApiKeyHeader",
        "BucketName",
        "PayloadsTableName",
        "KeysTableName",
        "QueueUrl",
        "DeadLetterQueueUrl",
        "EventDeadLetterQueueUrl",
    },
    "files": {
        "ApiUrl",
        "BucketName",
        "TableName",
        "Issuer",
        "ClientId",
        "UserPoolId",
        "SignInUrl",
    },
    "web": {"Url", "BucketName"},
}


def test_snapshots_are_those_of_the_templates(
    synthesize: Callable[[str], Synthesized], environment: str, request: pytest.FixtureRequest
) -> None:
    """A change that all environments share is a difference in prod's snapshots alone."""
    whole, templates = (
        {service: mask(each) for service, each in synthesize(name).templates.items()}
        for name in (WHOLE, environment)
    )
    contents = {
        file_name(service, environment): snapshot(template, environment, whole[service])
        for service, template in templates.items()
    }
    texts = {name: dumps(content) for name, content in contents.items()}

    if request.config.getoption("--update-snapshots", default=False):
        for name in snapshots(environment) - texts.keys():
            (SNAPSHOTS / name).unlink()
        for name, text in texts.items():
            (SNAPSHOTS / name).parent.mkdir(exist_ok=True)
            (SNAPSHOTS / name).write_text(text)

    difference = "".join(
        line
        for name in sorted(snapshots(environment) | texts.keys())
        for line in difflib.unified_diff(
            (SNAPSHOTS / name).read_text().splitlines(keepends=True)
            if (SNAPSHOTS / name).exists()
            else [],
            texts.get(name, "").splitlines(keepends=True),
            f"snapshots/{name}",
            "synthesized now",
        )
    )
    assert not difference, (
        f"{difference}\nIf every line of this is meant: pytest tests/stacks --update-snapshots"
    )
    of_prod = {file_name(service, WHOLE): template for service, template in whole.items()}
    assert render({**of_prod, **contents}, environment) == templates


def snapshots(environment: str) -> set[str]:
    """Names of an environment's snapshots."""
    return {
        str(path.relative_to(SNAPSHOTS)) for path in SNAPSHOTS.rglob(file_name("*", environment))
    }


def test_no_custom_resource(synthesized: Synthesized, service: str) -> None:
    kinds = {each["Type"] for each in synthesized.template(service)["Resources"].values()}

    assert not [kind for kind in kinds if kind.startswith(("Custom::", "AWS::CloudFormation::"))]
    ours = [handler for handler in _handlers(synthesized, service) if "wideload_runtime" in handler]
    assert ours == _handlers(synthesized, service)


def _handlers(synthesized: Synthesized, service: str) -> list[str]:
    functions = synthesized.resources(service, "AWS::Lambda::Function").values()
    return [function["Properties"]["Handler"] for function in functions]


def test_outputs_are_those_that_tools_read(synthesized: Synthesized, service: str) -> None:
    outputs = synthesized.template(service)["Outputs"]
    # The CDK's own are what other stacks read.
    own = {name for name in outputs if not name.startswith(("ExportsOutput", "PublishOutput"))}
    assert own == OUTPUTS[service]


def test_prod_keeps_its_data(synthesize: Callable[[str], Synthesized], service: str) -> None:
    prod = synthesize("prod")
    keeping = ("AWS::S3::Bucket", "AWS::DynamoDB::Table", "AWS::Cognito::UserPool")

    kept = [each for kind in keeping for each in prod.resources(service, kind).values()]

    assert {each["DeletionPolicy"] for each in kept} == {"RetainExceptOnCreate"}
    assert {each["UpdateReplacePolicy"] for each in kept} == {"Retain"}
    for table in prod.resources(service, "AWS::DynamoDB::Table").values():
        properties = table["Properties"]
        assert properties["DeletionProtectionEnabled"] is True
        assert properties["PointInTimeRecoverySpecification"] == {
            "PointInTimeRecoveryEnabled": True
        }
    for pool in prod.resources(service, "AWS::Cognito::UserPool").values():
        assert pool["Properties"]["DeletionProtection"] == "ACTIVE"
    assert prod.stack_properties(service)["terminationProtection"] is True


@pytest.mark.parametrize("name", ["dev", "staging", "local"])
def test_disposable_environments_leave_nothing(
    synthesize: Callable[[str], Synthesized], service: str, name: str
) -> None:
    disposable = synthesize(name)

    for logical_id, resource in disposable.template(service)["Resources"].items():
        properties: dict[str, Any] = resource["Properties"]
        assert resource.get("DeletionPolicy", "Delete") == "Delete", logical_id
        assert properties.get("DeletionProtectionEnabled", False) is False, logical_id
        assert properties.get("DeletionProtection", "INACTIVE") == "INACTIVE", logical_id
    assert not disposable.stack_properties(service).get("terminationProtection")


def test_stack_is_tagged(synthesized: Synthesized, service: str, environment: str) -> None:
    assert synthesized.stack_properties(service)["tags"] == {
        "application": "wideload",
        "service": service,
        "environment": environment,
    }


def test_functions_know_their_environment(
    synthesized: Synthesized, service: str, environment: str
) -> None:
    told = {
        each["WIDELOAD_ENVIRONMENT"]
        for each in synthesized.function_variables(service)
        if "WIDELOAD_CANARY_KEY_ID" not in each
    }

    assert told == ({environment} if HAS_FUNCTIONS[service] else set())


def test_only_local_uses_path_style(
    synthesized: Synthesized, service: str, environment: str
) -> None:
    styles = {
        each["WIDELOAD_S3_ADDRESSING_STYLE"]
        for each in synthesized.function_variables(service)
        if "WIDELOAD_S3_ADDRESSING_STYLE" in each
    }

    style = "path" if environment == "local" else "virtual"
    assert styles == ({style} if HAS_FUNCTIONS[service] else set())
