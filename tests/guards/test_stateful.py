"""A stateful resource that would be replaced is found, and the finding says what would be lost."""

from __future__ import annotations

import pytest

from tests.guards.conftest import reviewed
from tests.guards.policies import Resources
from tests.guards.stateful import changed_ids

PAYLOADS, KEYS, API = "IngestPayloadsAD6DBC25", "IngestKeysAE89F547", "IngestApiE2DAED7B"


def test_without_a_change_nothing_is_found(ingest: Resources) -> None:
    assert changed_ids({"Resources": ingest}, "ingest") == []


@pytest.mark.parametrize(("environment", "fate"), [("dev", "deleted"), ("prod", "left behind")])
def test_a_table_that_would_be_replaced_is_named(environment: str, fate: str) -> None:
    resources = reviewed("ingest", environment)

    resources["Moved"] = resources.pop(PAYLOADS)

    assert changed_ids({"Resources": resources}, "ingest") == [
        f"AWS::DynamoDB::Table {PAYLOADS} is gone, Moved is new: "
        f"the table would be {fate} with its items."
    ]


def test_several_are_named_together(ingest: Resources) -> None:
    ingest["Moved"] = ingest.pop(PAYLOADS)
    ingest["Renamed"] = ingest.pop(KEYS)
    ingest["Anew"] = ingest.pop(API)

    assert changed_ids({"Resources": ingest}, "ingest") == [
        f"AWS::ApiGatewayV2::Api {API} is gone, Anew is new: "
        "the API would be deleted with the URL that clients know.",
        f"AWS::DynamoDB::Table {KEYS}, {PAYLOADS} are gone, "
        "Moved, Renamed are new: the table would be deleted with its items.",
    ]


def test_a_table_that_is_removed_is_named(ingest: Resources) -> None:
    del ingest[KEYS]

    assert changed_ids({"Resources": ingest}, "ingest") == [
        f"AWS::DynamoDB::Table {KEYS} is gone: the table would be deleted with its items."
    ]


def test_an_added_resource_is_asked_about(ingest: Resources) -> None:
    ingest["Queue"] = {"Type": "AWS::SQS::Queue"}
    ingest["Global"] = {"Type": "AWS::DynamoDB::GlobalTable"}

    assert changed_ids({"Resources": ingest}, "ingest") == [
        "AWS::DynamoDB::GlobalTable Global is new: does it hold anything that must not be lost?",
        "AWS::SQS::Queue Queue is new: does it hold anything that must not be lost?",
    ]
