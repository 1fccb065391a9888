"""Options that `PayloadIngest` and `FileTransfer` share: network, domain, key, concurrency."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_certificatemanager as acm
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk.assertions import Match, Template

from tests.constructs.conftest import only
from wideload_cdk import FileTransfer, PayloadIngest, PrivateNetwork

CERTIFICATE = "arn:aws:acm:eu-west-1:123456789012:certificate/1"
FUNCTIONS = {PayloadIngest: 5, FileTransfer: 4}

Transfer = PayloadIngest | FileTransfer
Make = Callable[..., tuple[Transfer, Template]]


@pytest.fixture(params=FUNCTIONS)
def kind(request: pytest.FixtureRequest) -> Any:
    """Each of the two constructs."""
    return request.param


@pytest.fixture
def make(stack: cdk.Stack, code: lambda_.Code, kind: type[Any]) -> Make:
    """Make the construct in `stack`, and the stack's template."""

    def run(**arguments: Any) -> tuple[Transfer, Template]:
        return kind(stack, "It", code=code, **arguments), Template.from_stack(stack)

    return run


@pytest.fixture
def default(template_of: Callable[..., Template], kind: type[Any]) -> Template:
    return template_of(kind)


def functions(template: Template) -> list[dict[str, Any]]:
    found = template.find_resources("AWS::Lambda::Function").values()
    return [each["Properties"] for each in found]


def actions_on_everything(template: Template) -> set[str]:
    return {
        action
        for policy in template.find_resources("AWS::IAM::Policy").values()
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]
        if statement["Resource"] == "*"
        for action in statement["Action"]
    }


def test_functions_are_in_no_network_by_default(default: Template, kind: type[Any]) -> None:
    assert len(functions(default)) == FUNCTIONS[kind]
    assert not [each for each in functions(default) if "VpcConfig" in each]
    assert actions_on_everything(default) == {"xray:PutTelemetryRecords", "xray:PutTraceSegments"}


def test_functions_run_in_the_network_given(stack: cdk.Stack, make: Make, kind: type[Any]) -> None:
    network = PrivateNetwork(stack, "Network")

    _, template = make(vpc=network.vpc, security_groups=[network.security_group])

    assert len(functions(template)) == FUNCTIONS[kind]
    for function in functions(template):
        (group,) = function["VpcConfig"]["SecurityGroupIds"]
        assert group["Fn::GetAtt"][0].startswith("NetworkFunctions")
        assert len(function["VpcConfig"]["SubnetIds"]) == 2


def test_subnets_can_be_chosen(stack: cdk.Stack, make: Make) -> None:
    vpc = PrivateNetwork(stack, "Network").vpc
    first = vpc.isolated_subnets[0]

    _, template = make(vpc=vpc, vpc_subnets=ec2.SubnetSelection(subnets=[first]))

    for function in functions(template):
        assert function["VpcConfig"]["SubnetIds"] == [stack.resolve(first.subnet_id)]


def test_functions_in_a_network_may_have_an_interface_there(stack: cdk.Stack, make: Make) -> None:
    _, template = make(vpc=PrivateNetwork(stack, "Network").vpc, tracing=False)

    assert actions_on_everything(template) == {
        "ec2:AssignPrivateIpAddresses",
        "ec2:CreateNetworkInterface",
        "ec2:DeleteNetworkInterface",
        "ec2:DescribeNetworkInterfaces",
        "ec2:DescribeSubnets",
        "ec2:UnassignPrivateIpAddresses",
    }
    policies = template.find_resources("AWS::IAM::Policy")
    for function in template.find_resources("AWS::Lambda::Function").values():
        assert set(function["DependsOn"]) & set(policies), "it is made before it may be"


def test_functions_send_traces_by_default(default: Template) -> None:
    assert {each["TracingConfig"]["Mode"] for each in functions(default)} == {"Active"}


def test_tracing_can_be_switched_off(make: Make) -> None:
    _, template = make(tracing=False)

    assert not [each for each in functions(template) if "TracingConfig" in each]
    assert actions_on_everything(template) == set()


def test_nothing_is_reserved_by_default(default: Template) -> None:
    assert not [each for each in functions(default) if "ReservedConcurrentExecutions" in each]


def test_concurrency_of_the_api_can_be_reserved(make: Make) -> None:
    _, template = make(api_reserved_concurrency=70)

    reserved = [each.get("ReservedConcurrentExecutions") for each in functions(template)]
    assert [number for number in reserved if number] == [70]
    assert only(template, "AWS::Lambda::Function", "ApiFunction")[
        "ReservedConcurrentExecutions"
    ] == (70)


