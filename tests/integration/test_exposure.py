"""Access to buckets and queues by strangers, over plain HTTP and by users with all permissions.

Callers are IAM users: the emulator lets what it takes for the account's root pass any policy.
"""

from __future__ import annotations

import json
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from local.cloud import REGION, Cloud, free_port
from local.outputs import Outputs
from local.paths import LAUNCHER, MINISTACK_PYTHON
from tests.integration.conftest import Api

STACKS = ("wideload-local-ingest", "wideload-local-files", "wideload-local-web")
ROOT = ("test", "test")
Client = Callable[..., Any]


@contextmanager
def user(client: Client, name: str, *actions: str) -> Iterator[tuple[str, str]]:
    """Access key of a user who may do `actions` with everything."""
    iam = client("iam")
    iam.create_user(UserName=name)
    allowed = [{"Effect": "Allow", "Action": list(actions), "Resource": "*"}]
    policy = json.dumps({"Version": "2012-10-17", "Statement": allowed})
    iam.put_user_policy(UserName=name, PolicyName="all", PolicyDocument=policy)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    yield key["AccessKeyId"], key["SecretAccessKey"]
    iam.delete_access_key(UserName=name, AccessKeyId=key["AccessKeyId"])
    iam.delete_user_policy(UserName=name, PolicyName="all")
    iam.delete_user(UserName=name)


def deployed(cloud: Cloud, kind: str) -> list[str]:
    """Physical ids of the resources of a kind."""
    pages = cloud.client("cloudformation").get_paginator("list_stack_resources")
    return [
        resource["PhysicalResourceId"]
        for stack in STACKS
        for page in pages.paginate(StackName=stack)
        for resource in page["StackResourceSummaries"]
        if resource["ResourceType"] == kind
    ]


def refusal(call: Callable[..., Any], **arguments: Any) -> str:
    """The code by which AWS refuses a call."""
    with pytest.raises(ClientError) as refused:
        call(**arguments)
    return str(refused.value.response["Error"]["Code"])


def test_nobody_can_make_a_bucket_public(acme: Api, cloud: Cloud, outputs: Outputs) -> None:
    buckets = deployed(cloud, "AWS::S3::Bucket")

    with user(cloud.client, "careless", "s3:*") as (key, secret):
        s3 = cloud.client("s3", aws_access_key_id=key, aws_secret_access_key=secret)
        for bucket in buckets:
            everybody = {
                "Effect": "Allow",
                "Principal": "*",
                "Action": "s3:GetObject",
                "Resource": f"arn:aws:s3:::{bucket}/*",
            }
            policy = json.dumps({"Version": "2012-10-17", "Statement": [everybody]})
            assert refusal(s3.put_bucket_policy, Bucket=bucket, Policy=policy) == "AccessDenied"
            assert refusal(s3.put_bucket_acl, Bucket=bucket, ACL="public-read") == "AccessDenied"
        where = {"Bucket": outputs["files"]["bucket"], "Key": "files/careless"}
        public = refusal(s3.put_object, **where, Body=b"1", ACL="public-read")
        s3.put_object(**where, Body=b"1")
        anonymous = acme.http.request(
            "GET", f"{cloud.endpoint_url}/{where['Bucket']}/{where['Key']}"
        )
        s3.delete_object(**where)

    assert len(buckets) == 6
    assert public == "AccessControlListNotSupported"
    assert anonymous.status == 403


def test_a_user_without_permission_gets_nothing(cloud: Cloud, outputs: Outputs) -> None:
    with user(cloud.client, "stranger", "sts:GetCallerIdentity") as (key, secret):
        as_stranger = {"aws_access_key_id": key, "aws_secret_access_key": secret}
        s3 = cloud.client("s3", **as_stranger)
        dynamodb = cloud.client("dynamodb", **as_stranger)
        answers = [
            refusal(call, **arguments)
            for service in ("ingest", "files")
            for call, arguments in (
                (s3.list_objects_v2, {"Bucket": outputs[service]["bucket"]}),
                (s3.put_object, {"Bucket": outputs[service]["bucket"], "Key": "x"}),
                (dynamodb.scan, {"TableName": outputs[service]["table"]}),
            )
        ]

    assert [answer.removesuffix("Exception") for answer in answers] == ["AccessDenied"] * 6


