"""`IngestStack` by its settings."""

from __future__ import annotations

from collections.abc import Callable

import aws_cdk as cdk
import pytest
from aws_cdk.assertions import Template

from stacks.ingest_stack import IngestStack
from stacks.settings import Settings
from tests.stacks.conftest import PLACEHOLDER_CODE, Synthesized


def test_settings_of_the_archive_reach_the_bucket() -> None:
    settings = Settings.for_environment(
        "dev",
        {
            "lambda_code": PLACEHOLDER_CODE,
            "retention_days": "400",
            "archive_infrequent_access_days": "30",
            "archive_glacier_days": "90",
        },
    )

    template = Template.from_stack(IngestStack(cdk.App(), settings=settings))

    buckets = template.find_resources("AWS::S3::Bucket").values()
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
    queue = synthesize(name).resources("ingest", "AWS::SQS::Queue")["IngestQueue95F6DB49"]

    assert queue["Properties"]["DelaySeconds"] == seconds


def test_five_functions(synthesized: Synthesized) -> None:
    assert len(synthesized.resources("ingest", "AWS::Lambda::Function")) == 5
