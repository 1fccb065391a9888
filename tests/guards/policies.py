"""Statements of the resource policies in a template."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

Resources = dict[str, dict[str, Any]]
Statement = dict[str, Any]

# The property that holds the policy of each kind.
_DOCUMENTS = {
    "AWS::IAM::Role": "AssumeRolePolicyDocument",
    "AWS::KMS::Key": "KeyPolicy",
    "AWS::S3::BucketPolicy": "PolicyDocument",
    "AWS::SNS::TopicPolicy": "PolicyDocument",
    "AWS::SQS::QueuePolicy": "PolicyDocument",
}


def of_kind(resources: Resources, kind: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Name (kind and logical id) and properties of each resource of `kind`."""
    for logical_id, resource in resources.items():
        if resource["Type"] == kind:
            yield f"{kind} {logical_id}", resource.get("Properties", {})


def statements(resources: Resources) -> Iterator[tuple[str, Statement]]:
    """Each statement, with the name of the resource that carries it."""
    for kind, document in _DOCUMENTS.items():
        for name, properties in of_kind(resources, kind):
            for statement in properties.get(document, {}).get("Statement", []):
                yield name, statement


def as_list(value: Any) -> list[Any]:
    """A list, where a policy may have a single value in place of a list."""
    return value if isinstance(value, list) else [value]


def is_for_everyone(statement: Statement) -> bool:
    """Whether the principal is everyone, with or without an AWS account."""
    if "NotPrincipal" in statement:
        return True
    principal = statement["Principal"]
    named = principal.values() if isinstance(principal, dict) else [principal]
    return any("*" in as_list(one) for one in named)
