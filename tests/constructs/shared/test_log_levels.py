"""Log levels: the lines that functions write at each level, and that Lambda passes on."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk.assertions import Template

from tests.constructs.conftest import cdk_json_context, only
from wideload_cdk import FileTransfer, IngestCanary, PayloadIngest
from wideload_cdk.shared.checks import LOG_LEVELS
from wideload_cdk.shared.function import FunctionSettings, RuntimeFunction
from wideload_cdk.shared.logs import LogSettings

LAMBDA_SRC = Path(__file__).parents[3] / "lambda_src"
RFC_3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")
# As Powertools names them.
LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")

# One invocation, in a runtime that prepares the root logger as Lambda's does.
PROGRAM = """
import logging, os
from types import SimpleNamespace

logging.basicConfig(level=os.environ["AWS_LAMBDA_LOG_LEVEL"], format="%(message)s")

from wideload_runtime.adapters.telemetry import EmfMetrics, logger, metrics

counted = EmfMetrics("test")

@logger.inject_lambda_context
@metrics.log_metrics
def handler(event, context):
    counted.add("PayloadStoredCount", 1)
    for level in ("debug", "info", "warning", "error"):
        getattr(logger, level)("a line")
        getattr(logging.getLogger("botocore.credentials"), level)("a library's line")

handler({}, SimpleNamespace(
    function_name="f", memory_limit_in_mb=1, invoked_function_arn="arn", aws_request_id="r"
))
"""


@pytest.fixture(scope="module", params=LOG_LEVELS)
def setting(request: pytest.FixtureRequest) -> str:
    level: str = request.param
    return level


@pytest.fixture(scope="module")
def function(setting: str, code_folder: Path) -> dict[str, Any]:
    """A function with a log level."""
    stack = cdk.Stack(cdk.App(context=cdk_json_context()), "Stack")
    RuntimeFunction(
        stack,
        "Function",
        handler="files_api",
        description="",
        memory_size=512,
        timeout=cdk.Duration.seconds(1),
        settings=FunctionSettings(
            service="files",
            code=lambda_.Code.from_asset(str(code_folder)),
            architecture=lambda_.Architecture.ARM_64,
            log_level=setting,
            logs=LogSettings(logs.RetentionDays.ONE_WEEK, cdk.RemovalPolicy.DESTROY, None),
            tracing=True,
        ),
    )
    return only(Template.from_stack(stack), "AWS::Lambda::Function")


@pytest.fixture(scope="module")
def written(function: dict[str, Any]) -> subprocess.CompletedProcess[str]:
    """The output of a handler that logs by Powertools, in the environment that a template gives."""
    given = {
        name: value
        for name, value in function["Environment"]["Variables"].items()
        if name.startswith("POWERTOOLS_")
    }
    return subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(LAMBDA_SRC),
            "AWS_LAMBDA_LOG_FORMAT": "JSON",
            "AWS_LAMBDA_LOG_LEVEL": function["LoggingConfig"]["ApplicationLogLevel"],
            **given,
        },
        capture_output=True,
        text=True,
        check=True,
    )


def reach_cloudwatch(lines: list[str], level: str) -> list[dict[str, Any]]:
    """The lines that Lambda passes on. One without level or RFC 3339 timestamp counts as INFO.

    https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-log-level.html
    """
    kept = []
    for line in map(json.loads, lines):
        timed = RFC_3339.fullmatch(line.get("timestamp", ""))
        counts_as = line["level"] if timed and "level" in line else "INFO"
        if LEVELS.index(counts_as) >= LEVELS.index(level.replace("WARN", "WARNING")):
            kept.append(line)
    return kept


def test_lambda_drops_no_line_without_a_level(setting: str, function: dict[str, Any]) -> None:
    assert function["LoggingConfig"]["LogFormat"] == "JSON"
    # Metrics have no level, so they count as INFO.
    assert function["LoggingConfig"]["ApplicationLogLevel"] == (
        "DEBUG" if setting == "DEBUG" else "INFO"
    )
    # `durations-and-memory` reads these lines, which Lambda writes at INFO.
    assert function["LoggingConfig"]["SystemLogLevel"] == "INFO"
    assert function["Environment"]["Variables"]["POWERTOOLS_LOG_LEVEL"] == setting


def test_lines_from_the_level_on_and_all_metrics_reach_cloudwatch(
    setting: str, function: dict[str, Any], written: subprocess.CompletedProcess[str]
) -> None:
    seen = reach_cloudwatch(
        written.stdout.splitlines(), function["LoggingConfig"]["ApplicationLogLevel"]
    )

    expected = list(LEVELS[LOG_LEVELS.index(setting) :])
    assert [line["level"] for line in seen if "_aws" not in line] == expected
    (metrics,) = [line for line in seen if "_aws" in line]
    assert metrics["PayloadStoredCount"] == [1]
    # Lines of libraries go to the root logger's handler, and none below INFO.
    libraries = max(1, LOG_LEVELS.index(setting))
    assert written.stderr.splitlines() == ["a library's line"] * (len(LEVELS) - libraries)


def test_timestamps_are_those_that_lambda_reads(
    written: subprocess.CompletedProcess[str],
) -> None:
    lines = [json.loads(line) for line in written.stdout.splitlines()]
    ours = [line for line in lines if "_aws" not in line]

    assert ours
    assert [line for line in ours if not RFC_3339.fullmatch(line["timestamp"])] == []


def test_every_function_has_the_level_of_its_construct(
    stack: cdk.Stack, code: lambda_.Code
) -> None:
    ingest = PayloadIngest(stack, "Ingest", code=code, log_level="WARN")
    IngestCanary(stack, "Canary", ingest=ingest, code=code, log_level="WARN")
    FileTransfer(stack, "Files", verify_multipart=True, code=code, log_level="WARN")

    functions = Template.from_stack(stack).find_resources("AWS::Lambda::Function").values()
    levels = [
        each["Properties"]["Environment"]["Variables"]["POWERTOOLS_LOG_LEVEL"] for each in functions
    ]
    assert levels == ["WARN"] * 10
