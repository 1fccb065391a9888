"""`PrivateNetwork`: what is in it, and above all what isn't."""

from __future__ import annotations

from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_logs as logs
from aws_cdk.assertions import Template

from tests.constructs.conftest import only
from wideload_cdk import PrivateNetwork


def synthesize(stack: cdk.Stack, **arguments: Any) -> Template:
    PrivateNetwork(stack, "Network", **arguments)
    return Template.from_stack(stack)


def services(template: Template, kind: str) -> set[str]:
    """Last part of the name of each service that has an endpoint of `kind`."""
    found = template.find_resources("AWS::EC2::VPCEndpoint").values()
    return {
        str(each["Properties"]["ServiceName"]).rstrip("']}").rpartition(".")[2]
        for each in found
        if each["Properties"]["VpcEndpointType"] == kind
    }


def test_there_is_no_way_to_the_internet(stack: cdk.Stack) -> None:
    template = synthesize(stack)

    for kind in ("InternetGateway", "NatGateway", "Route", "EIP", "EgressOnlyInternetGateway"):
        template.resource_count_is(f"AWS::EC2::{kind}", 0)
    subnets = template.find_resources("AWS::EC2::Subnet").values()
    assert {each["Properties"]["MapPublicIpOnLaunch"] for each in subnets} == {False}


@pytest.mark.parametrize(("arguments", "zones"), [({}, 2), ({"max_azs": 1}, 1)])
def test_subnets_are_spread(stack: cdk.Stack, arguments: dict[str, Any], zones: int) -> None:
    synthesize(stack, **arguments).resource_count_is("AWS::EC2::Subnet", zones)


def test_endpoints_let_through_the_own_account_alone(stack: cdk.Stack) -> None:
    endpoints = synthesize(stack).find_resources("AWS::EC2::VPCEndpoint").values()

    assert len(endpoints) == 5
    own = {"Ref": "AWS::AccountId"}
    for endpoint in endpoints:
        (statement,) = endpoint["Properties"]["PolicyDocument"]["Statement"]
        name = str(endpoint["Properties"]["ServiceName"])
        resources = {} if "xray" in name else {"aws:ResourceAccount": own}
        assert statement["Condition"] == {
            "StringEquals": {"aws:PrincipalAccount": own, **resources}
        }


def test_services_that_functions_need_have_endpoints(stack: cdk.Stack) -> None:
    template = synthesize(stack)

    assert services(template, "Gateway") == {"s3", "dynamodb"}
    assert services(template, "Interface") == {"sqs", "events", "xray"}


def test_without_tracing_there_is_no_endpoint_for_it(stack: cdk.Stack) -> None:
    assert services(synthesize(stack, tracing=False), "Interface") == {"sqs", "events"}


def test_functions_may_send_https_and_endpoints_take_it_from_them_alone(stack: cdk.Stack) -> None:
    template = synthesize(stack)

    group = only(template, "AWS::EC2::SecurityGroup", "NetworkFunctions")
    (out,) = group["SecurityGroupEgress"]
    assert (out["IpProtocol"], out["FromPort"], out["ToPort"]) == ("tcp", 443, 443)
    assert "SecurityGroupIngress" not in group
    let_in = only(template, "AWS::EC2::SecurityGroupIngress")
    assert (let_in["FromPort"], let_in["ToPort"]) == (443, 443)
    assert "NetworkFunctions" in str(let_in["SourceSecurityGroupId"])
    endpoints = only(template, "AWS::EC2::SecurityGroup", "NetworkEndpoints")
    assert "SecurityGroupIngress" not in endpoints


def test_flow_logs_are_kept(stack: cdk.Stack) -> None:
    template = synthesize(stack, flow_log_retention=logs.RetentionDays.ONE_WEEK)

    assert only(template, "AWS::EC2::FlowLog")["TrafficType"] == "ALL"
    assert only(template, "AWS::Logs::LogGroup")["RetentionInDays"] == 7


def test_no_custom_resource(stack: cdk.Stack) -> None:
    kinds = {each["Type"] for each in synthesize(stack).to_json()["Resources"].values()}

    assert not [kind for kind in kinds if kind.startswith(("Custom::", "AWS::Lambda::"))]
