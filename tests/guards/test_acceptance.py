"""Checks of the acceptance tests, on answers of AWS that the embedded cloud can't give.

Each check passes with AWS's answers for a correct deployment, and fails with one value changed.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.acceptance import embedded, test_configuration, test_metrics
from tests.acceptance.deployment import Deployment, Resource
from tests.acceptance.report import Claim, Report
from tests.integration.test_acceptance import BROKEN as BROKEN_ON_THE_CLOUD
from tests.pages import read_page, tables
from tools.costs.acceptance import run_cost

OUTPUTS = {
    "ingest": {"BucketName": "uploads", "PayloadsTableName": "payloads"},
    "files": {"BucketName": "files", "TableName": "people"},
    "web": {},
    "monitoring": {},
}
RESOURCES = [
    Resource("IngestBucket", "uploads", "AWS::S3::Bucket", "ingest", {}),
    Resource("IngestBucketAccessLogs", "logs", "AWS::S3::Bucket", "ingest", {}),
    Resource("FilesBucket", "files", "AWS::S3::Bucket", "files", {}),
    Resource("IngestKey", "key", "AWS::KMS::Key", "ingest", {}),
    Resource(
        "IngestPayloads",
        "payloads",
        "AWS::DynamoDB::Table",
        "ingest",
        {"PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": True}},
    ),
    Resource(
        "ApiErrors",
        "wideload-prod-ingest-api-errors",
        "AWS::CloudWatch::Alarm",
        "monitoring",
        {},
    ),
    Resource("WebDistribution", "E1", "AWS::CloudFront::Distribution", "web", {}),
]
"""Of a deployment with a key of its own for ingest."""


def no_such(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": ""}}, "Get")


def encryption(algorithm: str) -> dict[str, Any]:
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": algorithm}}
    return {"ServerSideEncryptionConfiguration": {"Rules": [rule]}}


ABORT = {
    "ID": "abort",
    "Filter": {"Prefix": ""},
    "Status": "Enabled",
    "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 1},
}
TRANSIT = {
    "ID": "transit",
    "Filter": {"Prefix": "transit/"},
    "Status": "Enabled",
    "Expiration": {"Days": 7},
}
LOGS = {"ID": "logs", "Filter": {}, "Status": "Enabled", "Expiration": {"Days": 90}}
ALARM = {"AlarmName": "wideload-prod-ingest-api-errors", "StateReason": "1 datapoint"}

ANSWERS: dict[tuple[str, str, str], Any] = {
    ("s3", "get_bucket_encryption", "uploads"): encryption("aws:kms"),
    ("s3", "get_bucket_encryption", "logs"): encryption("AES256"),
    ("s3", "get_bucket_encryption", "files"): encryption("AES256"),
    ("s3", "get_bucket_lifecycle_configuration", "uploads"): {"Rules": [ABORT, TRANSIT]},
    ("s3", "get_bucket_lifecycle_configuration", "files"): {"Rules": [ABORT]},
    ("s3", "get_bucket_lifecycle_configuration", "logs"): {"Rules": [LOGS]},
    ("dynamodb", "describe_table", "payloads"): {
        "Table": {"SSEDescription": {"Status": "ENABLED", "SSEType": "KMS"}}
    },
    ("dynamodb", "describe_time_to_live", "payloads"): {
        "TimeToLiveDescription": {"TimeToLiveStatus": "ENABLED", "AttributeName": "expires_at"}
    },
    ("dynamodb", "describe_time_to_live", "people"): {
        "TimeToLiveDescription": {"TimeToLiveStatus": "ENABLED", "AttributeName": "expires_at"}
    },
    ("dynamodb", "describe_continuous_backups", "payloads"): {
        "ContinuousBackupsDescription": {
            "ContinuousBackupsStatus": "ENABLED",
            "PointInTimeRecoveryDescription": {"PointInTimeRecoveryStatus": "ENABLED"},
        }
    },
    ("cloudfront", "get_distribution_config", "E1"): {
        "DistributionConfig": {
            "DefaultCacheBehavior": {"ViewerProtocolPolicy": "redirect-to-https"}
        }
    },
    ("cloudwatch", "get_metric_statistics", "S3UploadSize"): {
        "Label": "S3UploadSize",
        "Datapoints": [{"SampleCount": 2.0, "Sum": 31_000_000.0, "Unit": "Bytes"}],
    },
    ("cloudwatch", "describe_alarms", ALARM["AlarmName"]): {
        "MetricAlarms": [{**ALARM, "StateValue": "OK"}],
        "CompositeAlarms": [{"AlarmName": "wideload-prod-ingest", "StateValue": "OK"}],
    },
}
"""AWS's answers, by service, operation and the argument that names the resource."""


