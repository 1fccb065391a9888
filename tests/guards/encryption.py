"""A guard that finds unencrypted storage in a template."""

from __future__ import annotations

from typing import Any

from tests.guards.policies import of_kind

# Any of these properties configures encryption. AWS always encrypts tables, log groups and user
# pools.
_SAYS_HOW = {
    "AWS::S3::Bucket": ("BucketEncryption",),
    "AWS::SNS::Topic": ("KmsMasterKeyId",),
    "AWS::SQS::Queue": ("SqsManagedSseEnabled", "KmsMasterKeyId"),
}


def unencrypted(template: dict[str, Any]) -> list[str]:
    """A sentence for each unencrypted resource, naming it."""
    return sorted(
        f"{name} is not encrypted: it has no {' or '.join(how)}."
        for kind, how in _SAYS_HOW.items()
        for name, properties in of_kind(template["Resources"], kind)
        if not any(properties.get(member) for member in how)
    )
