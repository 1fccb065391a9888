"""Each patch of the launcher: that it works, and that this ministack still needs it.

A `..._still_needs_...` test that fails means that ministack has mended the fault:
take the patch out of `local/launcher.py`, and its tests with it.
"""

import functools
import json
import socket
import ssl
import subprocess
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from local.cloud import Cloud
from local.paths import LAUNCHER, MINISTACK_PYTHON
from local.ports import free_port

KEY_SET_URL = """
import asyncio
from ministack.services import apigateway
issuer = "https://cognito-idp.us-east-1.amazonaws.com/us-east-1_abc"
result = asyncio.run(apigateway._resolve_jwks_url({"jwtConfiguration": {"issuer": issuer}}))
"""

CORS_AFTER_CREATE_AND_UPDATE = """
from ministack.services import apigateway
from ministack.services.cloudformation import provisioners
handler = provisioners._RESOURCE_HANDLERS["AWS::ApiGatewayV2::Api"]
before = {"Name": "x", "CorsConfiguration": {"AllowOrigins": ["a"], "MaxAge": 1}}
after = {"Name": "x", "CorsConfiguration": {"AllowOrigins": ["b"], "AllowHeaders": ["h"]}}
api_id, _ = handler["create"]("Api", before, "stack")
seen = [dict(apigateway._apis[api_id]["corsConfiguration"])]
handler["update"](api_id, before, after, "stack", "Api")
seen.append(dict(apigateway._apis[api_id]["corsConfiguration"]))
result = [seen, before, after]
"""

DELETES_A_FULL_BUCKET = """
from ministack.services import s3
from ministack.services.cloudformation import provisioners
handler = provisioners._RESOURCE_HANDLERS["AWS::S3::Bucket"]
full, _ = handler["create"]("Full", {}, "stack")
empty, _ = handler["create"]("Empty", {}, "stack")
s3._buckets[full]["objects"]["key"] = {}
refused = None
for name in (full, empty):
    try:
        handler["delete"](name, {})
    except ValueError as error:
        refused = str(error).replace(full, "Full")
result = [full in s3._buckets, empty in s3._buckets, refused]
"""

OPENS_PORT_443 = """
from ministack import app
app.asyncio.run = lambda _: None
seen = []
async def serve(_app, config): pass
import hypercorn.asyncio
hypercorn.asyncio.serve = lambda _app, config: seen.extend(config.bind)
import sys
sys.argv = ["ministack"]
import socket
# Stands for a machine on which this user may open port 443, and it is free.
socket.socket.bind = lambda self, address: None
app.main()
result = seen
"""

OFFERED_PROTOCOLS = """
from hypercorn.config import Config
result = Config().alpn_protocols
"""

FOLDERS_OF_TWO_WORKERS = """
import io
import zipfile
from ministack.core.lambda_runtime import Worker
source = "import os\\ndef handler(*_): return os.path.realpath(__file__)"
code = io.BytesIO()
with zipfile.ZipFile(code, "w") as archive:
    archive.writestr("made/index.py", source)
config = {
    "Runtime": "python3.13",
    "Handler": "made.index.handler",
    "FunctionName": "tried",
    "FunctionArn": "arn:aws:lambda:us-east-1:000000000000:function:tried",
}
workers = [Worker("tried", config, code.getvalue()) for _ in range(2)]
result = [worker.invoke({}, "request")["result"] for worker in workers]
for worker in workers:
    worker.kill()
"""

WAITS_FOR_LOG_LINES = """
import io
import time
import zipfile
from ministack.core.lambda_runtime import Worker
code = io.BytesIO()
with zipfile.ZipFile(code, "w") as archive:
    archive.writestr("index.py", "def handler(lines, _): [print(line) for line in lines]")
config = {
    "Runtime": "python3.13",
    "Handler": "index.handler",
    "FunctionName": "tried",
    "FunctionArn": "arn:aws:lambda:us-east-1:000000000000:function:tried",
}
worker = Worker("tried", config, code.getvalue())
worker.invoke([], "request")
naps, nap = [], time.sleep
time.sleep = lambda seconds: (naps.append(seconds), nap(seconds))
logs = [worker.invoke(event, "request")["log"] for event in (["one"], [], ["two", "three"])]
result = [len(naps), logs]
worker.kill()
"""