class FakeClient:
    """A boto3 client that answers from a table, and refuses all else."""

    def __init__(self, service: str, answers: Mapping[tuple[str, str, str], Any]) -> None:
        self._service, self._answers = service, answers

    def __getattr__(self, operation: str) -> Callable[..., Any]:
        def call(**arguments: Any) -> Any:
            [answer] = [
                answer
                for (service, name, about), answer in self._answers.items()
                if (service, name) == (self._service, operation)
                and about in str(arguments.values())
            ]
            if isinstance(answer, Exception):
                raise answer
            return answer

        return call

    def get_paginator(self, operation: str) -> Any:
        class Paginator:
            @staticmethod
            def paginate(**arguments: Any) -> list[Any]:
                return [getattr(self, operation)(**arguments)]

        return Paginator


class FakeDeployment(Deployment):
    outputs = OUTPUTS
    resources = RESOURCES

    def __init__(self, answers: Mapping[tuple[str, str, str], Any]) -> None:
        super().__init__("prod", None)
        self._answers = answers

    def client(self, service: str) -> Any:
        return FakeClient(service, self._answers)


class FakeRun:
    began = 1_790_000_000.0


def metric_claim(deployment: Deployment, seen: Callable[[str], None]) -> None:
    test_metrics.test_the_metric_is_in_cloudwatch(
        FakeRun(), deployment, 0.0, "ingest", "S3UploadSize", seen
    )


LIFECYCLE, ALARMS = "get_bucket_lifecycle_configuration", "describe_alarms"
NO_LIFECYCLE = no_such("NoSuchLifecycleConfiguration")
BROKEN: list[tuple[Callable[..., None], tuple[str, str, str], Any]] = [
    (
        test_configuration.test_every_bucket_is_encrypted,
        ("s3", "get_bucket_encryption", "uploads"),
        encryption("AES256"),
    ),
    (
        test_configuration.test_every_table_and_queue_is_encrypted,
        ("dynamodb", "describe_table", "payloads"),
        {"Table": {}},
    ),
    (
        test_configuration.test_unfinished_multipart_uploads_are_aborted_by_lifecycle,
        ("s3", LIFECYCLE, "files"),
        NO_LIFECYCLE,
    ),
    (
        test_configuration.test_unfinished_multipart_uploads_are_aborted_by_lifecycle,
        ("s3", LIFECYCLE, "files"),
        {"Rules": [{**ABORT, "Status": "Disabled"}]},
    ),
    (
        test_configuration.test_uploads_in_transit_expire_by_lifecycle,
        ("s3", LIFECYCLE, "uploads"),
        {"Rules": [ABORT]},
    ),
    (
        test_configuration.test_access_logs_expire_by_lifecycle,
        ("s3", LIFECYCLE, "logs"),
        NO_LIFECYCLE,
    ),
    (
        test_configuration.test_expired_items_are_deleted_by_the_tables,
        ("dynamodb", "describe_time_to_live", "people"),
        {"TimeToLiveDescription": {"TimeToLiveStatus": "DISABLED"}},
    ),
    (
        test_configuration.test_tables_can_be_restored_to_any_time_where_the_template_says_so,
        ("dynamodb", "describe_continuous_backups", "payloads"),
        {
            "ContinuousBackupsDescription": {
                "ContinuousBackupsStatus": "ENABLED",
                "PointInTimeRecoveryDescription": {"PointInTimeRecoveryStatus": "DISABLED"},
            }
        },
    ),
    (
        test_configuration.test_the_page_takes_no_plain_http,
        ("cloudfront", "get_distribution_config", "E1"),
        {"DistributionConfig": {"DefaultCacheBehavior": {"ViewerProtocolPolicy": "allow-all"}}},
    ),
    # A metric that was renamed has no values under its name.
    (
        metric_claim,
        ("cloudwatch", "get_metric_statistics", "S3UploadSize"),
        {"Label": "S3UploadSize", "Datapoints": []},
    ),
    (
        test_metrics.test_no_alarm_sounds,
        ("cloudwatch", ALARMS, ALARM["AlarmName"]),
        {"MetricAlarms": [{**ALARM, "StateValue": "ALARM"}], "CompositeAlarms": []},
    ),
    (
        test_metrics.test_no_alarm_lacks_data,
        ("cloudwatch", ALARMS, ALARM["AlarmName"]),
        {"MetricAlarms": [{**ALARM, "StateValue": "INSUFFICIENT_DATA"}], "CompositeAlarms": []},
    ),
]
"""Claim, and what AWS answers instead."""


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(test_metrics, "MINUTES", 0)


@pytest.mark.parametrize(("claim", "where", "instead"), BROKEN)
def test_a_claim_holds_of_what_is_right_and_fails_of_what_is_broken(
    claim: Callable[..., None], where: tuple[str, str, str], instead: Any
) -> None:
    said: list[str] = []
    claim(FakeDeployment(ANSWERS), said.append)

    with pytest.raises(AssertionError):
        claim(FakeDeployment({**copy.deepcopy(ANSWERS), where: instead}), said.append)


