"""The tables of the constructs."""

from __future__ import annotations

from aws_cdk import RemovalPolicy
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_kms as kms
from constructs import Construct

from wideload_cdk.shared.findings import acknowledge_table

DUE_INDEX = "by_due"
OPEN_INDEX = "by_open"
CALL_INDEX = "by_call"
TENANT_INDEX = "by_tenant"

# Only what a listing shows: an item carries up to 8 KiB of document, which every index that
# projects it would store and pay for again.
_LISTED = [
    "state",
    "tenant",
    "source",
    "created_at",
    "stored_at",
    "call_id",
    "uploaded_size",
    "size",
    "sha256",
    "records",
    "error_code",
    "error_detail",
]
# Index to partition key, sort key and what it projects beside them. All are sparse: unfinished
# payloads alone have an `open_shard`, finished ones the other two.
PAYLOAD_INDEXES = {
    OPEN_INDEX: (
        "open_shard",
        "created_at",
        ["state", "tenant", "source", "s3_key", "lease_until"],
    ),
    CALL_INDEX: ("tenant_call", "payload_id", _LISTED),
    TENANT_INDEX: ("tenant_shard", "payload_id", _LISTED),
}


def new_payloads_table(
    scope: Construct,
    id: str,
    *,
    encryption_key: kms.IKey | None,
    point_in_time_recovery: bool,
    deletion_protection: bool,
    removal_policy: RemovalPolicy,
) -> dynamodb.Table:
    """One item per payload; idempotency records beside them."""
    table = _table(
        scope,
        id,
        partition_key="payload_id",
        time_to_live_attribute="expires_at",
        # The old image tells an item that has just become `stored` from one that was before.
        stream=dynamodb.StreamViewType.NEW_AND_OLD_IMAGES,
        encryption_key=encryption_key,
        point_in_time_recovery=point_in_time_recovery,
        deletion_protection=deletion_protection,
        removal_policy=removal_policy,
    )
    for name, (partition_key, sort_key, projected) in PAYLOAD_INDEXES.items():
        table.add_global_secondary_index(
            index_name=name,
            partition_key=_string(partition_key),
            sort_key=_string(sort_key),
            projection_type=dynamodb.ProjectionType.INCLUDE,
            non_key_attributes=projected,
        )
    return table


def new_keys_table(
    scope: Construct,
    id: str,
    *,
    encryption_key: kms.IKey | None,
    point_in_time_recovery: bool,
    deletion_protection: bool,
    removal_policy: RemovalPolicy,
) -> dynamodb.Table:
    """One item per API key, with its hash alone."""
    return _table(
        scope,
        id,
        partition_key="key_id",
        time_to_live_attribute=None,
        stream=None,
        encryption_key=encryption_key,
        point_in_time_recovery=point_in_time_recovery,
        deletion_protection=deletion_protection,
        removal_policy=removal_policy,
    )


def new_files_table(
    scope: Construct,
    id: str,
    *,
    encryption_key: kms.IKey | None,
    point_in_time_recovery: bool,
    deletion_protection: bool,
    removal_policy: RemovalPolicy,
) -> dynamodb.Table:
    """All that belongs to one person under one partition key: files, contents, uploads, usage."""
    table = _table(
        scope,
        id,
        partition_key="owner",
        sort_key="item",
        time_to_live_attribute="expires_at",
        stream=None,
        encryption_key=encryption_key,
        point_in_time_recovery=point_in_time_recovery,
        deletion_protection=deletion_protection,
        removal_policy=removal_policy,
    )
    # Sparse: only what the sweep still has to look at has a `due_shard`.
    table.add_global_secondary_index(
        index_name=DUE_INDEX,
        partition_key=_string("due_shard"),
        sort_key=_string("due_at"),
        projection_type=dynamodb.ProjectionType.KEYS_ONLY,
    )
    return table


def _table(
    scope: Construct,
    id: str,
    *,
    partition_key: str,
    sort_key: str | None = None,
    time_to_live_attribute: str | None,
    stream: dynamodb.StreamViewType | None,
    encryption_key: kms.IKey | None,
    point_in_time_recovery: bool,
    deletion_protection: bool,
    removal_policy: RemovalPolicy,
) -> dynamodb.Table:
    table = dynamodb.Table(
        scope,
        id,
        partition_key=_string(partition_key),
        sort_key=_string(sort_key) if sort_key else None,
        billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
        time_to_live_attribute=time_to_live_attribute,
        stream=stream,
        # DynamoDB encrypts always; without a key, with one of its own that costs nothing.
        encryption=dynamodb.TableEncryption.CUSTOMER_MANAGED if encryption_key else None,
        encryption_key=encryption_key,
        point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
            point_in_time_recovery_enabled=point_in_time_recovery
        ),
        deletion_protection=deletion_protection,
        removal_policy=removal_policy,
    )
    acknowledge_table(table, point_in_time_recovery=point_in_time_recovery)
    return table


def _string(name: str) -> dynamodb.Attribute:
    return dynamodb.Attribute(name=name, type=dynamodb.AttributeType.STRING)
