"""Built Lambda code: found beside the package, or an error that says how to get it."""

from __future__ import annotations

import zipfile
from pathlib import Path

import aws_cdk as cdk
import pytest
from aws_cdk import aws_lambda as lambda_
from aws_cdk.assertions import Template

from wideload_cdk import PayloadIngest
from wideload_cdk.shared import assets


@pytest.fixture
def built(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An empty folder in the place where built code lies."""
    monkeypatch.setattr(assets, "_BUILT", tmp_path)
    return tmp_path


def archive(path: Path, content: str) -> None:
    with zipfile.ZipFile(path, "w") as packed:
        packed.writestr(zipfile.ZipInfo("wideload_runtime/__init__.py"), content)


def asset_keys(template: Template) -> set[str]:
    functions = template.find_resources("AWS::Lambda::Function")
    return {function["Properties"]["Code"]["S3Key"] for function in functions.values()}


def synthesize(code: lambda_.Code) -> set[str]:
    stack = cdk.Stack(cdk.App(), "Stack")
    lambda_.Function(
        stack, "Function", code=code, runtime=lambda_.Runtime.PYTHON_3_13, handler="a.handler"
    )
    return asset_keys(Template.from_stack(stack))


@pytest.mark.parametrize("architecture", [lambda_.Architecture.ARM_64, lambda_.Architecture.X86_64])
def test_code_of_each_architecture_has_its_archive(
    built: Path, architecture: lambda_.Architecture
) -> None:
    archive(built / f"{architecture.name}.zip", "")

    code = assets.built_code(architecture)

    assert code.path == str(built / f"{architecture.name}.zip")


def test_code_lies_beside_the_package() -> None:
    assert Path(assets.__file__).parents[1] / "_lambda" == assets._BUILT


def test_missing_code_names_the_command_that_builds_it(built: Path) -> None:
    with pytest.raises(FileNotFoundError, match=f"{built}/arm64.zip is missing.*`make build`"):
        assets.built_code(lambda_.Architecture.ARM_64)


def test_functions_run_the_built_code_of_their_architecture(built: Path) -> None:
    keys = {}
    for name in ("arm64", "x86_64"):
        archive(built / f"{name}.zip", name)

    for architecture in (lambda_.Architecture.ARM_64, lambda_.Architecture.X86_64):
        stack = cdk.Stack(cdk.App(), "Stack")
        PayloadIngest(stack, "Ingest", architecture=architecture)
        keys[architecture.name] = asset_keys(Template.from_stack(stack))
        expected = synthesize(assets.built_code(architecture))
        assert keys[architecture.name] == expected

    assert keys["arm64"].isdisjoint(keys["x86_64"])


def test_all_functions_share_one_asset(default_ingest: Template) -> None:
    assert len(asset_keys(default_ingest)) == 1


def test_only_other_code_is_another_asset(built: Path) -> None:
    archive(built / "arm64.zip", "")
    before = synthesize(assets.built_code(lambda_.Architecture.ARM_64))
    archive(built / "arm64.zip", "")
    again = synthesize(assets.built_code(lambda_.Architecture.ARM_64))
    archive(built / "arm64.zip", "more = 1")
    other = synthesize(assets.built_code(lambda_.Architecture.ARM_64))

    assert before == again
    assert before != other