STARTS_WHAT_CAN_NOT_BE_IMPORTED = """
import io
import zipfile
from ministack.core.lambda_runtime import Worker
code = io.BytesIO()
with zipfile.ZipFile(code, "w") as archive:
    archive.writestr("index.py", "import nothing_there")
config = {
    "Runtime": "python3.13",
    "Handler": "index.handler",
    "FunctionName": "tried",
    "FunctionArn": "arn:aws:lambda:us-east-1:000000000000:function:tried",
}
worker = Worker("tried", config, code.getvalue())
result = []
for _ in range(2):
    try:
        result.append(worker.invoke({}, "request"))
    except RuntimeError as error:
        result.append(str(error))
        worker.kill()
"""

SCRIPTS = [
    KEY_SET_URL,
    CORS_AFTER_CREATE_AND_UPDATE,
    DELETES_A_FULL_BUCKET,
    OPENS_PORT_443,
    OFFERED_PROTOCOLS,
    FOLDERS_OF_TWO_WORKERS,
    WAITS_FOR_LOG_LINES,
    STARTS_WHAT_CAN_NOT_BE_IMPORTED,
]
"""Each leaves a `result`."""

RUN_EACH = """
import json, os, sys
folder, patched, scripts = json.load(sys.stdin)
sys.path.insert(0, folder)
import launcher
if patched:
    launcher.patch()
for number, script in enumerate(scripts):
    if os.fork() == 0:
        made = {}
        exec(script, made)
        print(json.dumps({"number": number, "result": made["result"]}), flush=True)
        os._exit(0)
    os.wait()
"""


def test_ministack_still_needs_the_key_set_over_https() -> None:
    assert _run(KEY_SET_URL).startswith("http://localhost:4999/")


def test_the_key_set_is_fetched_over_https() -> None:
    assert _run(KEY_SET_URL, patched=True) == (
        "https://localhost:4999/us-east-1_abc/.well-known/jwks.json"
    )


def test_ministack_still_needs_the_names_of_cors_settings() -> None:
    seen, _, _ = _run(CORS_AFTER_CREATE_AND_UPDATE)

    assert [sorted(cors) for cors in seen] == [
        ["AllowOrigins", "MaxAge"],
        ["AllowHeaders", "AllowOrigins"],
    ]


def test_cors_settings_are_stored_as_the_api_names_them() -> None:
    seen, before, after = _run(CORS_AFTER_CREATE_AND_UPDATE, patched=True)

    assert seen == [
        {"allowOrigins": ["a"], "maxAge": 1},
        {"allowOrigins": ["b"], "allowHeaders": ["h"]},
    ]
    # The template's own properties stay: the next update is compared with them.
    assert before["CorsConfiguration"] == {"AllowOrigins": ["a"], "MaxAge": 1}
    assert after["CorsConfiguration"] == {"AllowOrigins": ["b"], "AllowHeaders": ["h"]}


def test_ministack_still_needs_to_be_kept_from_full_buckets() -> None:
    assert _run(DELETES_A_FULL_BUCKET) == [False, False, None]


def test_cloudformation_deletes_empty_buckets_alone() -> None:
    refusal = "The bucket you tried to delete is not empty: Full"

    assert _run(DELETES_A_FULL_BUCKET, patched=True) == [True, False, refusal]


def test_ministack_still_needs_to_be_kept_from_port_443() -> None:
    assert _run(OPENS_PORT_443) == ["127.0.0.1:4999", "127.0.0.1:443"]


def test_port_443_is_left_alone() -> None:
    assert _run(OPENS_PORT_443, patched=True) == ["127.0.0.1:4999"]


def test_the_cloud_listens_on_its_own_port_alone(cloud: Cloud) -> None:
    connections = cloud.processes()[0].net_connections(kind="tcp")

    listening = {tuple(c.laddr) for c in connections if c.status == "LISTEN"}
    assert listening == {("127.0.0.1", cloud.port)}


def test_ministack_still_needs_to_be_kept_from_http_2() -> None:
    assert _run(OFFERED_PROTOCOLS) == ["h2", "http/1.1"]


