"""What `IngestStack` deploys in each environment."""

from __future__ import annotations

import difflib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk.assertions import Template

import app as app_module
from stacks.settings import ENVIRONMENTS
from tests.stacks.conftest import PLACEHOLDER_CODE, Synthesized, mask_assets

SNAPSHOTS = Path(__file__).parent / "snapshots"

# A new logical id means a new resource: the old one is deleted, or left behind, with what it
# holds. Change these only with a migration of the data.
STATEFUL = {
    "AWS::S3::Bucket": {"IngestBucketEDD8587D", "IngestBucketAccessLogs3B7D0005"},
    "AWS::DynamoDB::Table": {"IngestPayloadsAD6DBC25", "IngestKeysAE89F547"},
    "AWS::SQS::Queue": {
        "IngestQueue95F6DB49",
        "IngestDeadLetterQueueE8016E9B",
        "IngestEventDeadLetterQueueABCDDC81",
    },
    "AWS::Logs::LogGroup": {
        "IngestApiFunctionLogsBFB45B12",
        "IngestWorkerLogs78B41E0F",
        "IngestSweepLogs574263FB",
        "IngestEventsLogs02A5CE31",
        "IngestAuthorizerLogsDAC0B5FC",
        "IngestApiAccessLogsF75E3E6E",
    },
    # Its id is in the URL that clients know.
    "AWS::ApiGatewayV2::Api": {"IngestApiE2DAED7B"},
}


def resources(synthesized: Synthesized, kind: str) -> dict[str, dict[str, Any]]:
    return {
        logical_id: resource
        for logical_id, resource in synthesized.template["Resources"].items()
        if resource["Type"] == kind
    }


def test_template_is_the_reviewed_one(
    synthesized: Synthesized, environment: str, request: pytest.FixtureRequest
) -> None:
    snapshot = SNAPSHOTS / f"{environment}.json"
    text = json.dumps(mask_assets(synthesized.template), indent=1, sort_keys=True) + "\n"

    if request.config.getoption("--update-snapshots", default=False):
        snapshot.write_text(text)

    reviewed = snapshot.read_text() if snapshot.exists() else ""
    difference = "".join(
        difflib.unified_diff(
            reviewed.splitlines(keepends=True),
            text.splitlines(keepends=True),
            f"snapshots/{environment}.json",
            "synthesized now",
        )
    )
    assert not difference, (
        f"{difference}\nIf every line of this is meant: pytest tests/stacks --update-snapshots"
    )


def test_every_snapshot_has_its_environment() -> None:
    assert {path.stem for path in SNAPSHOTS.glob("*.json")} == set(ENVIRONMENTS)


@pytest.mark.parametrize("kind", STATEFUL)
def test_logical_ids_of_stateful_resources_are_frozen(synthesized: Synthesized, kind: str) -> None:
    assert set(resources(synthesized, kind)) == STATEFUL[kind]


def test_no_other_kind_of_stateful_resource(synthesized: Synthesized) -> None:
    stateless = {
        "AWS::ApiGatewayV2::Authorizer",
        "AWS::ApiGatewayV2::Integration",
        "AWS::ApiGatewayV2::Route",
        "AWS::ApiGatewayV2::Stage",
        "AWS::Events::Rule",
        "AWS::IAM::Policy",
        "AWS::IAM::Role",
        "AWS::Lambda::EventSourceMapping",
        "AWS::Lambda::Function",
        "AWS::Lambda::Permission",
        "AWS::S3::BucketPolicy",
        "AWS::SQS::QueuePolicy",
    }

    kinds = {resource["Type"] for resource in synthesized.template["Resources"].values()}

    assert kinds - stateless == set(STATEFUL), "a new kind: is it stateful? list it here or above"


def test_outputs_are_those_that_tools_read(synthesized: Synthesized) -> None:
    assert set(synthesized.template["Outputs"]) == {
        "ApiUrl",
        "ApiKeyHeader",
        "BucketName",
        "PayloadsTableName",
        "KeysTableName",
        "QueueUrl",
        "DeadLetterQueueUrl",
        "EventDeadLetterQueueUrl",
    }


