"""botocore's data, cut to the operations in use: each is called as with the whole data."""

from __future__ import annotations

import ast
import functools
import gzip
import json
import shutil
from io import BytesIO
from pathlib import Path
from typing import Any

import botocore
import pytest
from botocore import xform_name
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.config import Config
from botocore.loaders import Loader
from botocore.regions import EndpointResolver
from botocore.session import Session

import service_models
from local.paths import ROOT
from service_models import OPERATIONS

WHOLE = Path(botocore.__file__).parent / "data"
OBJECT = {"Bucket": "bucket", "Key": "transit/a b"}
UPLOAD = {**OBJECT, "UploadId": "u"}
ID = {"id": {"S": "a"}}
CALLS: dict[str, dict[str, dict[str, Any]]] = {
    "dynamodb": {
        "BatchGetItem": {"RequestItems": {"calls": {"Keys": [ID], "ConsistentRead": True}}},
        "DeleteItem": {"TableName": "calls", "Key": ID, "ConditionExpression": "id = :id"},
        "GetItem": {"TableName": "calls", "Key": ID, "ConsistentRead": True},
        "PutItem": {"TableName": "calls", "Item": {**ID, "b": {"B": b"\0"}, "n": {"N": "1"}}},
        "Query": {"TableName": "calls", "KeyConditionExpression": "id = :id", "Limit": 5},
        "TransactWriteItems": {
            "TransactItems": [{"Put": {"TableName": "calls", "Item": ID}}],
            "ClientRequestToken": "t",  # random by default
        },
        "UpdateItem": {"TableName": "calls", "Key": ID, "ReturnValues": "ALL_NEW"},
    },
    "events": {
        "PutEvents": {
            "Entries": [
                {
                    "EventBusName": "bus",
                    "Source": "s",
                    "DetailType": "PayloadStored",
                    "Detail": "{}",
                }
            ]
        }
    },
    "s3": {
        "AbortMultipartUpload": UPLOAD,
        "CompleteMultipartUpload": {
            **UPLOAD,
            "IfNoneMatch": "*",
            "MultipartUpload": {"Parts": [{"PartNumber": 1, "ETag": "e", "ChecksumSHA256": "c"}]},
        },
        "CreateMultipartUpload": {**OBJECT, "ChecksumAlgorithm": "SHA256"},
        "DeleteObject": OBJECT,
        "DeleteObjects": {"Bucket": "bucket", "Delete": {"Objects": [{"Key": "k"}]}},
        "GetObject": {**OBJECT, "Range": "bytes=0-1", "IfMatch": "e"},
        "HeadObject": {**OBJECT, "ChecksumMode": "ENABLED"},
        "ListObjectsV2": {"Bucket": "bucket", "Prefix": "transit/", "Delimiter": "/"},
        "ListParts": {**UPLOAD, "PartNumberMarker": 5},
        "PutObject": {**OBJECT, "Body": b"x", "ContentType": "application/gzip"},
        "UploadPart": {**UPLOAD, "PartNumber": 1, "Body": b"x"},
    },
    "lambda": {"Invoke": {"FunctionName": "arn:aws:lambda:x:1:function:f", "Payload": b"{}"}},
    "sqs": {
        "SendMessage": {
            "QueueUrl": "https://sqs.eu-central-1.amazonaws.com/1/q",
            "MessageBody": "{}",
            "DelaySeconds": 0,
            "MessageGroupId": "acme",
        }
    },
}
XML = {
    "ListParts": "<R><IsTruncated>true</IsTruncated><NextPartNumberMarker>7</NextPartNumberMarker>"
    "<Part><PartNumber>6</PartNumber><ETag>e</ETag><Size>5</Size></Part></R>",
    "ListObjectsV2": "<R><KeyCount>1</KeyCount><Contents><Key>k</Key></Contents>"
    "<CommonPrefixes><Prefix>transit/acme/</Prefix></CommonPrefixes></R>",
    "CreateMultipartUpload": "<R><UploadId>u</UploadId></R>",
}
JSON = {
    "GetItem": {"Item": ID},
    "Query": {"Items": [ID], "LastEvaluatedKey": ID},
    "UpdateItem": {"Attributes": ID},
    "BatchGetItem": {"Responses": {"calls": [ID]}, "UnprocessedKeys": {"calls": {"Keys": [ID]}}},
    "PutEvents": {"FailedEntryCount": 1, "Entries": [{"ErrorCode": "InternalFailure"}]},
    "SendMessage": {"MessageId": "m"},
}
CANCELLED = {
    "__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
    "CancellationReasons": [{"Code": "ConditionalCheckFailed"}, {"Code": "None"}],
}


