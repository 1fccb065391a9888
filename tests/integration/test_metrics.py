"""Metrics of every path: CloudWatch takes them, they are those that are declared, and alarms and
dashboard look at nothing else.

Runs when all other tests of this folder have run. What judges is in `emf` and `watched`, and
tested in `test_metric_findings`; whether values are right: `test_telemetry`.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_lambda as lambda_

import app
from local.paths import ROOT
from tests.integration.emf import Emitted, faults, metrics_of
from tests.integration.permissions import name_of
from tests.integration.watched import (
    Assembly,
    Look,
    Metric,
    not_emitted,
    not_watched,
    undocumented,
)
from wideload_cdk import FileTransfer, PayloadIngest
from wideload_cdk.shared.names import METRIC_NAMESPACE

ENVIRONMENT = "dev"
"""Whose templates are read. The embedded cloud has neither all alarms nor the dashboard."""
CONTEXT = {
    "env": ENVIRONMENT,
    "lambda_code": "tests/stacks/placeholder_code",
    "page": "tests/stacks/placeholder_page",
    # All that there is to watch.
    "account_concurrency": "1000",
    "bucket_metrics": "true",
    "canary_minutes": "15",
    "file_scan": "events",
    "verify_multipart": "true",
}

OF_AN_UPLOAD = {
    "LargePayloadCount",
    "PayloadFailedCount",
    "PayloadStoredCount",
    "ProcessingDuration",
    "S3DownloadDuration",
    "S3UploadDuration",
    "S3UploadSize",
}
PATHS = {
    "IngestApiFunction": OF_AN_UPLOAD | {"InlinePayloadCount"},
    "IngestWorker": OF_AN_UPLOAD | {"UnclaimedPayloadCount"},
    "IngestSweep": {
        "ExpiredUploadCount",
        "LostUploadCount",
        "OrphanObjectCount",
        "PayloadFailedCount",
        "RepairedPayloadCount",
        "SweepBacklogAge",
    },
    "FilesApiFunction": {
        "BytesSaved",
        "DuplicateFileCount",
        "FileDownloadCount",
        "FileUploadCount",
        "FileUploadSize",
    },
    "FilesSweep": {
        "ExpiredUploadCount",
        "FileUploadCount",
        "FileUploadSize",
        "LeftoverObjectCount",
        "SweepBacklogAge",
        "UnscannedFileCount",
    },
    "FilesScanResults": {"FileCleanCount", "FileMalwareCount", "FileNotScannedCount"},
    "FilesVerifier": {"FileCorruptCount", "FileUnverifiableCount", "FileVerifiedCount"},
}
"""Metrics of each function, on all its paths."""

NOT_WATCHED: dict[str, str] = {}
"""Metrics that neither an alarm nor a widget looks at, and why."""

Lines = dict[tuple[str, str], list[dict[str, Any]]]


@pytest.fixture(scope="module")
def lines(logs: dict[str, list[str]]) -> Lines:
    """All lines with metrics, by environment and function."""
    found: Lines = {}
    for group, texts in logs.items():
        # /aws/cloudformation/wideload-<environment>-<service>/<logical id>
        stack, name = group.split("/")[-2:]
        where = stack.split("-")[1], name_of(name).removesuffix("Logs")
        found[where] = [json.loads(text) for text in texts if '"_aws"' in text]
    return found


@pytest.fixture(scope="module")
def emitted(lines: Lines) -> dict[tuple[str, str], list[Emitted]]:
    return {
        where: [metric for line in theirs for metric in metrics_of(line)]
        for where, theirs in lines.items()
    }


@pytest.fixture(scope="module")
def declared() -> dict[tuple[str, str], str]:
    """Units of the metrics for which the constructs have a method, by service and name."""
    found = {}
    stack = cdk.Stack(cdk.App(), "Stack")
    code = lambda_.Code.from_asset(str(ROOT / CONTEXT["lambda_code"]))
    for kind in (PayloadIngest, FileTransfer):
        construct = kind(stack, kind.__name__, code=code)
        for name in dir(kind):
            if name.startswith("metric_"):
                metric = getattr(construct, name)()
                service = metric.dimensions["service"]
                found[service, metric.metric_name] = metric.unit.name.capitalize()
    return found


@pytest.fixture(scope="module")
def assembly(tmp_path_factory: pytest.TempPathFactory, whole_suite: None) -> Assembly:
    """The templates of an environment that watches all there is."""
    folder = tmp_path_factory.mktemp("watched")
    context = json.loads((ROOT / "cdk.json").read_text())["context"] | CONTEXT
    made = cdk.App(outdir=str(folder), context=context)
    app.build(made)
    made.synth()
    suffix = ".template.json"
    return Assembly(
        {
            path.name.removesuffix(suffix): json.loads(path.read_text())
            for path in Path(folder).glob(f"*{suffix}")
        }
    )


@pytest.fixture(scope="module")
def looks(assembly: Assembly) -> list[Look]:
    return list(assembly.looks())


@pytest.fixture(scope="module")
def known(emitted: dict[tuple[str, str], list[Emitted]]) -> set[Metric]:
    """Emitted metrics, as if by the environment whose templates are read."""
    return {
        Metric(
            one.namespace,
            one.name,
            frozenset((dimensions | {"environment": ENVIRONMENT}).items()),
        )
        for theirs in emitted.values()
        for one in theirs
        for dimensions in map(dict, one.dimensions)
    }


def test_cloudwatch_takes_every_line(lines: Lines) -> None:
    now = time.time()

    for where, theirs in lines.items():
        for line in theirs:
            assert faults(line, now=now) == [], where


def test_every_path_emits_what_it_should(emitted: dict[tuple[str, str], list[Emitted]]) -> None:
    paths: dict[str, set[str]] = {}
    for (_, function), theirs in emitted.items():
        paths.setdefault(function, set()).update(metric.name for metric in theirs)

    assert {function: names for function, names in paths.items() if names} == PATHS


def test_every_metric_is_a_declared_one_of_its_service(
    emitted: dict[tuple[str, str], list[Emitted]], declared: dict[tuple[str, str], str]
) -> None:
    for (environment, function), theirs in emitted.items():
        service = "files" if function.startswith("Files") else "ingest"
        for metric in theirs:
            assert metric.namespace == METRIC_NAMESPACE
            assert metric.dimensions == ({"service": service, "environment": environment},)
            assert metric.unit == declared.get((service, metric.name)), metric
            assert all(value >= 0 for value in metric.values), metric
            if metric.unit == "Count" and not function.endswith("Sweep"):
                assert set(metric.values) == {1}, metric


def test_every_declared_metric_is_emitted(
    known: set[Metric], declared: dict[tuple[str, str], str]
) -> None:
    assert {(dict(metric.dimensions)["service"], metric.name) for metric in known} == set(declared)


def test_alarms_and_widgets_look_at_what_is_emitted(looks: list[Look], known: set[Metric]) -> None:
    assert not_emitted(looks, known, METRIC_NAMESPACE) == []
    assert not_watched(looks, known, NOT_WATCHED) == []


def test_alarms_and_widgets_look_at_what_aws_publishes(
    looks: list[Look], assembly: Assembly
) -> None:
    assert undocumented(looks, assembly, METRIC_NAMESPACE) == []