def test_a_client_that_offers_http_2_gets_http_1_1(cloud: Cloud) -> None:
    tls = ssl.create_default_context(cafile=str(cloud.ca_bundle))
    tls.set_alpn_protocols(["h2", "http/1.1"])

    with (
        socket.create_connection(("127.0.0.1", cloud.port), timeout=60) as connection,
        tls.wrap_socket(connection, server_hostname="localhost") as secured,
    ):
        chosen = secured.selected_alpn_protocol()

    assert chosen == "http/1.1"


def test_ministack_still_needs_to_unpack_code_once() -> None:
    first, second = _run(FOLDERS_OF_TWO_WORKERS)

    assert first != second


def test_workers_share_the_code_that_one_has_unpacked() -> None:
    first, second = _run(FOLDERS_OF_TWO_WORKERS, patched=True)

    assert first == second
    assert first.endswith("/made/index.py")


def test_ministack_still_needs_functions_that_do_not_start_to_be_logged() -> None:
    first, _ = _run(STARTS_WHAT_CAN_NOT_BE_IMPORTED)

    # An answer with the member `error` would be logged.
    assert first == "Worker init failed: No module named 'nothing_there'"


def test_a_function_that_does_not_start_answers_with_the_error_that_is_logged() -> None:
    answers = _run(STARTS_WHAT_CAN_NOT_BE_IMPORTED, patched=True)

    says = "The function doesn't start: Worker init failed: No module named 'nothing_there'"
    assert answers == [{"status": "error", "error": says}] * 2


def test_ministack_still_needs_to_be_kept_from_polling_for_log_lines() -> None:
    naps, _ = _run(WAITS_FOR_LOG_LINES)

    assert naps > 0


def test_log_lines_of_an_invocation_are_waited_for_without_polling() -> None:
    naps, logs = _run(WAITS_FOR_LOG_LINES, patched=True)

    assert naps == 0
    assert logs == ["one", "", "two\nthree"]


TEMPLATE: dict[str, Any] = {
    "Resources": {
        "Api": {
            "Type": "AWS::ApiGatewayV2::Api",
            "Properties": {
                "Name": "tried",
                "ProtocolType": "HTTP",
                "CorsConfiguration": {
                    "AllowOrigins": ["https://page.example"],
                    "AllowMethods": ["PUT"],
                    "AllowHeaders": ["x-api-key"],
                },
            },
        },
        "Stage": {
            "Type": "AWS::ApiGatewayV2::Stage",
            "Properties": {"ApiId": {"Ref": "Api"}, "StageName": "$default", "AutoDeploy": True},
        },
        "Pool": {"Type": "AWS::Cognito::UserPool", "Properties": {"UserPoolName": "tried"}},
        "PoolClient": {
            "Type": "AWS::Cognito::UserPoolClient",
            "Properties": {
                "UserPoolId": {"Ref": "Pool"},
                "ExplicitAuthFlows": ["ALLOW_ADMIN_USER_PASSWORD_AUTH"],
            },
        },
        "Authorizer": {
            "Type": "AWS::ApiGatewayV2::Authorizer",
            "Properties": {
                "ApiId": {"Ref": "Api"},
                "Name": "jwt",
                "AuthorizerType": "JWT",
                "IdentitySource": ["$request.header.Authorization"],
                "JwtConfiguration": {
                    "Audience": [{"Ref": "PoolClient"}],
                    "Issuer": {
                        "Fn::Sub": "https://cognito-idp.${AWS::Region}.amazonaws.com/${Pool}"
                    },
                },
            },
        },
        "Integration": {
            "Type": "AWS::ApiGatewayV2::Integration",
            "Properties": {
                "ApiId": {"Ref": "Api"},
                "IntegrationType": "HTTP_PROXY",
                "IntegrationMethod": "GET",
                "IntegrationUri": {"Ref": "Behind"},
                "PayloadFormatVersion": "1.0",
            },
        },
        "Route": {
            "Type": "AWS::ApiGatewayV2::Route",
            "Properties": {
                "ApiId": {"Ref": "Api"},
                "RouteKey": "GET /ready",
                "AuthorizationType": "JWT",
                "AuthorizerId": {"Ref": "Authorizer"},
                "Target": {"Fn::Sub": "integrations/${Integration}"},
            },
        },
    },
    "Parameters": {"Behind": {"Type": "String"}},
    "Outputs": {name: {"Value": {"Ref": name}} for name in ("Api", "Pool", "PoolClient")},
}


