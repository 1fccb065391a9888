"""Stacks, code and templates for the tests of constructs."""

from __future__ import annotations

import functools
import json
import runpy
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import assertions
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_

from wideload_cdk import FileTransfer, IngestCanary, PayloadIngest, TransferMonitoring
from wideload_cdk.shared import assets
from wideload_cdk.web import page

EXAMPLES = Path(__file__).parents[2] / "examples"
CDK_JSON = Path(__file__).parents[2] / "cdk.json"


@functools.cache
def cdk_json_context() -> dict[str, Any]:
    """The feature flags that this repository deploys with."""
    context: dict[str, Any] = json.loads(CDK_JSON.read_text())["context"]
    return context


@pytest.fixture
def stack() -> cdk.Stack:
    """An empty stack of no particular account or region."""
    return cdk.Stack(cdk.App(context=cdk_json_context(), tree_metadata=False), "Stack")


@pytest.fixture
def role(stack: cdk.Stack) -> iam.Role:
    """A role of another team in `stack`."""
    return iam.Role(stack, "Reader", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))


@pytest.fixture(scope="session")
def code_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that stands for built Lambda code."""
    folder = tmp_path_factory.mktemp("code")
    (folder / "wideload_runtime").mkdir()
    (folder / "wideload_runtime" / "__init__.py").write_text("")
    return folder


@pytest.fixture(scope="session")
def template_of(code_folder: Path) -> Callable[..., assertions.Template]:
    """Synthesize a construct in an app without feature flags, as another team's may be.

    Equal arguments give the same template, which is only to be read.
    """
    ids = {PayloadIngest: "Ingest", FileTransfer: "Files"}

    @functools.cache
    def synthesize(kind: type[Any], **arguments: Any) -> assertions.Template:
        stack = cdk.Stack(cdk.App(tree_metadata=False), "Default")
        kind(stack, ids[kind], code=lambda_.Code.from_asset(str(code_folder)), **arguments)
        return assertions.Template.from_stack(stack)

    return synthesize


@pytest.fixture(scope="session")
def default_ingest(template_of: Callable[..., assertions.Template]) -> assertions.Template:
    return template_of(PayloadIngest)


@pytest.fixture(scope="session")
def default_files(template_of: Callable[..., assertions.Template]) -> assertions.Template:
    return template_of(FileTransfer)


@pytest.fixture(scope="session")
def verifying_files(template_of: Callable[..., assertions.Template]) -> assertions.Template:
    return template_of(FileTransfer, verify_multipart=True)


@pytest.fixture(scope="session")
def everything(code_folder: Path) -> assertions.Template:
    """Everything that can be watched, with everything that can be made."""
    stack = cdk.Stack(cdk.App(context=cdk_json_context()), "All")
    code = lambda_.Code.from_asset(str(code_folder))
    monitoring = TransferMonitoring(stack, "Watch", name_prefix="wideload-test")
    ingest = PayloadIngest(stack, "Ingest", code=code)
    canary = IngestCanary(stack, "Canary", ingest=ingest, code=code)
    monitoring.monitor_ingest(ingest, canary=canary)
    files = FileTransfer(stack, "Files", code=code, verify_multipart=True, scan=True)
    monitoring.monitor_files(files)
    return assertions.Template.from_stack(stack)


@pytest.fixture
def code(code_folder: Path) -> lambda_.Code:
    """Lambda code where the code doesn't matter."""
    return lambda_.Code.from_asset(str(code_folder))


@pytest.fixture(scope="session")
def synthesize_example(
    tmp_path_factory: pytest.TempPathFactory,
) -> Callable[[str], assertions.Template]:
    """The template of an app in `examples/`, made as `cdk synth` makes it."""
    built = tmp_path_factory.mktemp("built")
    zipfile.ZipFile(built / "arm64.zip", "w").close()

    def run(name: str) -> assertions.Template:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(assets, "_BUILT", built)
            patch.setattr(page, "BUILT", EXAMPLES.parent / "tests" / "stacks" / "placeholder_page")
            made = runpy.run_path(str(EXAMPLES / name))
        return assertions.Template.from_stack(made["stack"])

    return run


def only(template: assertions.Template, kind: str, id_part: str = "") -> dict[str, Any]:
    """Properties of the one resource of `kind` whose logical id contains `id_part`."""
    found = {
        logical_id: resource
        for logical_id, resource in template.find_resources(kind).items()
        if id_part in logical_id
    }
    assert len(found) == 1, f"{kind} {id_part}: {sorted(found)}"
    properties: dict[str, Any] = next(iter(found.values()))["Properties"]
    return properties


def name_prefix(template: assertions.Template) -> str:
    """The prefix of names in a `TransferMonitoring`: the dashboard's name without the region."""
    start, region = only(template, "AWS::CloudWatch::Dashboard")["DashboardName"]["Fn::Join"][1]
    assert region == {"Ref": "AWS::Region"}
    return str(start).removesuffix("-")