@pytest.fixture(scope="module")
def cut(tmp_path_factory: pytest.TempPathFactory) -> Path:
    data = tmp_path_factory.mktemp("data")
    for path in WHOLE.iterdir():
        if path.is_file():
            shutil.copy(path, data)
    for service in (*OPERATIONS, "sns"):
        shutil.copytree(WHOLE / service, data / service)
    service_models.cut(data)
    return data


def session_of(data: Path) -> Session:
    session = Session()
    loader = Loader(extra_search_paths=[str(data)], include_default_search_paths=False)
    session.register_component("data_loader", loader)
    return session


@functools.cache
def client_of(data: Path, service: str) -> Any:
    return session_of(data).create_client(
        service,
        region_name="eu-central-1",
        aws_access_key_id="AKIDEXAMPLE",
        aws_secret_access_key="secret",
        config=Config(
            retries={"total_max_attempts": 1}, request_checksum_calculation="when_required"
        ),
    )


def call(
    client: Any, operation: str, params: dict[str, Any], status: int, answered: str
) -> list[Any]:
    """Return the request that a client sends, and what it makes of the answer."""
    sent: list[Any] = []

    def send(request: AWSPreparedRequest, **_: Any) -> AWSResponse:
        changing = ("authorization", "amz-sdk-invocation-id", "user-agent", "x-amz-date")
        headers = {n: v for n, v in request.headers.items() if n.lower() not in changing}
        body = request.body
        sent.extend([request.method, request.url, headers, getattr(body, "read", lambda: body)()])
        raw = BytesIO(answered.encode())
        raw.stream = lambda: iter([raw.read()])  # type: ignore[attr-defined]
        return AWSResponse(request.url, status, {"ETag": "e", "Content-Length": "0"}, raw)

    client.meta.events.register_first("before-send", send)
    try:
        answer = getattr(client, xform_name(operation))(**params)
    except client.exceptions.ClientError as error:
        answer = error.response
    finally:
        client.meta.events.unregister("before-send", send)
    answer.pop("Body", None)
    answer.pop("Payload", None)
    return [*sent, answer]


@pytest.mark.parametrize(
    ("service", "operation"),
    [(service, operation) for service in OPERATIONS for operation in sorted(OPERATIONS[service])],
)
def test_each_operation_is_called_as_with_the_whole_model(
    cut: Path, service: str, operation: str
) -> None:
    params = CALLS[service][operation]
    body = XML.get(operation, "") if service == "s3" else json.dumps(JSON.get(operation, {}))

    ours = call(client_of(cut, service), operation, params, 200, body)
    whole = call(client_of(WHOLE, service), operation, params, 200, body)

    assert ours == whole
    assert ours[0] in ("GET", "PUT", "POST", "DELETE", "HEAD")
    members = set(JSON.get(operation, {})) if service != "s3" else set()
    assert members <= ours[-1].keys()


def test_reasons_of_a_cancelled_transaction_are_read(cut: Path) -> None:
    params = CALLS["dynamodb"]["TransactWriteItems"]

    client = client_of(cut, "dynamodb")
    answer = call(client, "TransactWriteItems", params, 400, json.dumps(CANCELLED))[-1]

    assert answer["Error"]["Code"] == "TransactionCanceledException"
    assert answer["CancellationReasons"] == CANCELLED["CancellationReasons"]


