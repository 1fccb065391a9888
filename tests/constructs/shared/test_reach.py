"""What a team applies to its whole app reaches the resources of the constructs, too."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import aws_cdk as cdk
import jsii
import pytest
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_s3 as s3
from aws_cdk.assertions import Template
from constructs import IConstruct

from wideload_cdk import FileTransfer, PayloadIngest

BOUNDARY = "arn:aws:iam::123456789012:policy/boundary"


@jsii.implements(cdk.IAspect)
class Reviewed:
    """An aspect that changes a property of each bucket."""

    def visit(self, node: IConstruct) -> None:
        if isinstance(node, s3.CfnBucket):
            node.add_property_override("Tags", [{"Key": "reviewed", "Value": "yes"}])


@jsii.implements(cdk.IPropertyInjector)
class FunctionDefaults:
    """A property injector that sets a property of each function."""

    @property
    def construct_unique_id(self) -> str:
        return str(lambda_.Function.PROPERTY_INJECTION_ID)

    def inject(self, original_props: dict[str, Any], *, scope: Any, id: str) -> dict[str, Any]:
        return {**original_props, "recursiveLoop": lambda_.RecursiveLoop.ALLOW}


@pytest.fixture(scope="module")
def template(code_folder: Path) -> Template:
    app = cdk.App(property_injectors=[FunctionDefaults()])
    stack, code = cdk.Stack(app, "Stack"), lambda_.Code.from_asset(str(code_folder))
    PayloadIngest(stack, "Ingest", code=code)
    FileTransfer(stack, "Files", code=code)
    policy = iam.ManagedPolicy.from_managed_policy_arn(stack, "Boundary", BOUNDARY)
    iam.PermissionsBoundary.of(app).apply(policy)
    cdk.Aspects.of(app).add(Reviewed())
    return Template.from_stack(stack)


def properties(template: Template, kind: str) -> list[dict[str, Any]]:
    return [each["Properties"] for each in template.find_resources(kind).values()]


def test_a_permissions_boundary_bounds_every_role(template: Template) -> None:
    roles = properties(template, "AWS::IAM::Role")

    assert len(roles) == 9
    assert {role["PermissionsBoundary"] for role in roles} == {BOUNDARY}


def test_an_aspect_visits_every_bucket(template: Template) -> None:
    buckets = properties(template, "AWS::S3::Bucket")

    assert len(buckets) == 4
    for bucket in buckets:
        assert bucket["Tags"] == [{"Key": "reviewed", "Value": "yes"}]


def test_a_property_injector_reaches_every_function(template: Template) -> None:
    functions = properties(template, "AWS::Lambda::Function")

    assert len(functions) == 9
    assert {function["RecursiveLoop"] for function in functions} == {"Allow"}
