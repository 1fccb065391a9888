"""A guard that finds public access in a template."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.guards.policies import Resources, as_list, is_for_everyone, of_kind, statements

BLOCKS = ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets")

# Programs read the sign-in endpoints before they have a token.
OPEN_ROUTES = {"GET /sign-in"}

# EventBridge doesn't send a rule's ARN to KMS; the policy of the encrypted queue checks the rule
# (`wideload_cdk.shared.grants.grant_rule`).
WITHOUT_CONDITION = {("AWS::KMS::Key", "events.amazonaws.com", "kms:Decrypt, kms:GenerateDataKey")}


def public_access(template: dict[str, Any]) -> list[str]:
    """A sentence for each finding, naming the resource."""
    resources: Resources = template["Resources"]
    return sorted(
        [*_open_buckets(resources), *_open_policies(resources), *_open_endpoints(resources)]
    )


def _open_buckets(resources: Resources) -> Iterator[str]:
    for name, properties in of_kind(resources, "AWS::S3::Bucket"):
        blocked = properties.get("PublicAccessBlockConfiguration", {})
        missing = [block for block in BLOCKS if blocked.get(block) is not True]
        if missing:
            yield f"{name} can be made public: {', '.join(missing)} must be true."
        acl = properties.get("AccessControl", "Private")
        if acl.startswith(("Public", "Authenticated")):
            yield f"{name} is open to strangers: its ACL is {acl}."
        rules = properties.get("OwnershipControls", {}).get("Rules", [{}])
        ownership = rules[0].get("ObjectOwnership", "not set")
        # CloudFront's logs are written by an ACL, to its own bucket alone.
        taken_by = _buckets_of_cloudfront_logs(resources)
        if ownership != "BucketOwnerEnforced" and name.split()[-1] not in taken_by:
            yield f"{name} takes ACLs: its ownership is {ownership}, not BucketOwnerEnforced."


def _buckets_of_cloudfront_logs(resources: Resources) -> set[str]:
    return {
        properties["DistributionConfig"]["Logging"]["Bucket"]["Fn::GetAtt"][0]
        for _, properties in of_kind(resources, "AWS::CloudFront::Distribution")
        if "Logging" in properties["DistributionConfig"]
    }


def _open_policies(resources: Resources) -> Iterator[str]:
    for name, statement in statements(resources):
        if statement["Effect"] == "Deny":
            continue
        actions = ", ".join(as_list(statement.get("Action", "everything")))
        if is_for_everyone(statement):
            yield f"{name} lets everyone do {actions}."
        # A service assumes a role only for resources of the role's account; with other policies it
        # may act for any account.
        elif (
            not name.startswith("AWS::IAM::Role")
            and "Service" in statement["Principal"]
            and "Condition" not in statement
        ):
            service = ", ".join(as_list(statement["Principal"]["Service"]))
            if (name.split()[0], service, actions) in WITHOUT_CONDITION:
                continue
            yield f"{name} lets {service} do {actions} for any account: it has no condition."


def _open_endpoints(resources: Resources) -> Iterator[str]:
    for name, properties in of_kind(resources, "AWS::Lambda::Permission"):
        if not {"SourceArn", "SourceAccount"} & set(properties):
            yield f"{name} lets {properties['Principal']} invoke for any account: no SourceArn."
    for name, properties in of_kind(resources, "AWS::Lambda::Url"):
        if properties["AuthType"] == "NONE":
            yield f"{name} answers everyone: its AuthType is NONE."
    for name, properties in of_kind(resources, "AWS::ApiGatewayV2::Route"):
        route = properties["RouteKey"]
        if properties.get("AuthorizationType", "NONE") == "NONE" and route not in OPEN_ROUTES:
            yield f"{name} answers everyone: {route} has no authorizer."