@pytest.mark.parametrize("service", OPERATIONS)
def test_shapes_are_the_whole_models_without_documentation(cut: Path, service: str) -> None:
    ours = Loader([str(cut)], include_default_search_paths=False).load_service_model(
        service, "service-2"
    )
    whole = Loader().load_service_model(service, "service-2")

    assert ours["operations"].keys() == OPERATIONS[service]
    parts = {"operations", "shapes", "documentation"}
    assert {name: ours[name] for name in ours.keys() - parts} == {
        name: whole[name] for name in whole.keys() - parts
    }
    for name in OPERATIONS[service]:
        assert ours["operations"][name] == without_text(whole["operations"][name])
    for name, shape in ours["shapes"].items():
        assert shape == without_text(whole["shapes"][name])


def without_text(value: Any) -> Any:
    """Part of a model without its texts: a value of `documentation` that is no map."""
    if isinstance(value, list):
        return [without_text(inner) for inner in value]
    if not isinstance(value, dict):
        return value
    return {
        name: without_text(inner)
        for name, inner in value.items()
        if name != "documentation" or isinstance(inner, dict)
    }


def test_documents_of_s3_are_listed_page_by_page(cut: Path) -> None:
    pages = client_of(cut, "s3").get_paginator("list_objects_v2")

    assert pages._pagination_cfg == (
        client_of(WHOLE, "s3").get_paginator("list_objects_v2")._pagination_cfg
    )


@pytest.mark.parametrize("service", OPERATIONS)
def test_endpoints_are_those_of_every_region(cut: Path, service: str) -> None:
    whole_data = json.loads((WHOLE / "endpoints.json").read_text())
    ours = EndpointResolver(json.loads((cut / "endpoints.json").read_text()))
    whole = EndpointResolver(whole_data)
    regions = [
        (partition["partition"], region)
        for partition in whole_data["partitions"]
        for region in partition["regions"]
    ]

    assert len(regions) > 35
    for partition, region in regions:
        for dual_stack, fips in ((False, False), (True, False), (False, True), (True, True)):
            variant = {"use_dualstack_endpoint": dual_stack, "use_fips_endpoint": fips}
            assert endpoint(ours, service, region, partition, variant) == endpoint(
                whole, service, region, partition, variant
            )
    assert json.loads((cut / "partitions.json").read_text()) == json.loads(
        (WHOLE / "partitions.json").read_text()
    )
    (rules,) = (cut / service).glob("*/endpoint-rule-set-1.json")
    assert json.loads(rules.read_text()) == json.loads(
        gzip.decompress((WHOLE / service / rules.parent.name / f"{rules.name}.gz").read_bytes())
    )


def endpoint(
    resolver: EndpointResolver, service: str, region: str, partition: str, variant: dict[str, bool]
) -> Any:
    try:
        return resolver.construct_endpoint(service, region, partition, **variant)
    except botocore.exceptions.EndpointVariantError as error:
        return str(error)


def test_other_services_are_removed(cut: Path) -> None:
    assert {path.name for path in cut.iterdir() if path.is_dir()} == set(OPERATIONS)


def test_operations_are_those_that_the_runtime_calls() -> None:
    """Every attribute or text that is the name of an operation's method counts as a call."""
    session = Session()
    methods = {
        xform_name(operation): (service, operation)
        for service in OPERATIONS
        for operation in session.get_service_model(service).operation_names
    }
    names = set()
    for path in (ROOT / "lambda_src/wideload_runtime").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Attribute):
                names.add(node.attr)
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                names.add(node.value)

    called = {methods[name] for name in names & methods.keys()}

    assert called == {(service, name) for service in OPERATIONS for name in OPERATIONS[service]}