# Plain HTTP


@pytest.fixture
def plain(tmp_path: Path) -> Iterator[Client]:
    """Clients of a second cloud that answers plain HTTP alone; `cloud` answers TLS alone."""
    port = free_port()
    process = subprocess.Popen(
        [MINISTACK_PYTHON, "-P", LAUNCHER],
        env={
            "AUTH": "true",
            "GATEWAY_PORT": str(port),
            "BIND_HOST": "127.0.0.1",
            "IOT_MTLS_ENABLED": "0",
            "SFTP_ENABLED": "0",
            "HOME": str(tmp_path),
            "TMPDIR": str(tmp_path),
            "WIDELOAD_CLOUD_OWNED": "1",
        },
        cwd=tmp_path,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    url = f"http://127.0.0.1:{port}"
    while process.poll() is None and not answers(f"{url}/_ministack/ready"):
        time.sleep(0.05)

    def client(service: str, key: tuple[str, str] = ROOT) -> Any:
        return boto3.client(
            service,
            endpoint_url=url,
            region_name=REGION,
            aws_access_key_id=key[0],
            aws_secret_access_key=key[1],
            config=Config(proxies={}, signature_version="s3v4", s3={"addressing_style": "path"})
            if service == "s3"
            else Config(proxies={}),
        )

    # It ends when its stdin is closed.
    with process:
        yield client


def answers(url: str) -> bool:
    try:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, timeout=5):
            return True
    except OSError:
        return False


def test_buckets_refuse_plain_http(
    acme: Api, cloud: Cloud, outputs: Outputs, plain: Client
) -> None:
    """The deployed policies, where requests come without TLS."""
    s3 = cloud.client("s3")
    with user(plain, "careless", "s3:*") as key:
        careless = plain("s3", key)
        for bucket in deployed(cloud, "AWS::S3::Bucket"):
            where = {"Bucket": bucket, "Key": "transit/x"}
            plain("s3").create_bucket(Bucket=bucket)
            careless.put_object(**where, Body=b"before there is a policy")

            policy = s3.get_bucket_policy(Bucket=bucket)["Policy"]
            plain("s3").put_bucket_policy(Bucket=bucket, Policy=policy)

            url = careless.generate_presigned_url("get_object", Params=where)
            assert acme.http.request("GET", url).status == 403
            assert refusal(careless.get_object, **where) == "AccessDenied"
            assert refusal(careless.put_object, **where, Body=b"1") == "AccessDenied"
            assert refusal(careless.list_objects_v2, Bucket=bucket) == "AccessDenied"


def test_queues_refuse_plain_http(cloud: Cloud, outputs: Outputs, plain: Client) -> None:
    with user(plain, "careless", "sqs:*") as key:
        careless = plain("sqs", key)
        queues = deployed(cloud, "AWS::SQS::Queue")
        assert len(queues) >= 4
        for url in queues:
            wanted = {"QueueUrl": url, "AttributeNames": ["Policy"]}
            policy = cloud.client("sqs").get_queue_attributes(**wanted)["Attributes"]
            name = url.rpartition("/")[2]
            queue = plain("sqs").create_queue(QueueName=name)["QueueUrl"]
            careless.send_message(QueueUrl=queue, MessageBody="before there is a policy")

            plain("sqs").set_queue_attributes(QueueUrl=queue, Attributes=policy)

            sent = refusal(careless.send_message, QueueUrl=queue, MessageBody="1")
            assert sent.startswith("AccessDenied")
            assert refusal(careless.receive_message, QueueUrl=queue).startswith("AccessDenied")
