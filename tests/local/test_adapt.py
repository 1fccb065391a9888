"""Synthesized apps of others, changed for the embedded cloud; assemblies written by hand."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from local.adapt import adapt
from local.errors import CloudError

HASH = "a" * 64
OTHER = "b" * 64


def function(asset: str, **variables: str) -> dict[str, Any]:
    return {
        "Type": "AWS::Lambda::Function",
        "Properties": {
            "Code": {"S3Key": f"{asset}.zip"},
            "Environment": {"Variables": variables},
        },
    }


def write_assembly(folder: Path, environment: str = "aws://unknown-account/unknown-region") -> Path:
    """An assembly with a function of Wideload's, and one of the app's own."""
    folder.mkdir(parents=True, exist_ok=True)
    for asset, member in ((HASH, "wideload_runtime/__init__.py"), (OTHER, "handler.py")):
        with zipfile.ZipFile(folder / f"asset.{asset}.zip", "w") as archive:
            archive.writestr(member, "built for AWS")
    template = {
        "Resources": {
            "Ours": function(HASH, WIDELOAD_S3_ADDRESSING_STYLE="virtual", WIDELOAD_BUCKET="b"),
            "Theirs": function(OTHER, STYLE="virtual"),
            "Queue": {"Type": "AWS::SQS::Queue"},
        }
    }
    (folder / "Calls.template.json").write_text(json.dumps(template))
    files = {HASH: {"source": {"path": f"asset.{HASH}.zip"}}}
    (folder / "Calls.assets.json").write_text(json.dumps({"files": files}))
    stack = {"type": "aws:cloudformation:stack", "environment": environment}
    (folder / "manifest.json").write_text(json.dumps({"artifacts": {"Calls": stack}}))
    return folder


@pytest.fixture
def code(tmp_path: Path) -> Path:
    folder = tmp_path / "code"
    (folder / "wideload_runtime").mkdir(parents=True)
    (folder / "wideload_runtime" / "__init__.py").write_text("built for this machine")
    return folder


@pytest.mark.parametrize("place", [".", "assembly-Stage"])
def test_wideloads_functions_get_this_machines_code(tmp_path: Path, code: Path, place: str) -> None:
    assembly = tmp_path / "out"
    folder = write_assembly(assembly / place)

    adapt(assembly, code)

    resources = json.loads((folder / "Calls.template.json").read_text())["Resources"]
    key = resources["Ours"]["Properties"]["Code"]["S3Key"]
    assert key != f"{HASH}.zip"
    with zipfile.ZipFile(folder / f"asset.{key}") as archive:
        assert archive.read("wideload_runtime/__init__.py") == b"built for this machine"
    assert not (folder / f"asset.{HASH}.zip").exists()
    listed = json.loads((folder / "Calls.assets.json").read_text())["files"]
    assert listed == {key.removesuffix(".zip"): {"source": {"path": f"asset.{key}"}}}


def test_functions_of_the_app_itself_stay_as_they_are(tmp_path: Path, code: Path) -> None:
    assembly = write_assembly(tmp_path / "out")

    adapt(assembly, code)

    resources = json.loads((assembly / "Calls.template.json").read_text())["Resources"]
    assert resources["Theirs"] == function(OTHER, STYLE="virtual")
    with zipfile.ZipFile(assembly / f"asset.{OTHER}.zip") as archive:
        assert archive.namelist() == ["handler.py"]


def test_presigned_urls_name_the_bucket_in_the_path(tmp_path: Path, code: Path) -> None:
    assembly = write_assembly(tmp_path / "out")

    adapt(assembly, code)

    resources = json.loads((assembly / "Calls.template.json").read_text())["Resources"]
    assert resources["Ours"]["Properties"]["Environment"]["Variables"] == {
        "WIDELOAD_S3_ADDRESSING_STYLE": "path",
        "WIDELOAD_BUCKET": "b",
    }


def test_the_same_code_has_the_same_name_again(tmp_path: Path, code: Path) -> None:
    keys = set()
    for name in ("one", "two"):
        assembly = write_assembly(tmp_path / name)
        adapt(assembly, code)
        template = json.loads((assembly / "Calls.template.json").read_text())
        keys.add(template["Resources"]["Ours"]["Properties"]["Code"]["S3Key"])

    assert len(keys) == 1


def test_a_stack_for_a_certain_account_is_refused(tmp_path: Path, code: Path) -> None:
    assembly = write_assembly(tmp_path / "out", "aws://123456789012/eu-central-1")

    expected = r"the stack Calls is for aws://123456789012/eu-central-1: leave out its env="
    with pytest.raises(CloudError, match=expected):
        adapt(assembly, code)
