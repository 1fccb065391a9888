"""`IngestStack` by its settings."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk.assertions import Template

from stacks.ingest_stack import IngestStack
from stacks.settings import Settings
from tests.stacks.conftest import PLACEHOLDER_CODE


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


def test_pages_that_the_settings_name_may_call_api_and_bucket() -> None:
    settings = Settings.for_environment(
        "dev", {"lambda_code": PLACEHOLDER_CODE, "ingest_cors_origins": "https://app.example.com"}
    )

    template = Template.from_stack(IngestStack(cdk.App(), settings=settings))

    [api] = template.find_resources("AWS::ApiGatewayV2::Api").values()
    assert api["Properties"]["CorsConfiguration"]["AllowOrigins"] == ["https://app.example.com"]
    rules = [
        rule["AllowedOrigins"]
        for bucket in template.find_resources("AWS::S3::Bucket").values()
        for rule in bucket["Properties"].get("CorsConfiguration", {}).get("CorsRules", [])
    ]
    assert rules == [["https://app.example.com"]]
