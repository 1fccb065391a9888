"""Keys and upload URLs that are taken back stop working."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager

from local.cloud import Cloud
from local.outputs import Outputs
from tests.integration.conftest import Api, Refusals
from tests.integration.test_ingest import ask_for_url
from wideload_cdk.keys import create_key, revoke_key


def test_a_revoked_key_is_refused(anybody: Api, cloud: Cloud, outputs: Outputs) -> None:
    header = outputs["ingest"]["api_key_header"]
    stack = cloud.client("cloudformation").describe_stack_resources(
        StackName="wideload-local-ingest"
    )
    [name] = [
        resource["PhysicalResourceId"]
        for resource in stack["StackResources"]
        if resource["LogicalResourceId"].startswith("IngestKeys")
    ]
    table = cloud.table(name)
    good, revoked = (create_key(table, "acme") for _ in range(2))

    revoke_key(table, revoked.key_id)

    assert anybody.request("GET", "/call-logs", headers={header: good.api_key}).status == 200
    assert anybody.request("GET", "/call-logs", headers={header: revoked.api_key}).status == 403


def test_an_upload_url_dies_with_what_its_role_may_do(
    acme: Api, cloud: Cloud, functions: dict[str, str], refusals: Refusals
) -> None:
    issued = ask_for_url(acme, b"{}")
    refusals.keys.add(issued["s3_key"])

    with nothing_allowed(cloud, functions["ingest_api"]):
        refused = acme.put(issued["upload_url"], b"{}", issued["headers"])

    assert refused.status == 403
    assert acme.put(issued["upload_url"], b"{}", issued["headers"]).status == 200


@contextmanager
def nothing_allowed(cloud: Cloud, function: str) -> Iterator[None]:
    """Take all that a function's role may do on S3 away for a while, as in an emergency."""
    configuration = cloud.client("lambda").get_function_configuration(FunctionName=function)
    role = {"RoleName": configuration["Role"].rpartition("/")[2], "PolicyName": "Emergency"}
    statement = {"Effect": "Deny", "Action": "s3:*", "Resource": "*"}
    iam = cloud.client("iam")
    iam.put_role_policy(
        **role, PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    )
    try:
        yield
    finally:
        iam.delete_role_policy(**role)
