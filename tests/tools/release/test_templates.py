"""The templates of a release: no bootstrap, no CDK, and nothing that the linter finds."""

from __future__ import annotations

import json
import re
import zipfile
from pathlib import Path
from typing import Any

import pytest
from cfnlint.config import ConfigMixIn
from cfnlint.decode.decode import decode_str
from cfnlint.runner import Runner

from tests.stacks.test_rules import UNHEEDED
from tools.release.templates import Templates, write_templates


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Code that stands for that of the functions."""
    path = tmp_path_factory.mktemp("code") / "arm64.zip"
    with zipfile.ZipFile(path, "w") as opened:
        opened.writestr("wideload_runtime/__init__.py", "")
    return path


@pytest.fixture(scope="module")
def written(archive: Path, tmp_path_factory: pytest.TempPathFactory) -> Templates:
    return write_templates(tmp_path_factory.mktemp("release"), archive, "1.2.3")


@pytest.fixture(params=["ingest", "files"])
def template(written: Templates, request: pytest.FixtureRequest) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(getattr(written, request.param).read_text())
    return read


def test_every_function_takes_its_code_from_the_bucket_of_the_parameters(
    template: dict[str, Any], written: Templates
) -> None:
    functions = [
        resource["Properties"]
        for resource in template["Resources"].values()
        if resource["Type"] == "AWS::Lambda::Function"
    ]

    assert functions
    for function in functions:
        assert function["Code"] == {
            "S3Bucket": {"Ref": "AssetsBucket"},
            "S3Key": {"Fn::Sub": f"${{AssetsPrefix}}{written.code.name}"},
        }


def test_a_template_needs_no_bootstrap_and_tells_nothing_of_the_cdk(
    template: dict[str, Any],
) -> None:
    text = json.dumps(template)

    assert "BootstrapVersion" not in template["Parameters"]
    assert "Rules" not in template
    assert "hnb659fds" not in text
    assert "aws:cdk:path" not in text


def test_a_template_fits_into_a_request_to_cloudformation(written: Templates) -> None:
    for path in (written.ingest, written.files):
        assert path.stat().st_size <= 51_200


def test_metrics_are_those_of_the_stack(template: dict[str, Any]) -> None:
    [names] = {
        json.dumps(resource["Properties"]["Environment"]["Variables"]["WIDELOAD_ENVIRONMENT"])
        for resource in template["Resources"].values()
        if resource["Type"] == "AWS::Lambda::Function"
        and "WIDELOAD_ENVIRONMENT" in resource["Properties"]["Environment"]["Variables"]
    }

    assert json.loads(names) == {"Ref": "AWS::StackName"}


def test_the_codes_name_changes_with_the_code(
    written: Templates, archive: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other.zip"
    other.write_bytes(archive.read_bytes() + b"\0")

    changed = write_templates(tmp_path, other, "1.2.3")

    assert re.fullmatch(r"wideload-functions-1\.2\.3-[0-9a-f]{12}\.zip", written.code.name)
    assert changed.code.name != written.code.name
    assert written.code.read_bytes() == archive.read_bytes()


def test_the_linter_finds_nothing(template: dict[str, Any]) -> None:
    linter = Runner(ConfigMixIn(regions=["us-east-1", "eu-central-1"], include_checks=["I"]))

    found = linter.validate_template(decode_str(json.dumps(template))[0])

    assert [str(finding) for finding in found if finding.rule.id not in UNHEEDED] == []