def test_plain_http_that_is_answered_fails_its_claim(monkeypatch: pytest.MonkeyPatch) -> None:
    deployment = FakeDeployment(ANSWERS)
    said: list[str] = []
    for service in ("ingest", "files"):
        monkeypatch.setitem(OUTPUTS[service], "ApiUrl", "https://api.example.com")
    answers: dict[str, int | None] = {"http://api": None, "http://bucket": 403}
    signed = "https://bucket.example.com/?signature"
    monkeypatch.setitem(ANSWERS, ("s3", "generate_presigned_url", "Bucket"), signed)
    # As a bucket that takes plain HTTP answers what has no signature, too.
    monkeypatch.setattr(
        test_configuration,
        "_status",
        lambda url: (
            answers.get(url.partition(".")[0], 200) if "signature" in url or "api" in url else 403
        ),
    )

    test_configuration.test_plain_http_is_refused(deployment, said.append)
    assert said[0] == "ingest: API no answer, bucket 403"
    answers["http://bucket"] = 200
    with pytest.raises(AssertionError):
        test_configuration.test_plain_http_is_refused(deployment, said.append)


def test_a_bucket_that_allows_nothing_anyway_shows_nothing_of_plain_http(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(ANSWERS, ("s3", "generate_presigned_url", "Bucket"), "https://bucket/")
    monkeypatch.setattr(test_configuration, "_status", lambda _url: 403)

    with pytest.raises(AssertionError, match="uploads over TLS: 403"):
        test_configuration.test_plain_http_is_refused(FakeDeployment(ANSWERS), print)


def test_metrics_share_the_time_that_they_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each on its own would wait for longer than the workflow may take."""
    missing = {
        **ANSWERS,
        ("cloudwatch", "get_metric_statistics", "S3UploadSize"): {"Datapoints": []},
    }
    waited: list[float] = []
    monkeypatch.setattr(
        test_metrics, "until", lambda look, *, seconds, pause: waited.append(seconds)
    )

    for _ in range(2):
        with pytest.raises(AssertionError):
            metric_claim(FakeDeployment(missing), print)

    assert max(waited) <= 0


def test_what_aws_refuses_to_say_is_no_lack_of_configuration() -> None:
    denied = {**ANSWERS, ("s3", LIFECYCLE, "files"): no_such("AccessDenied")}

    with pytest.raises(ClientError, match="AccessDenied"):
        test_configuration.test_unfinished_multipart_uploads_are_aborted_by_lifecycle(
            FakeDeployment(denied), print
        )


def test_an_environment_that_is_not_there_is_named() -> None:
    class Nowhere:
        class meta:  # noqa: N801 - as botocore has it
            region_name = "eu-central-1"

        @staticmethod
        def describe_stacks(**_: str) -> None:
            raise no_such("ValidationError")

    class Session:
        @staticmethod
        def client(_service: str) -> type[Nowhere]:
            return Nowhere

    with pytest.raises(LookupError, match="No stack wideload-prdo-… is in eu-central-1"):
        Deployment("prdo", Session()).outputs  # noqa: B018 - asks


def test_the_report_names_each_claim() -> None:
    report = Report("prod", "eu-central-1", calls={"S3: GetBucketPolicy"})
    report.claims = [
        Claim("test_x.py::test_no_alarm_sounds", "failed", "AssertionError: ['a | b']\nmore"),
        Claim("test_x.py::test_the_metric_is_there[ingest-X]", "passed", "2 values"),
    ]
    report.figures = [("worker", "80 MB/s")]
    report.traces = ["**This run left a key.**"]

    lines = report.markdown(datetime(2026, 11, 27, tzinfo=UTC)).splitlines()

    assert "1 claims hold, 1 don't, 0 are not shown." in lines[2]
    assert "| no alarm sounds | **fails** | AssertionError: ['a \\| b'] more |" in lines
    assert "| the metric is there (ingest-X) | holds | 2 values |" in lines
    assert "| worker | 80 MB/s |" in lines
    assert "- **This run left a key.**" in lines
    assert lines[-1] == "- S3: GetBucketPolicy"


def test_every_claim_that_the_embedded_cloud_cant_show_is_there() -> None:
    folder = Path(embedded.__file__).parent

    unknown = {
        name
        for name in embedded.CANT_SHOW
        for file, _, test in [name.partition("::")]
        if f"def {test}(" not in (folder / file).read_text()
    }

    assert unknown == set()


def test_the_page_has_the_table_of_what_the_embedded_cloud_cant_show() -> None:
    assert embedded.markdown() in read_page("acceptance.md")


def test_the_page_lists_the_faults_that_are_tested() -> None:
    [rows] = tables(read_page("acceptance.md"), "fault", "claim that fails")
    in_answers = {
        test_metrics.test_the_metric_is_in_cloudwatch if claim is metric_claim else claim
        for claim, _, _ in BROKEN
    } | {test_configuration.test_plain_http_is_refused}

    listed = [claim for _, claim in rows]

    assert listed[:10] == list(BROKEN_ON_THE_CLOUD)
    assert set(listed[10:]) | {"expired items are deleted by the tables"} == {
        embedded.claim_of(claim.__name__) for claim in in_answers
    }


def test_the_page_says_what_a_run_costs() -> None:
    text = " ".join(read_page("acceptance.md").split())
    assert f"A run costs some ${run_cost():.2f}" in text
    assert f"with a thousand parts ${run_cost(thousand_parts=True):.2f}" in text
