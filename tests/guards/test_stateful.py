"""A resource that would be replaced is found, and the finding says what would be lost."""

from __future__ import annotations

import aws_cdk as cdk
import pytest
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_sqs as sqs

from stacks.ingest_stack import IngestStack
from tests.guards.conftest import resource, settings, template_of
from tests.guards.stateful import changed_ids


def test_without_a_change_nothing_is_found(ingest: IngestStack) -> None:
    assert changed_ids(template_of(ingest), "ingest") == []


@pytest.mark.parametrize(("environment", "fate"), [("dev", "deleted"), ("prod", "left behind")])
def test_a_table_that_would_be_replaced_is_named(app: cdk.App, environment: str, fate: str) -> None:
    ingest = IngestStack(app, settings=settings(environment))
    resource(ingest.ingest.payloads_table).override_logical_id("Moved")

    assert changed_ids(template_of(ingest), "ingest") == [
        "AWS::DynamoDB::Table IngestPayloadsAD6DBC25 is gone, Moved is new: "
        f"the table would be {fate} with its items."
    ]


def test_several_are_named_together(ingest: IngestStack) -> None:
    resource(ingest.ingest.payloads_table).override_logical_id("Moved")
    resource(ingest.ingest.keys_table).override_logical_id("Renamed")
    resource(ingest.ingest.api).override_logical_id("Anew")

    assert changed_ids(template_of(ingest), "ingest") == [
        "AWS::ApiGatewayV2::Api IngestApiE2DAED7B is gone, Anew is new: "
        "the API would be deleted with the URL that clients know.",
        "AWS::DynamoDB::Table IngestKeysAE89F547, IngestPayloadsAD6DBC25 are gone, "
        "Moved, Renamed are new: the table would be deleted with its items.",
    ]


def test_a_table_that_is_taken_away_is_named(ingest: IngestStack) -> None:
    template = template_of(ingest)
    del template["Resources"]["IngestKeysAE89F547"]

    assert changed_ids(template, "ingest") == [
        "AWS::DynamoDB::Table IngestKeysAE89F547 is gone: "
        "the table would be deleted with its items."
    ]


def test_what_is_added_is_asked_about(ingest: IngestStack) -> None:
    sqs.Queue(ingest, "Added")
    dynamodb.TableV2(
        ingest,
        "Global",
        partition_key=dynamodb.Attribute(name="id", type=dynamodb.AttributeType.STRING),
    )

    assert changed_ids(template_of(ingest), "ingest") == [
        "AWS::DynamoDB::GlobalTable Global7C59AC82 is new: "
        "does it hold anything that must not be lost?",
        "AWS::SQS::Queue Added701B1C67 is new: does it hold anything that must not be lost?",
    ]
