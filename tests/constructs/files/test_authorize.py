"""The team's function that decides which files are taken."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import Duration
from aws_cdk import aws_lambda as lambda_
from aws_cdk.assertions import Template

from tests.constructs.conftest import only
from tests.constructs.policies import permissions
from wideload_cdk import FileTransfer

ARN = "arn:aws:lambda:eu-central-1:123456789012:function:decide"


def make(stack: cdk.Stack, code: lambda_.Code, **arguments: Any) -> Template:
    theirs = lambda_.Function.from_function_arn(stack, "Theirs", ARN)
    FileTransfer(stack, "Files", code=code, authorize=theirs, **arguments)
    return Template.from_stack(stack)


def variables(template: Template, name: str) -> dict[str, Any]:
    found = only(template, "AWS::Lambda::Function", name)["Environment"]["Variables"]
    return {key: value for key, value in found.items() if "AUTHORIZE" in key}


def test_the_api_alone_asks_it(stack: cdk.Stack, code: lambda_.Code) -> None:
    template = make(stack, code)

    assert variables(template, "FilesApiFunction") == {
        "WIDELOAD_AUTHORIZE_FUNCTION": ARN,
        "WIDELOAD_AUTHORIZE_SECONDS": "3",
        "WIDELOAD_AUTHORIZE_FAILURE": "closed",
    }
    assert variables(template, "FilesSweep") == {}
    api = permissions(template, "ApiFunction", construct="Files")
    assert {"lambda:InvokeFunction"} in api.values()
    sweep = permissions(template, "Sweep", construct="Files")
    assert {"lambda:InvokeFunction"} not in sweep.values()


def test_timeout_and_failure_given(stack: cdk.Stack, code: lambda_.Code) -> None:
    template = make(stack, code, authorize_timeout=Duration.seconds(10), authorize_failure="open")

    found = variables(template, "FilesApiFunction")
    assert found["WIDELOAD_AUTHORIZE_SECONDS"] == "10"
    assert found["WIDELOAD_AUTHORIZE_FAILURE"] == "open"


def test_by_default_nothing_is_asked(default_files: Template) -> None:
    assert variables(default_files, "FilesApiFunction") == {}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"authorize_timeout": Duration.seconds(21)}, "authorize_timeout is 21 seconds"),
        ({"authorize_failure": "ask"}, "authorize_failure is 'ask'; give 'closed' or 'open'"),
    ],
)
def test_refuses_what_is_not_allowed(
    stack: cdk.Stack, code: lambda_.Code, arguments: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        make(stack, code, **arguments)


def test_example_may_invoke_its_function(synthesize_example: Callable[[str], Template]) -> None:
    app = synthesize_example("authorize_app.py")

    [name] = [
        name for name in app.find_resources("AWS::Lambda::Function") if name.startswith("Authorize")
    ]
    assert variables(app, "FilesApiFunction")["WIDELOAD_AUTHORIZE_FUNCTION"] == {
        "Fn::GetAtt": [name, "Arn"]
    }
