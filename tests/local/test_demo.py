"""The demo's report of a run."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

import wideload
from local.cloud import Cloud
from local.demo import (
    FILES_METRICS,
    INGEST_METRICS,
    DemoFailedError,
    emitted_since,
    show_metrics,
    transfer_folder,
)
from tests.fake_aws.files import TOKEN, serving_files

EXPECTED_METRICS = INGEST_METRICS | FILES_METRICS
FUNCTIONS = ("files-api", "ingest-api")
BEGAN = 1_764_230_400.75
"""Epoch seconds at which the second run begins."""


def test_only_what_this_run_emitted_is_counted(cloud: Cloud) -> None:
    """Each function wrote in both runs, and one of them more lines in the first."""
    for name, before in zip(FUNCTIONS, (1, 3), strict=True):
        _create_function(cloud, name)
        _print(cloud, name, BEGAN - 60, *[{"Before": [7]}] * before)
    _print(cloud, "files-api", BEGAN + 1, {"FileUploadCount": [1]})
    _print(cloud, "ingest-api", BEGAN + 1, {"LargePayloadCount": [1]}, {"S3UploadSize": [5, 6]})

    lines = emitted_since(cloud, BEGAN)

    found = {name: line[name] for line in lines for name in line if name != "_aws"}
    assert found == {"FileUploadCount": [1], "LargePayloadCount": [1], "S3UploadSize": [5, 6]}
    assert len(lines) == 3


def test_metrics_are_summed_and_a_missing_one_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    names = EXPECTED_METRICS - {"BytesSaved"}
    lines = [_emf(0, {name: [2, 3]}) for name in sorted(names)]

    with pytest.raises(DemoFailedError, match="no function emitted BytesSaved"):
        show_metrics(lines, EXPECTED_METRICS)
    shown = capsys.readouterr().out
    assert shown.count(" 5 Count") == len(names)

    show_metrics([*lines, _emf(0, {"BytesSaved": [1]})], EXPECTED_METRICS)


def test_a_folder_is_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with serving_files() as service, wideload.Client(service.url, token=TOKEN) as client:
        transfer_folder(client.files, tmp_path)
        left = {f"{file['folder']}/{file['name']}" for file in service.files.values()}

    shown = capsys.readouterr().out
    assert "A folder: 3 files of 200,000 bytes, two of them names of one content" in shown
    assert "400,000 bytes sent" in shown
    assert shown.count("equal: yes") == 2
    assert left == {"demo/copy of offer.txt", "demo/signed/first.txt"}


def _create_function(cloud: Cloud, name: str) -> None:
    role = cloud.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument="{}")["Role"]
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("index.py", "def handler(event, context): ...")
    cloud.client("lambda").create_function(
        FunctionName=name,
        Runtime="python3.13",
        Handler="index.handler",
        Role=role["Arn"],
        Code={"ZipFile": code.getvalue()},
    )
    logs = cloud.client("logs")
    logs.create_log_group(logGroupName=f"/aws/lambda/{name}")
    logs.create_log_stream(logGroupName=f"/aws/lambda/{name}", logStreamName="one")


def _print(cloud: Cloud, function: str, at: float, *metrics: dict[str, list[int]]) -> None:
    """Let a function have printed EMF lines, beside a line of another kind."""
    lines = [json.dumps(_emf(at, values)) for values in metrics]
    cloud.client("logs").put_log_events(
        logGroupName=f"/aws/lambda/{function}",
        logStreamName="one",
        logEvents=[
            {"timestamp": int(at * 1000), "message": line} for line in ["START RequestId", *lines]
        ],
    )


def _emf(at: float, values: dict[str, list[int]]) -> dict[str, Any]:
    metrics = [{"Name": name, "Unit": "Count"} for name in values]
    directive = {"Namespace": "Wideload", "Dimensions": [], "Metrics": metrics}
    return {"_aws": {"Timestamp": int(at * 1000), "CloudWatchMetrics": [directive]}, **values}