@pytest.fixture(scope="module")
def stack(cloud: Cloud) -> dict[str, str]:
    """An HTTP API with CORS and a JWT authorizer, made by CloudFormation; its outputs."""
    formation = cloud.client("cloudformation")
    formation.create_stack(
        StackName="api",
        TemplateBody=json.dumps(TEMPLATE),
        Parameters=[
            {
                "ParameterKey": "Behind",
                "ParameterValue": f"{cloud.endpoint_url}/_ministack",
            }
        ],
    )
    formation.get_waiter("stack_create_complete").wait(
        StackName="api", WaiterConfig={"Delay": 1, "MaxAttempts": 30}
    )
    (made,) = formation.describe_stacks(StackName="api")["Stacks"]
    return {output["OutputKey"]: output["OutputValue"] for output in made["Outputs"]}


def test_a_preflight_is_answered(cloud: Cloud, stack: dict[str, str]) -> None:
    origin = {"Origin": "https://page.example", "Access-Control-Request-Method": "PUT"}

    status, headers = _call(cloud, stack["Api"], "OPTIONS", origin)

    assert status == 204
    assert headers["Access-Control-Allow-Origin"] == "https://page.example"
    assert headers["Access-Control-Allow-Methods"] == "PUT"


def test_a_token_of_the_user_pool_is_accepted(cloud: Cloud, stack: dict[str, str]) -> None:
    token = _sign_in(cloud, stack)

    assert _call(cloud, stack["Api"], "GET", {"Authorization": f"Bearer {token}"})[0] == 200
    assert _call(cloud, stack["Api"], "GET", {"Authorization": f"Bearer {token}x"})[0] == 401
    assert _call(cloud, stack["Api"], "GET", {})[0] == 401


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """A cloud that writes down what roles call."""
    directory = tmp_path_factory.mktemp("recording")
    with Cloud(directory, port=free_port(), record_calls=True) as cloud:
        yield cloud


def test_each_call_of_a_role_is_recorded_once(recording: Cloud) -> None:
    root, bucket = recording.client("s3"), "arn:aws:s3:::tried"
    root.create_bucket(Bucket="tried")
    root.put_object(Bucket="tried", Key="mine/a", Body=b"a")
    session = _assume(
        recording,
        "reader",
        {"Effect": "Allow", "Action": "s3:GetObject", "Resource": f"{bucket}/mine/*"},
        {"Effect": "Allow", "Action": "s3:ListBucket", "Resource": bucket},
    )
    s3 = recording.client("s3", **session)
    forged = recording.client("s3", **session | {"aws_secret_access_key": "wrong"})

    for _ in range(2):
        s3.get_object(Bucket="tried", Key="mine/a")
    s3.list_objects_v2(Bucket="tried", Prefix="mine/")
    for client, key in ((s3, "theirs/a"), (forged, "mine/a")):
        with pytest.raises(client.exceptions.ClientError):
            client.get_object(Bucket="tried", Key=key)
    url = s3.generate_presigned_url("get_object", Params={"Bucket": "tried", "Key": "mine/a"})
    tls = ssl.create_default_context(cafile=str(recording.ca_bundle))
    with urllib.request.urlopen(url, context=tls, timeout=60) as answer:
        assert answer.read() == b"a"

    def line(action: str, resource: str, request: str, **other: Any) -> dict[str, Any]:
        known = {"role": "reader", "prefix": None, "allowed": True, "presigned": False}
        return {**known, "action": action, "resource": resource, "request": request, **other}

    assert [json.loads(text) for text in recording.calls_path.read_text().splitlines()] == [
        line("s3:GetObject", f"{bucket}/mine/a", "GET"),
        line("s3:ListBucket", bucket, "GET encoding-type list-type prefix", prefix="mine/"),
        line("s3:GetObject", f"{bucket}/theirs/a", "GET", allowed=False),
        line("s3:GetObject", f"{bucket}/mine/a", "GET", presigned=True),
    ]