def test_concurrency_of_the_worker_can_be_reserved(stack: cdk.Stack, code: lambda_.Code) -> None:
    PayloadIngest(stack, "It", code=code, worker_max_concurrency=20, worker_reserved_concurrency=20)

    worker = only(Template.from_stack(stack), "AWS::Lambda::Function", "Worker")
    assert worker["ReservedConcurrentExecutions"] == 20


def test_refuses_a_reservation_that_would_throttle_the_queue(
    stack: cdk.Stack, code: lambda_.Code
) -> None:
    message = "worker_reserved_concurrency is 19; give 20 to 10,000 invocations"
    with pytest.raises(ValueError, match=re.escape(message)):
        PayloadIngest(
            stack, "It", code=code, worker_max_concurrency=20, worker_reserved_concurrency=19
        )


def test_api_has_no_domain_by_default(make: Make) -> None:
    made, template = make()

    template.resource_count_is("AWS::ApiGatewayV2::DomainName", 0)
    assert made.domain_target is None
    assert made.api_url == made.api.api_endpoint


def test_api_answers_at_the_domain_given(stack: cdk.Stack, make: Make) -> None:
    certificate = acm.Certificate.from_certificate_arn(stack, "Certificate", CERTIFICATE)

    made, template = make(domain_name="api.example.com", certificate=certificate)

    assert made.api_url == "https://api.example.com"
    assert stack.resolve(made.domain_target)["Fn::GetAtt"][1] == "RegionalDomainName"
    template.has_resource_properties(
        "AWS::ApiGatewayV2::DomainName",
        {
            "DomainName": "api.example.com",
            "DomainNameConfigurations": [
                {"CertificateArn": CERTIFICATE, "EndpointType": "REGIONAL"}
            ],
        },
    )
    template.has_resource_properties(
        "AWS::ApiGatewayV2::ApiMapping",
        {"DomainName": Match.any_value(), "Stage": "$default", "ApiMappingKey": Match.absent()},
    )


@pytest.mark.parametrize("given", ["domain_name", "certificate"])
def test_refuses_a_domain_without_its_certificate(stack: cdk.Stack, make: Make, given: str) -> None:
    arguments = {
        "domain_name": "api.example.com",
        "certificate": acm.Certificate.from_certificate_arn(stack, "Certificate", CERTIFICATE),
    }

    with pytest.raises(ValueError, match="give both or neither"):
        make(**{given: arguments[given]})


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"api_reserved_concurrency": 0}, "api_reserved_concurrency is 0; give 1 to 10,000"),
        ({"api_reserved_concurrency": 10_001}, "api_reserved_concurrency is 10,001"),
    ],
)
def test_refuses(make: Make, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        make(**arguments)


def test_key_given_encrypts_the_logs_and_logs_may_use_it(stack: cdk.Stack, make: Make) -> None:
    key = kms.Key(stack, "Key")

    _, template = make(encryption_key=key)

    groups = template.find_resources("AWS::Logs::LogGroup").values()
    key_arn = stack.resolve(key.key_arn)
    assert {str(each["Properties"].get("KmsKeyId")) for each in groups} == {str(key_arn)}
    (policy,) = (
        each["Properties"]["KeyPolicy"]
        for each in template.find_resources("AWS::KMS::Key").values()
    )
    (statement,) = (each for each in policy["Statement"] if "logs." in str(each["Principal"]))
    assert set(statement["Action"]) == {
        "kms:Encrypt",
        "kms:Decrypt",
        "kms:ReEncrypt*",
        "kms:GenerateDataKey*",
        "kms:DescribeKey",
    }
    groups_alone = statement["Condition"]["ArnLike"]["kms:EncryptionContext:aws:logs:arn"]
    assert groups_alone["Fn::Join"][1][-1] == ":log-group:*"


def test_logs_have_no_key_by_default(default: Template) -> None:
    groups = default.find_resources("AWS::Logs::LogGroup").values()
    assert groups
    assert not [each for each in groups if "KmsKeyId" in each["Properties"]]


def test_operated_example_sets_all_of_it(synthesize_example: Callable[[str], Template]) -> None:
    app = synthesize_example("operated_app.py")

    outside = [each for each in functions(app) if "VpcConfig" not in each]
    assert len(functions(app)) == sum(FUNCTIONS.values()) + 1
    # The canary calls the API from outside, as clients do.
    assert [each["Handler"].split(".")[-2] for each in outside] == ["ingest_canary"]
    assert only(app, "AWS::SNS::Subscription")["Endpoint"] == "oncall@example.com"
    names = [
        each["Properties"]["AlarmName"]
        for each in app.find_resources("AWS::CloudWatch::CompositeAlarm").values()
    ]
    assert sorted(names) == ["transfers-files-unhealthy", "transfers-ingest-unhealthy"]
