"""The repository's own stacks, into which a test brings a fault before they are synthesized."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest
from constructs import IConstruct

from stacks.ingest_stack import IngestStack
from stacks.settings import Settings
from stacks.web_stack import WebStack
from tests.stacks.conftest import CDK_JSON_CONTEXT, PLACEHOLDER_CODE


def settings(environment: str = "dev") -> Settings:
    return Settings.for_environment(environment, {"lambda_code": PLACEHOLDER_CODE})


@pytest.fixture
def app(tmp_path: Path) -> cdk.App:
    return cdk.App(outdir=str(tmp_path), context=CDK_JSON_CONTEXT)


@pytest.fixture
def ingest(app: cdk.App) -> IngestStack:
    return IngestStack(app, settings=settings())


@pytest.fixture
def web(app: cdk.App) -> WebStack:
    return WebStack(app, settings=settings())


def template_of(stack: cdk.Stack) -> dict[str, Any]:
    """What CloudFormation would get."""
    app = stack.node.root
    assert isinstance(app, cdk.App)
    template: dict[str, Any] = app.synth().get_stack_artifact(stack.artifact_id).template
    return template


def resource(construct: IConstruct) -> cdk.CfnResource:
    """The one resource that a construct stands for."""
    found = construct.node.default_child
    assert isinstance(found, cdk.CfnResource)
    return found
