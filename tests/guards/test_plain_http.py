"""Each way around TLS is found, and the finding names it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_apigatewayv2 as apigateway
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sqs as sqs

from stacks.ingest_stack import IngestStack
from stacks.web_stack import WebStack
from tests.guards.conftest import resource, template_of
from tests.guards.plain_http import plain_http

BUCKET = "AWS::S3::Bucket IngestBucketEDD8587D"
PLAIN = "when aws:SecureTransport is false."
OLD = "when s3:TlsVersion is less than 1.2."
CERTIFICATE = "arn:aws:acm:eu-central-1:123456789012:certificate/1"


def change_policy(owner: Any, change: Callable[[list[dict[str, Any]]], object]) -> None:
    """Change the statements of the policy that a bucket or a queue has."""
    policy: Any = resource(owner.node.find_child("Policy"))
    document = cdk.Stack.of(owner).resolve(policy.policy_document)
    change(document["Statement"])
    policy.add_property_override("PolicyDocument.Statement", document["Statement"])


def tls(statements: list[dict[str, Any]]) -> dict[str, Any]:
    [found] = [each for each in statements if "aws:SecureTransport" in str(each["Condition"])]
    return found


FAULTS: dict[str, tuple[Callable[[IngestStack], object], list[str]]] = {
    "the statement removed": (
        lambda stack: change_policy(stack.ingest.bucket, lambda found: found.remove(tls(found))),
        [
            f"{BUCKET} has no policy that denies s3:* on it {PLAIN}",
            f"{BUCKET} has no policy that denies s3:* on its objects {PLAIN}",
        ],
    ),
    "the statement about old TLS removed": (
        lambda stack: change_policy(
            stack.ingest.bucket,
            lambda found: found.remove(next(a for a in found if a is not tls(found))),
        ),
        [
            f"{BUCKET} has no policy that denies s3:* on it {OLD}",
            f"{BUCKET} has no policy that denies s3:* on its objects {OLD}",
        ],
    ),
    "objects forgotten": (
        lambda stack: change_policy(
            stack.ingest.bucket, lambda found: tls(found).update(Resource=tls(found)["Resource"][0])
        ),
        [f"{BUCKET} has no policy that denies s3:* on its objects {PLAIN}"],
    ),
    "one action denied": (
        lambda stack: change_policy(
            stack.ingest.queue, lambda found: tls(found).update(Action="sqs:SendMessage")
        ),
        [f"AWS::SQS::Queue IngestQueue95F6DB49 has no policy that denies sqs:* on it {PLAIN}"],
    ),
    "one account denied": (
        lambda stack: change_policy(
            stack.ingest.queue, lambda found: tls(found).update(Principal={"AWS": "123456789012"})
        ),
        [f"AWS::SQS::Queue IngestQueue95F6DB49 has no policy that denies sqs:* on it {PLAIN}"],
    ),
    "denied to who comes from elsewhere": (
        lambda stack: change_policy(
            stack.ingest.queue,
            lambda found: tls(found)["Condition"].update(
                NotIpAddress={"aws:SourceIp": "192.0.2.0/24"}
            ),
        ),
        [f"AWS::SQS::Queue IngestQueue95F6DB49 has no policy that denies sqs:* on it {PLAIN}"],
    ),
    "a bucket that somebody adds": (
        lambda stack: s3.Bucket(stack, "Added"),
        [
            f"AWS::S3::Bucket Added701B1C67 has no policy that denies s3:* on {what} {when}"
            for what in ("it", "its objects")
            for when in (PLAIN, OLD)
        ],
    ),
    "a queue that somebody adds": (
        lambda stack: sqs.Queue(stack, "Added"),
        [f"AWS::SQS::Queue Added701B1C67 has no policy that denies sqs:* on it {PLAIN}"],
    ),
    "a topic that somebody adds": (
        lambda stack: sns.Topic(stack, "Added"),
        [f"AWS::SNS::Topic Added701B1C67 has no policy that denies sns:Publish on it {PLAIN}"],
    ),
    "a subscriber without TLS": (
        lambda stack: sns.CfnSubscription(
            stack, "Added", topic_arn="arn", protocol="http", endpoint="http://example.com/"
        ),
        ["AWS::SNS::Subscription Added sends messages by plain HTTP to http://example.com/."],
    ),
    "a host name with old TLS": (
        lambda stack: apigateway.CfnDomainName(
            stack,
            "Added",
            domain_name="api.example.com",
            domain_name_configurations=[
                apigateway.CfnDomainName.DomainNameConfigurationProperty(
                    certificate_arn=CERTIFICATE, security_policy="TLS_1_0"
                )
            ],
        ),
        ["AWS::ApiGatewayV2::DomainName Added takes old TLS: its SecurityPolicy is TLS_1_0."],
    ),
}
PAGE = "AWS::CloudFront::Distribution WebDistributionCF3E234B"
OF_THE_PAGE = {
    "DefaultCacheBehavior.ViewerProtocolPolicy": (
        "allow-all",
        f"{PAGE} answers plain HTTP: its viewers' policy for * is allow-all.",
    ),
    "CacheBehaviors": (
        [{"PathPattern": "/open/*", "TargetOriginId": "1", "ViewerProtocolPolicy": "allow-all"}],
        f"{PAGE} answers plain HTTP: its viewers' policy for /open/* is allow-all.",
    ),
    "Origins": (
        [
            {
                "Id": "1",
                "DomainName": "www.example.com",
                "CustomOriginConfig": {"OriginProtocolPolicy": "match-viewer"},
            }
        ],
        f"{PAGE} asks its origin 1 by plain HTTP: match-viewer.",
    ),
    "Aliases": (
        ["www.example.com"],
        f"{PAGE} takes old TLS: its MinimumProtocolVersion is None.",
    ),
}


def test_without_a_fault_nothing_is_found(ingest: IngestStack, web: WebStack) -> None:
    assert plain_http(template_of(ingest)) == []
    assert plain_http(template_of(web)) == []


@pytest.mark.parametrize("name", FAULTS)
def test_a_way_around_tls_is_named(ingest: IngestStack, name: str) -> None:
    fault, findings = FAULTS[name]

    fault(ingest)

    assert plain_http(template_of(ingest)) == findings


@pytest.mark.parametrize("member", OF_THE_PAGE)
def test_a_way_around_tls_to_the_page_is_named(web: WebStack, member: str) -> None:
    value, finding = OF_THE_PAGE[member]

    distribution = resource(web.app.distribution)
    distribution.add_property_override(f"DistributionConfig.{member}", value)

    assert plain_http(template_of(web)) == [finding]