def test_items_of_a_transaction_are_recorded_by_their_actions(recording: Cloud) -> None:
    table = recording.client("dynamodb").create_table(
        TableName="tried",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )["TableDescription"]["TableArn"]
    actions = ["dynamodb:PutItem", "dynamodb:DeleteItem"]
    session = _assume(
        recording, "writer", {"Effect": "Allow", "Action": actions, "Resource": table}
    )

    recording.client("dynamodb", **session).transact_write_items(
        TransactItems=[
            {"Put": {"TableName": "tried", "Item": {"id": {"S": "a"}}}},
            {"Delete": {"TableName": "tried", "Key": {"id": {"S": "b"}}}},
        ]
    )

    lines = map(json.loads, recording.calls_path.read_text().splitlines())
    assert [
        (line["action"], line["resource"], line["request"])
        for line in lines
        if line["role"] == "writer"
    ] == [(action, table, "TransactWriteItems") for action in actions]


def test_a_cloud_records_nothing_unless_it_is_told_to(cloud: Cloud) -> None:
    assert not cloud.calls_path.exists()


def _assume(cloud: Cloud, role: str, *statements: dict[str, Any]) -> dict[str, str]:
    """Make a role that may do so much; returns credentials of it, as a client takes them."""
    iam, anybody = cloud.client("iam"), {"AWS": "arn:aws:iam::000000000000:root"}
    trust = {"Statement": [{"Effect": "Allow", "Principal": anybody, "Action": "sts:AssumeRole"}]}
    made = iam.create_role(RoleName=role, AssumeRolePolicyDocument=json.dumps(trust))["Role"]
    policy = json.dumps({"Version": "2012-10-17", "Statement": statements})
    iam.put_role_policy(RoleName=role, PolicyName="all", PolicyDocument=policy)
    answer = cloud.client("sts").assume_role(RoleArn=made["Arn"], RoleSessionName="tried")
    given = answer["Credentials"]
    return {
        "aws_access_key_id": given["AccessKeyId"],
        "aws_secret_access_key": given["SecretAccessKey"],
        "aws_session_token": given["SessionToken"],
    }


def _sign_in(cloud: Cloud, stack: dict[str, str]) -> str:
    cognito = cloud.client("cognito-idp")
    person = {"UserPoolId": stack["Pool"], "Username": "ann"}
    cognito.admin_create_user(**person, MessageAction="SUPPRESS")
    cognito.admin_set_user_password(**person, Password="Correct-horse-9", Permanent=True)
    answer = cognito.admin_initiate_auth(
        UserPoolId=stack["Pool"],
        ClientId=stack["PoolClient"],
        AuthFlow="ADMIN_USER_PASSWORD_AUTH",
        AuthParameters={"USERNAME": "ann", "PASSWORD": "Correct-horse-9"},
    )
    token: str = answer["AuthenticationResult"]["AccessToken"]
    return token


def _call(
    cloud: Cloud, api_id: str, method: str, headers: dict[str, str]
) -> tuple[int, dict[str, str]]:
    request = urllib.request.Request(
        f"{cloud.endpoint_url}/_aws/execute-api/{api_id}/$default/ready",
        method=method,
        headers=headers,
    )
    opener = urllib.request.build_opener(
        urllib.request.ProxyHandler({}),
        urllib.request.HTTPSHandler(
            context=ssl.create_default_context(cafile=str(cloud.ca_bundle))
        ),
    )
    try:
        with opener.open(request, timeout=60) as answer:
            return answer.status, dict(answer.headers)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, dict(error.headers)


def _run(script: str, *, patched: bool = False) -> Any:
    """The `result` of one of `SCRIPTS` in ministack's own environment."""
    number = SCRIPTS.index(script)
    results, errors = _run_all(patched=patched)
    assert number in results, errors
    return results[number]


@functools.cache
def _run_all(*, patched: bool) -> tuple[dict[int, Any], str]:
    """Results of `SCRIPTS`, each run in a fork of one process, by number; and what it logged."""
    done = subprocess.run(
        [MINISTACK_PYTHON, "-P", "-c", RUN_EACH],
        env={
            "GATEWAY_PORT": "4999",
            "USE_SSL": "1",
            "BIND_HOST": "127.0.0.1",
            "STATE_DIR": tempfile.gettempdir(),
            "TMPDIR": tempfile.gettempdir(),
        },
        input=json.dumps([str(LAUNCHER.parent), patched, SCRIPTS]),
        capture_output=True,
        text=True,
        check=False,
    )
    lines = [line for line in done.stdout.splitlines() if line.startswith('{"number": ')]
    return {line["number"]: line["result"] for line in map(json.loads, lines)}, done.stderr