def test_prod_keeps_its_data(synthesize: Callable[[str], Synthesized]) -> None:
    prod = synthesize("prod")

    kept = {**resources(prod, "AWS::S3::Bucket"), **resources(prod, "AWS::DynamoDB::Table")}

    assert {resource["DeletionPolicy"] for resource in kept.values()} == {"Retain"}
    assert {resource["UpdateReplacePolicy"] for resource in kept.values()} == {"Retain"}
    for table in resources(prod, "AWS::DynamoDB::Table").values():
        properties = table["Properties"]
        assert properties["DeletionProtectionEnabled"] is True
        assert properties["PointInTimeRecoverySpecification"] == {
            "PointInTimeRecoveryEnabled": True
        }
    assert _stack_properties(prod)["terminationProtection"] is True


@pytest.mark.parametrize("name", ["dev", "local"])
def test_disposable_environments_leave_nothing(
    synthesize: Callable[[str], Synthesized], name: str
) -> None:
    disposable = synthesize(name)

    for logical_id, resource in disposable.template["Resources"].items():
        assert resource.get("DeletionPolicy", "Delete") == "Delete", logical_id
        assert resource["Properties"].get("DeletionProtectionEnabled", False) is False, logical_id
    assert not _stack_properties(disposable).get("terminationProtection")


def test_stack_is_tagged(synthesized: Synthesized, environment: str) -> None:
    assert _stack_properties(synthesized)["tags"] == {
        "application": "wideload",
        "service": "ingest",
        "environment": environment,
    }


def test_functions_know_their_environment(synthesized: Synthesized, environment: str) -> None:
    functions = resources(synthesized, "AWS::Lambda::Function").values()

    variables = [function["Properties"]["Environment"]["Variables"] for function in functions]

    assert {each["WIDELOAD_ENVIRONMENT"] for each in variables} == {environment}


def test_settings_of_the_archive_reach_the_bucket() -> None:
    app = cdk.App(
        context={
            "env": "dev",
            "lambda_code": PLACEHOLDER_CODE,
            "retention_days": "400",
            "archive_infrequent_access_days": "30",
            "archive_glacier_days": "90",
        }
    )
    app_module.build(app)

    stack = app.node.find_child("wideload-dev-ingest")
    buckets = Template.from_stack(stack).find_resources("AWS::S3::Bucket").values()
    rules = [
        rule
        for bucket in buckets
        for rule in bucket["Properties"]["LifecycleConfiguration"]["Rules"]
        if rule.get("Prefix") == "archive/"
    ]
    assert rules == [
        {
            "Id": "Archive",
            "Status": "Enabled",
            "Prefix": "archive/",
            "ExpirationInDays": 401,
            "Transitions": [
                {"StorageClass": "STANDARD_IA", "TransitionInDays": 30},
                {"StorageClass": "GLACIER_IR", "TransitionInDays": 90},
            ],
        }
    ]


@pytest.mark.parametrize(("name", "seconds"), [("prod", 60), ("local", 2)])
def test_unclaimed_uploads_wait(
    synthesize: Callable[[str], Synthesized], name: str, seconds: int
) -> None:
    queue = resources(synthesize(name), "AWS::SQS::Queue")["IngestQueue95F6DB49"]

    assert queue["Properties"]["DelaySeconds"] == seconds


def test_only_local_uses_path_style(synthesized: Synthesized, environment: str) -> None:
    functions = resources(synthesized, "AWS::Lambda::Function").values()
    variables = [function["Properties"]["Environment"]["Variables"] for function in functions]

    styles = {
        each["WIDELOAD_S3_ADDRESSING_STYLE"]
        for each in variables
        if "WIDELOAD_S3_ADDRESSING_STYLE" in each
    }

    assert styles == {"path" if environment == "local" else "virtual"}


def test_no_custom_resource(synthesized: Synthesized) -> None:
    kinds = {resource["Type"] for resource in synthesized.template["Resources"].values()}

    assert not [kind for kind in kinds if kind.startswith(("Custom::", "AWS::CloudFormation::"))]
    assert len(resources(synthesized, "AWS::Lambda::Function")) == 5


def _stack_properties(synthesized: Synthesized) -> dict[str, Any]:
    properties: dict[str, Any] = synthesized.manifest["artifacts"][synthesized.stack_name][
        "properties"
    ]
    return properties
