"""`up APP`: an app of others on the embedded cloud, found without outputs of its own."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import wideload
from local.__main__ import main
from local.apps import deploy_app
from local.cloud import Cloud
from local.errors import CloudError
from local.outputs import Outputs, read_outputs
from local.paths import ROOT
from local.ports import free_port


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """A cloud that holds nothing but the app."""
    with Cloud(tmp_path_factory.mktemp("cloud"), port=free_port()) as cloud:
        yield cloud


@pytest.fixture(scope="module")
def outputs(cloud: Cloud, tmp_path_factory: pytest.TempPathFactory) -> Outputs:
    """The app of `docs/guides/local.md`, brought up from an empty folder."""
    folder = tmp_path_factory.mktemp("app")
    shutil.copytree(ROOT / "examples" / "local_app", folder, dirs_exist_ok=True)
    directory = ["--directory", str(cloud.directory)]
    assert main([*directory, "up", str(folder / "app.py")]) == 0
    found = read_outputs(cloud)
    assert found is not None
    return found


def test_both_services_are_found(outputs: Outputs) -> None:
    assert outputs["ingest"]["api_key_header"] == "x-api-key"
    assert outputs["files"]["client_id"]
    assert [person["username"] for person in outputs["files"]["users"]] == [
        "ann@example.com",
        "ben@example.com",
    ]


def test_a_document_goes_through_s3_and_a_file_through_its_own_api(
    outputs: Outputs, tmp_path: Path
) -> None:
    document = json.dumps({"noise": os.urandom(4_500_000).hex()}).encode()
    ingest = outputs["ingest"]
    with wideload.Client(
        ingest["api_url"], api_key=ingest["api_key"], ca_bundle=outputs["ca_bundle"]
    ) as client:
        receipt = client.send(document)
        assert (receipt.via, client.document(receipt.payload_id) == document) == ("s3", True)
    files = outputs["files"]
    person = files["users"][0]
    token = wideload.signin.password_token(
        files["api_url"], person["username"], person["password"], ca_bundle=outputs["ca_bundle"]
    )
    (tmp_path / "a.bin").write_bytes(b"abc")
    with wideload.Client(files["api_url"], token=token, ca_bundle=outputs["ca_bundle"]) as client:
        assert client.files.upload(tmp_path / "a.bin").file.size == 3


def test_a_function_that_can_not_be_imported_says_so_in_its_log(
    cloud: Cloud, outputs: Outputs, capsys: pytest.CaptureFixture[str]
) -> None:
    """The emulator's environment in a checkout has no boto3, which the function imports."""
    stacks = json.loads((cloud.directory / "stack-outputs.json").read_text())
    name = stacks["Transfers"]["IndexFunction"]
    ingest = outputs["ingest"]
    with wideload.Client(
        ingest["api_url"], api_key=ingest["api_key"], ca_bundle=outputs["ca_bundle"]
    ) as client:
        client.send({"n": 1})

    shown = ""
    deadline = time.monotonic() + 120
    while "boto3" not in shown and time.monotonic() < deadline:
        main(["--directory", str(cloud.directory), "logs", name])
        shown = capsys.readouterr().out
        time.sleep(0.2)

    assert "The function doesn't start: Worker init failed: No module named 'boto3'" in shown


def test_a_function_that_was_not_called_has_an_empty_log(cloud: Cloud) -> None:
    assert cloud.group_lines("/aws/lambda/not-called") == []


@pytest.mark.parametrize(
    ("app", "message"),
    [
        (None, r"has no cdk\.json: name the app, such as app\.py"),
        ("missing.py", r"there is no .*/missing\.py"),
    ],
)
def test_an_app_that_is_not_there_is_named(
    cloud: Cloud,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    app: str | None,
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)

    with pytest.raises(CloudError, match=message):
        deploy_app(cloud, app, {})


def test_an_app_by_cdk_json_is_run_in_its_folder(
    cloud: Cloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "cdk.json").write_text(json.dumps({"app": "echo here is $PWD; exit 3"}))

    with pytest.raises(CloudError, match=rf"`cdk synth` failed(.|\n)*here is {tmp_path}"):
        deploy_app(cloud, None, {})
