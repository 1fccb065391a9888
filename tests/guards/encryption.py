"""A guard: what of a template stores data without encrypting it."""

from __future__ import annotations

from typing import Any

from tests.guards.policies import of_kind

# Any one of these properties says how. Tables, log groups and user pools AWS encrypts always.
_SAYS_HOW = {
    "AWS::S3::Bucket": ("BucketEncryption",),
    "AWS::SNS::Topic": ("KmsMasterKeyId",),
    "AWS::SQS::Queue": ("SqsManagedSseEnabled", "KmsMasterKeyId"),
}


def unencrypted(template: dict[str, Any]) -> list[str]:
    """A sentence for each resource that isn't encrypted, naming it; empty if all are."""
    return sorted(
        f"{name} is not encrypted: it has no {' or '.join(how)}."
        for kind, how in _SAYS_HOW.items()
        for name, properties in of_kind(template["Resources"], kind)
        if not any(properties.get(member) for member in how)
    )
