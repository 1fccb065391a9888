"""A team's authorize function on the embedded cloud, asked by the adapter of the API's function."""

from __future__ import annotations

import io
import json
import secrets
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from botocore.config import Config

from local.cloud import Cloud
from tests.runtime.files.files_world import large, refusal, wish
from wideload_runtime.adapters.authorize_function import LambdaAuthorizeFunction
from wideload_runtime.core.errors import Refused
from wideload_runtime.core.files.authorizing import AuthorizeError, Authorizing
from wideload_runtime.core.files.records import NewName
from wideload_runtime.core.files.requests import UploadRequest

EXAMPLE = Path(__file__).parents[3] / "examples/authorize/handler.py"
ASSUMED = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Action": "sts:AssumeRole",
            "Principal": {"Service": "lambda.amazonaws.com"},
        }
    ],
}
# The owner says how the function behaves; otherwise it is the example's.
FAULTS = """
import time

import handler as example


def handler(event, context):
    answer = example.handler(event, context)
    match event["owner"]:
        case "slow":
            time.sleep(4)
        case "failing":
            raise RuntimeError("a fault of theirs")
        case "garbage":
            return "yes"
        case "many":
            return {"files": answer["files"] * 2}
    return answer
"""


@pytest.fixture(scope="module")
def deployed(cloud: Cloud) -> Iterator[str]:
    """Name of the function, which has been invoked once: that starts a process."""
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.write(EXAMPLE, "handler.py")
        archive.writestr("faults.py", FAULTS)
    functions, roles = cloud.client("lambda"), cloud.client("iam")
    name = f"authorize-{secrets.token_hex(4)}"
    role = roles.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(ASSUMED))["Role"]
    functions.create_function(
        FunctionName=name,
        Runtime="python3.13",
        Handler="faults.handler",
        Role=role["Arn"],
        Code={"ZipFile": code.getvalue()},
        Timeout=10,
    )
    LambdaAuthorizeFunction(functions, name).ask({"owner": "ann", "files": []})
    yield name
    functions.delete_function(FunctionName=name)
    roles.delete_role(RoleName=name)


@pytest.fixture
def function(
    cloud: Cloud, deployed: str, request: pytest.FixtureRequest
) -> LambdaAuthorizeFunction:
    seconds = getattr(request, "param", 60)
    once = Config(read_timeout=seconds, retries={"total_max_attempts": 1})
    return LambdaAuthorizeFunction(cloud.client("lambda", config=once), deployed)


def test_files_are_allowed_with_metadata_or_refused_with_a_reason(
    function: LambdaAuthorizeFunction,
) -> None:
    ours = Authorizing(function=function, failure="closed", environment="local")
    name = NewName(folder="apollo/raw", name="take 1.mov", content_type="video/quicktime")
    film = replace(wish(large()), name=name)

    allowed, refused = ours.authorize("ann", [film, wish(large(), "offer.txt")])

    assert isinstance(allowed, UploadRequest)
    assert allowed.name.metadata == {"project": "apollo"}
    assert isinstance(refused, Refused)
    assert (refused.code, refused.detail) == ("not_allowed", "Only videos are taken here.")


@pytest.mark.parametrize(
    ("function", "owner", "why"),
    [
        (2, "slow", "it did not answer: Read timeout"),
        (60, "failing", "it failed: .*a fault of theirs"),
        (60, "garbage", "no list files"),
        (60, "many", "has 2 files, the question has 1"),
    ],
    indirect=["function"],
)
def test_a_function_that_fails_refuses_or_takes_all_by_setting(
    function: LambdaAuthorizeFunction, owner: str, why: str
) -> None:
    closed = Authorizing(function=function, failure="closed", environment="local")
    opened = Authorizing(function=function, failure="open", environment="local")

    refused = refusal(lambda: closed.authorize(owner, [wish(large())]))
    with pytest.raises(AuthorizeError, match=why):
        opened.authorize(owner, [wish(large())])

    assert (refused.code, refused.retry_after) == ("unavailable", 5)
