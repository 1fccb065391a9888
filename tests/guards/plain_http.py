"""A guard that finds connections without TLS 1.2 in a template, in both directions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.guards.policies import Resources, Statement, as_list, is_for_everyone, of_kind

PLAIN_HTTP = ("Bool", "aws:SecureTransport", "false")
OLD_TLS = ("NumericLessThan", "s3:TlsVersion", "1.2")

# Kind, kind of its policy, the policy's property that names the resource, action and conditions to
# deny. SNS and SQS require TLS 1.2 by themselves; the CDK denies only `sns:Publish` of topics.
_GUARDED = (
    ("AWS::S3::Bucket", "AWS::S3::BucketPolicy", "Bucket", "s3:*", (PLAIN_HTTP, OLD_TLS)),
    ("AWS::SQS::Queue", "AWS::SQS::QueuePolicy", "Queues", "sqs:*", (PLAIN_HTTP,)),
    ("AWS::SNS::Topic", "AWS::SNS::TopicPolicy", "Topics", "sns:Publish", (PLAIN_HTTP,)),
)
_VIEWERS = ("redirect-to-https", "https-only")


def plain_http(template: dict[str, Any]) -> list[str]:
    """A sentence for each finding, naming the resource."""
    resources: Resources = template["Resources"]
    return sorted(
        [
            *_not_denied(resources),
            *_distributions(resources),
            *_domains(resources),
            *_messages(resources),
        ]
    )


def _not_denied(resources: Resources) -> Iterator[str]:
    for kind, policy_kind, member, action, refused in _GUARDED:
        for name, _ in of_kind(resources, kind):
            logical_id = name.split()[-1]
            denials = [
                statement
                for _, properties in of_kind(resources, policy_kind)
                if {"Ref": logical_id} in as_list(properties[member])
                for statement in properties["PolicyDocument"]["Statement"]
                if _denies_everyone(statement, action)
            ]
            for operator, key, value in refused:
                denied = [
                    resource
                    for statement in denials
                    # A second condition in the statement would narrow the denial.
                    if _text(statement.get("Condition")) == {operator: {key: value}}
                    for resource in as_list(statement["Resource"])
                ]
                for what, resource in _whole(kind, logical_id):
                    if resource not in denied:
                        yield (
                            f"{name} has no policy that denies {action} on {what} "
                            f"when {key} is {'less than ' * (key == OLD_TLS[1])}{value}."
                        )


def _denies_everyone(statement: Statement, action: str) -> bool:
    return (
        statement["Effect"] == "Deny"
        and is_for_everyone(statement)
        and action in as_list(statement.get("Action"))
    )


def _text(condition: Any) -> Any:
    """A condition with its values as text: the CDK writes some as numbers."""
    return {
        operator: {key: str(value).lower() for key, value in keys.items()}
        for operator, keys in (condition or {}).items()
    }


def _whole(kind: str, logical_id: str) -> list[tuple[str, Any]]:
    """The resources that a denial must cover: in words, and as in a template."""
    if kind == "AWS::SNS::Topic":
        return [("it", {"Ref": logical_id})]
    arn = {"Fn::GetAtt": [logical_id, "Arn"]}
    if kind == "AWS::S3::Bucket":
        return [("it", arn), ("its objects", {"Fn::Join": ["", [arn, "/*"]]})]
    return [("it", arn)]


def _distributions(resources: Resources) -> Iterator[str]:
    for name, properties in of_kind(resources, "AWS::CloudFront::Distribution"):
        config = properties["DistributionConfig"]
        for behavior in (config["DefaultCacheBehavior"], *config.get("CacheBehaviors", [])):
            policy = behavior["ViewerProtocolPolicy"]
            if policy not in _VIEWERS:
                path = behavior.get("PathPattern", "*")
                yield f"{name} answers plain HTTP: its viewers' policy for {path} is {policy}."
        for origin in config["Origins"]:
            policy = origin.get("CustomOriginConfig", {}).get("OriginProtocolPolicy", "https-only")
            if policy != "https-only":
                yield f"{name} asks its origin {origin['Id']} by plain HTTP: {policy}."
        least = config.get("ViewerCertificate", {}).get("MinimumProtocolVersion")
        # For *.cloudfront.net CloudFront sets the versions itself.
        if config.get("Aliases") and not str(least).startswith(("TLSv1.2_", "TLSv1.3_")):
            yield f"{name} takes old TLS: its MinimumProtocolVersion is {least}."


def _domains(resources: Resources) -> Iterator[str]:
    # The default endpoint, and a domain name without a policy, require TLS 1.2.
    for name, properties in of_kind(resources, "AWS::ApiGatewayV2::DomainName"):
        for endpoint in properties["DomainNameConfigurations"]:
            policy = endpoint.get("SecurityPolicy", "TLS_1_2")
            if policy != "TLS_1_2":
                yield f"{name} takes old TLS: its SecurityPolicy is {policy}."


def _messages(resources: Resources) -> Iterator[str]:
    for name, properties in of_kind(resources, "AWS::SNS::Subscription"):
        if properties["Protocol"] == "http":
            yield f"{name} sends messages by plain HTTP to {properties['Endpoint']}."
    for name, properties in of_kind(resources, "AWS::Cognito::UserPoolClient"):
        for url in properties.get("CallbackURLs", []):
            if str(url).startswith("http:") and not url.startswith("http://localhost:"):
                yield f"{name} sends codes by plain HTTP to {url}."
