"""Deploy an app of others to the embedded cloud, and find what Wideload's constructs made in it."""

from __future__ import annotations

import json
import shlex
import shutil
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from .adapt import adapt
from .cloud import Cloud
from .deploy import bootstrap, context_options, lock_path, run_cdk, run_deployment
from .errors import CloudError
from .locks import exclusive
from .outputs import Outputs, StackOutputs, write_outputs
from .paths import FUNCTION_CODE

_API = "AWS::ApiGatewayV2::Api"
_FUNCTION = "AWS::Lambda::Function"


def deploy_app(cloud: Cloud, app: str | None, context: Mapping[str, str]) -> Outputs:
    """Synthesize an app, deploy all its stacks, and write `outputs.json`.

    Args:
        app: A Python file, or the command that synthesizes. Default: the command of `cdk.json` in
            the current folder.
        context: CDK context beside `env=local` and `endpoint_url`.

    Raises:
        CloudError: There is no such app, or the CDK CLI failed.
    """
    folder, command = _source(app)
    assembly = cloud.directory / "cdk.out"
    shutil.rmtree(assembly, ignore_errors=True)
    options = ["--quiet", "--output", str(assembly), *context_options(cloud, context)]
    if command is not None:
        options += ["--app", command]
    bootstrap(cloud)
    with exclusive(lock_path(cloud)):
        run_cdk(cloud, ["synth", *options], folder)
        adapt(assembly, FUNCTION_CODE)
        run_deployment(cloud, ["--all", "--app", str(assembly)])
        return write_outputs(cloud, _found(cloud, assembly))


def _source(app: str | None) -> tuple[Path, str | None]:
    """The folder and the command of an app; no command for that of `cdk.json`."""
    if app is None:
        if not Path("cdk.json").is_file():
            raise CloudError(f"{Path.cwd()} has no cdk.json: name the app, such as app.py")
        return Path.cwd(), None
    path = Path(app)
    if path.suffix != ".py":
        return Path.cwd(), app
    if not path.is_file():
        raise CloudError(f"there is no {path.resolve()}")
    return path.resolve().parent, shlex.join([sys.executable, str(path.resolve())])


def _found(cloud: Cloud, assembly: Path) -> StackOutputs:
    """What the first construct of each kind made, under the names of this repository's outputs.

    Looked up in the cloud, since an app of others names its outputs as it likes, or has none.
    """
    found: dict[str, dict[str, str]] = {}
    for stack in _stack_names(assembly):
        apis = _resources(cloud, stack, _API)
        functions = [_function(cloud, name) for name in _resources(cloud, stack, _FUNCTION)]
        for function in functions:
            api = _api_of(cloud, apis, function["FunctionArn"])
            if api is not None and function["Handler"].endswith("ingest_api.handler"):
                found.setdefault("found-ingest", _ingest(cloud, api, function, functions))
            if api is not None and function["Handler"].endswith("files_api.handler"):
                found.setdefault("found-files", _files(cloud, api, function))
    return found


def _stack_names(assembly: Path) -> Iterator[str]:
    for path in sorted(assembly.rglob("manifest.json")):
        for name, artifact in json.loads(path.read_text())["artifacts"].items():
            if artifact["type"] == "aws:cloudformation:stack":
                yield artifact["properties"].get("stackName", name)


def _resources(cloud: Cloud, stack: str, kind: str) -> list[str]:
    """Physical ids of a stack's resources of one type."""
    pages = cloud.client("cloudformation").get_paginator("list_stack_resources")
    return [
        resource["PhysicalResourceId"]
        for page in pages.paginate(StackName=stack)
        for resource in page["StackResourceSummaries"]
        if resource["ResourceType"] == kind
    ]


def _function(cloud: Cloud, name: str) -> Mapping[str, Any]:
    known: Mapping[str, Any] = cloud.client("lambda").get_function_configuration(FunctionName=name)
    return known


def _variables(function: Mapping[str, Any]) -> Mapping[str, str]:
    variables: Mapping[str, str] = function["Environment"]["Variables"]
    return variables


def _api_of(cloud: Cloud, apis: list[str], function_arn: str) -> str | None:
    """The API that the function answers."""
    gateway = cloud.client("apigatewayv2")
    for api in apis:
        for integration in gateway.get_integrations(ApiId=api)["Items"]:
            if function_arn in integration.get("IntegrationUri", ""):
                return api
    return None


def _ingest(
    cloud: Cloud, api: str, function: Mapping[str, Any], functions: list[Mapping[str, Any]]
) -> dict[str, str]:
    variables = _variables(function)
    [authorizer] = cloud.client("apigatewayv2").get_authorizers(ApiId=api)["Items"]
    [keys] = (
        _variables(other)["WIDELOAD_KEYS_TABLE"]
        for other in functions
        if other["FunctionArn"] in authorizer["AuthorizerUri"]
    )
    return {
        "ApiUrl": _url(cloud, api),
        "ApiKeyHeader": authorizer["IdentitySource"][0].removeprefix("$request.header."),
        "BucketName": variables["WIDELOAD_BUCKET"],
        "PayloadsTableName": variables["WIDELOAD_PAYLOADS_TABLE"],
        "KeysTableName": keys,
    }


def _files(cloud: Cloud, api: str, function: Mapping[str, Any]) -> dict[str, str]:
    variables = _variables(function)
    [authorizer] = cloud.client("apigatewayv2").get_authorizers(ApiId=api)["Items"]
    token = authorizer["JwtConfiguration"]
    outputs = {
        "ApiUrl": _url(cloud, api),
        "ClientId": token["Audience"][0],
        "BucketName": variables["WIDELOAD_BUCKET"],
        "TableName": variables["WIDELOAD_FILES_TABLE"],
    }
    if "cognito-idp" in token["Issuer"]:
        outputs["UserPoolId"] = token["Issuer"].rpartition("/")[2]
    return outputs


def _url(cloud: Cloud, api: str) -> str:
    return f"https://{api}.execute-api.{cloud.region}.amazonaws.com"
