"""Each use of plain HTTP or old TLS is found, and the finding names it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.guards.plain_http import plain_http
from tests.guards.policies import Resources, Statement

Fault = Callable[[Resources], object]
BUCKET = "AWS::S3::Bucket IngestBucketEDD8587D"
QUEUE = "AWS::SQS::Queue IngestQueue95F6DB49"
BUCKET_POLICY = "IngestBucketPolicy550B1752"
QUEUE_POLICY = "IngestQueuePolicy285B1167"
PLAIN = "when aws:SecureTransport is false."
OLD = "when s3:TlsVersion is less than 1.2."


def statements(resources: Resources, policy: str) -> list[Statement]:
    found: list[Statement] = resources[policy]["Properties"]["PolicyDocument"]["Statement"]
    return found


def denial(resources: Resources, policy: str, condition: str = "aws:SecureTransport") -> Statement:
    """The statement of a policy that denies requests by this condition."""
    [found] = [
        each for each in statements(resources, policy) if condition in str(each.get("Condition"))
    ]
    return found


def remove(policy: str, condition: str) -> Fault:
    def fault(resources: Resources) -> None:
        statements(resources, policy).remove(denial(resources, policy, condition))

    return fault


def add(kind: str, **properties: Any) -> Fault:
    """Add a resource with the logical id `Added`."""
    return lambda resources: resources.update(Added={"Type": kind, "Properties": properties})


FAULTS: dict[str, tuple[Fault, list[str]]] = {
    "the statement removed": (
        remove(BUCKET_POLICY, "aws:SecureTransport"),
        [
            f"{BUCKET} has no policy that denies s3:* on it {PLAIN}",
            f"{BUCKET} has no policy that denies s3:* on its objects {PLAIN}",
        ],
    ),
    "the statement about old TLS removed": (
        remove(BUCKET_POLICY, "s3:TlsVersion"),
        [
            f"{BUCKET} has no policy that denies s3:* on it {OLD}",
            f"{BUCKET} has no policy that denies s3:* on its objects {OLD}",
        ],
    ),
    "objects forgotten": (
        lambda resources: denial(resources, BUCKET_POLICY).update(
            Resource=denial(resources, BUCKET_POLICY)["Resource"][0]
        ),
        [f"{BUCKET} has no policy that denies s3:* on its objects {PLAIN}"],
    ),
    "one action denied": (
        lambda resources: denial(resources, QUEUE_POLICY).update(Action="sqs:SendMessage"),
        [f"{QUEUE} has no policy that denies sqs:* on it {PLAIN}"],
    ),
    "one account denied": (
        lambda resources: denial(resources, QUEUE_POLICY).update(Principal={"AWS": "123456789012"}),
        [f"{QUEUE} has no policy that denies sqs:* on it {PLAIN}"],
    ),
    "one network excepted": (
        lambda resources: denial(resources, QUEUE_POLICY)["Condition"].update(
            NotIpAddress={"aws:SourceIp": "192.0.2.0/24"}
        ),
        [f"{QUEUE} has no policy that denies sqs:* on it {PLAIN}"],
    ),
    "a bucket without a policy": (
        add("AWS::S3::Bucket"),
        [
            f"AWS::S3::Bucket Added has no policy that denies s3:* on {what} {when}"
            for what in ("it", "its objects")
            for when in (PLAIN, OLD)
        ],
    ),
    "a queue without a policy": (
        add("AWS::SQS::Queue"),
        [f"AWS::SQS::Queue Added has no policy that denies sqs:* on it {PLAIN}"],
    ),
    "a topic without a policy": (
        add("AWS::SNS::Topic"),
        [f"AWS::SNS::Topic Added has no policy that denies sns:Publish on it {PLAIN}"],
    ),
    "a subscriber without TLS": (
        add(
            "AWS::SNS::Subscription",
            TopicArn="arn",
            Protocol="http",
            Endpoint="http://example.com/",
        ),
        ["AWS::SNS::Subscription Added sends messages by plain HTTP to http://example.com/."],
    ),
    "a host name with old TLS": (
        add(
            "AWS::ApiGatewayV2::DomainName",
            DomainName="api.example.com",
            DomainNameConfigurations=[{"SecurityPolicy": "TLS_1_0"}],
        ),
        ["AWS::ApiGatewayV2::DomainName Added takes old TLS: its SecurityPolicy is TLS_1_0."],
    ),
}
DISTRIBUTION = "WebDistributionCF3E234B"
PAGE = f"AWS::CloudFront::Distribution {DISTRIBUTION}"
OF_THE_PAGE = {
    "DefaultCacheBehavior": (
        {"ViewerProtocolPolicy": "allow-all"},
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


def test_without_a_fault_nothing_is_found(ingest: Resources, web: Resources) -> None:
    assert plain_http({"Resources": ingest}) == []
    assert plain_http({"Resources": web}) == []


@pytest.mark.parametrize("name", FAULTS)
def test_a_way_around_tls_is_named(ingest: Resources, name: str) -> None:
    fault, findings = FAULTS[name]

    fault(ingest)

    assert plain_http({"Resources": ingest}) == findings


@pytest.mark.parametrize("member", OF_THE_PAGE)
def test_a_way_around_tls_to_the_page_is_named(web: Resources, member: str) -> None:
    value, finding = OF_THE_PAGE[member]

    web[DISTRIBUTION]["Properties"]["DistributionConfig"][member] = value

    assert plain_http({"Resources": web}) == [finding]
