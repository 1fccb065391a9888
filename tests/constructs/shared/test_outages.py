"""`docs/outages.md` rests on numbers that code and templates have."""

from __future__ import annotations

import inspect
import re
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from aws_cdk.assertions import Template
from botocore.exceptions import EndpointConnectionError

from tests.constructs.conftest import only
from tests.pages import missing_links, missing_tests
from wideload import Client, _retry
from wideload_runtime.adapters import clients
from wideload_runtime.core.errors import Refused
from wideload_runtime.core.ingest import document, ingest
from wideload_runtime.handlers._http import Api

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs" / "outages.md"
TEXT = PAGE.read_text()
PROSE, _, NUMBERS = TEXT.partition("## Numbers\n")
UPLOADER = ROOT / "web" / "packages" / "uploader" / "src"


def shown(seconds: float) -> str:
    """A time in the largest unit that it is whole in."""
    for unit, size in (("day", 86_400), ("hour", 3600), ("minute", 60)):
        if seconds % size == 0:
            count = int(seconds // size)
            return f"{count} {unit}{'' if count == 1 else 's'}"
    return f"{seconds:g} seconds"


def constant(file: str, name: str) -> float:
    """A number of the uploader's."""
    [value] = re.findall(rf"const {name} = ([\d_]+);", (UPLOADER / file).read_text())
    return float(value.replace("_", ""))


def waits(first: float, longest: float, repeats: int, retry_after: float = 0) -> float:
    """The longest that a client can wait between all of its requests."""
    return sum(max(retry_after, min(longest, first * 2**count)) for count in range(repeats))


def retry_after() -> int:
    """`Retry-After` of a 503 for an unavailable service."""
    answers: list[Refused] = []
    api: Any = SimpleNamespace(problem=answers.append)
    Api._aws_failed(api, EndpointConnectionError(endpoint_url=""))
    [refused] = answers
    assert (refused.status, refused.code) == (503, "unavailable")
    assert refused.retry_after is not None
    return refused.retry_after


def lifecycle(template: Template, bucket: str, rule: str) -> int:
    """Seconds after which a bucket's rule deletes."""
    rules = only(template, "AWS::S3::Bucket", bucket)["LifecycleConfiguration"]["Rules"]
    [days] = [one["ExpirationInDays"] for one in rules if one["Id"] == rule]
    return int(days) * 86_400


@pytest.fixture(scope="module")
def numbers(everything: Template) -> list[tuple[str, str, str]]:
    """Rows of the page's last table."""

    def variable(function: str, name: str) -> int:
        properties = only(everything, "AWS::Lambda::Function", function)
        return int(properties["Environment"]["Variables"][name])

    queue = only(everything, "AWS::SQS::Queue", "IngestQueue")
    verify = only(everything, "AWS::SQS::Queue", "VerifyQueue")
    receives = queue["RedrivePolicy"]["maxReceiveCount"]
    hidden = queue["VisibilityTimeout"]
    for name in ("VisibilityTimeout", "MessageRetentionPeriod"):
        assert queue[name] == verify[name]
    assert verify["RedrivePolicy"]["maxReceiveCount"] == receives
    dead = {
        properties["MessageRetentionPeriod"]
        for resource in everything.find_resources("AWS::SQS::Queue").values()
        if "RedrivePolicy" not in (properties := resource["Properties"])
    }
    rules = [
        resource["Properties"]
        for resource in everything.find_resources("AWS::Events::Rule").values()
    ]
    uploads = only(everything, "AWS::Events::Rule", "UnclaimedUploads")
    # EventBridge's own policy: 24 hours, 185 times.
    assert "RetryPolicy" not in uploads["Targets"][0]
    assert "DeadLetterConfig" in uploads["Targets"][0]
    [(sweeps, _), *_] = sorted(
        (rule["ScheduleExpression"], str(rule))
        for rule in rules
        if "sweep" in rule.get("Description", "")
    )
    assert sweeps == "rate(1 hour)"
    stream = only(everything, "AWS::Lambda::EventSourceMapping", "IngestEventsStream")
    assert "MaximumRetryAttempts" not in stream
    alarms = [
        resource["Properties"]
        for resource in everything.find_resources("AWS::CloudWatch::Alarm").values()
    ]
    [missing] = [one for one in alarms if one["AlarmName"].endswith("ingest-sweep-missing")]
    period = missing.get("Period") or missing["Metrics"][0]["MetricStat"]["Period"]
    authorizer = only(everything, "AWS::ApiGatewayV2::Authorizer", "KeyAuthorizer")
    api = only(everything, "AWS::Lambda::Function", "IngestApiFunction")
    limit = variable("IngestApiFunction", "WIDELOAD_IN_REQUEST_LIMIT")
    arguments = inspect.signature(Client).parameters
    retries: int = arguments["retries"].default
    first, longest = _retry._FIRST_DELAY, _retry._LONGEST_DELAY
    asked = retry_after()
    parts = int(constant("uploader.ts", "PART_RETRIES"))
    page_retries = int(constant("http.ts", "RETRIES"))
    page_first = constant("pacing.ts", "FIRST_DELAY") / 1000
    page_longest = constant("pacing.ts", "LONGEST_DELAY") / 1000
    config = clients._CONFIG

    return [
        ("The API's functions end after", shown(api["Timeout"]), "`API_TIMEOUT`"),
        (
            "A function asks AWS",
            f"{config.retries['total_max_attempts']} times, connecting {config.connect_timeout} "
            f"seconds and waiting {config.read_timeout} seconds for an answer at most",
            "`adapters/clients.py`",
        ),
        ("A 503 asks for a pause of", f"{asked} seconds", "`handlers/_http.py`"),
        (
            "Keys are remembered for",
            shown(authorizer["AuthorizerResultTtlInSeconds"]),
            "`AUTHORIZER_CACHE`; at the gateway",
        ),
        (
            "Documents in their records",
            f"up to {document.IN_ITEM_GZIP // 1024} KiB of gzip",
            "`IN_ITEM_GZIP`",
        ),
        ("Claims that the worker takes", f"over {limit // 1_000_000} MB", "`in_request_limit`"),
        (
            "A message is hidden after each delivery for",
            shown(hidden),
            "the queues' visibility timeout",
        ),
        ("Deliveries of a message", f"{receives} times", "the queues' redrive policy"),
        (
            "So waiting messages survive an outage of",
            shown((receives - 1) * hidden),
            "the two above",
        ),
        ("Messages are kept for", shown(queue["MessageRetentionPeriod"]), "the queues' retention"),
        ("Dead letters are kept for", shown(dead.pop()), "the dead-letter queues' retention"),
        (
            "EventBridge repeats to the queue for",
            "24 hours",
            "[its default](https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-retry-policy.html)",
        ),
        (
            "S3 repeats to EventBridge for",
            "24 hours",
            "[AWS](https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-service-event-delivery-level.html)",
        ),
        (
            "Events of finished payloads are tried for",
            shown(stream["MaximumRecordAgeInSeconds"]),
            "`STREAM_RECORD_AGE`",
        ),
        ("The sweeps run every", "1 hour", "`SWEEP_INTERVAL`"),
        (
            "`sweep-missing` goes off after",
            shown(period * missing["EvaluationPeriods"]),
            "the alarm",
        ),
        (
            "An upload URL is valid for",
            shown(variable("IngestApiFunction", "WIDELOAD_UPLOAD_URL_TTL")),
            "`upload_url_ttl`",
        ),
        (
            "Uploaded documents are kept for",
            shown(lifecycle(everything, "IngestBucketEDD", "Expire")),
            "`transit_expiration`",
        ),
        ("An unused record is kept for", shown(ingest.TRANSIT_SECONDS), "`TRANSIT_SECONDS`"),
        ("An idempotency key is remembered for", "24 hours", "`IDEMPOTENCY_SECONDS`"),
        (
            "A file's URL is valid for",
            shown(variable("FilesApiFunction", "WIDELOAD_FILE_URL_TTL")),
            "`url_ttl`",
        ),
        (
            "An upload of a file may take",
            shown(variable("FilesApiFunction", "WIDELOAD_UPLOAD_SESSION_TTL")),
            "`session_ttl`",
        ),
        (
            "The Python client repeats a request",
            f"{retries} times, over {shown(waits(first, longest, retries, asked))} at most",
            "`retries`",
        ),
        (
            "The page repeats a request of the API",
            f"{page_retries} times, over "
            f"{shown(waits(page_first, page_longest, page_retries, asked))} at most",
            "`@wideload/uploader`",
        ),
        (
            "The page repeats a part",
            f"{parts} times, over {shown(waits(page_first, page_longest, parts))} at most",
            "`@wideload/uploader`",
        ),
    ]


def test_numbers_are_those_of_code_and_templates(numbers: list[tuple[str, str, str]]) -> None:
    assert timedelta(hours=24).total_seconds() == ingest.IDEMPOTENCY_SECONDS
    expected = "".join(f"| {' | '.join(row)} |\n" for row in numbers)

    assert NUMBERS.partition("| --- | --- | --- |\n")[2] == expected


def quantities(text: str) -> set[tuple[str, str]]:
    found = re.findall(r"(\d[\d.,]*) (second|minute|hour|day|time|KiB|MB)s?\b", text)
    return {(number.replace(",", ""), unit) for number, unit in found}


def test_no_cell_has_a_number_of_its_own(numbers: list[tuple[str, str, str]]) -> None:
    known = quantities("\n".join(value for _, value, _ in numbers))

    assert quantities(PROSE) <= known


def test_queued_messages_are_kept_for_more_than_a_day(everything: Template) -> None:
    queue = only(everything, "AWS::SQS::Queue", "IngestQueue")

    assert queue["MessageRetentionPeriod"] >= timedelta(days=2).total_seconds()
    assert lifecycle(everything, "IngestBucketEDD", "Expire") >= timedelta(days=2).total_seconds()


def test_tests_and_pages_that_it_names_are_there() -> None:
    assert missing_tests(TEXT) == []
    assert missing_links(TEXT) == []
