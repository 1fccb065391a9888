"""The tables of `PayloadIngest`."""

from __future__ import annotations

from aws_cdk import RemovalPolicy
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_kms as kms
from constructs import Construct

CALL_INDEX = "by_call"


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
        encryption_key=encryption_key,
        point_in_time_recovery=point_in_time_recovery,
        deletion_protection=deletion_protection,
        removal_policy=removal_policy,
    )
    # Only what a listing shows: an item carries up to 8 KiB of document, which every
    # index that projects it would store and pay for again.
    table.add_global_secondary_index(
        index_name=CALL_INDEX,
        partition_key=_string("tenant_call"),
        sort_key=_string("payload_id"),
        projection_type=dynamodb.ProjectionType.INCLUDE,
        non_key_attributes=["state", "created_at", "size"],
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
        encryption_key=encryption_key,
        point_in_time_recovery=point_in_time_recovery,
        deletion_protection=deletion_protection,
        removal_policy=removal_policy,
    )


def _table(
    scope: Construct,
    id: str,
    *,
    partition_key: str,
    time_to_live_attribute: str | None,
    encryption_key: kms.IKey | None,
    point_in_time_recovery: bool,
    deletion_protection: bool,
    removal_policy: RemovalPolicy,
) -> dynamodb.Table:
    return dynamodb.Table(
        scope,
        id,
        partition_key=_string(partition_key),
        billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
        time_to_live_attribute=time_to_live_attribute,
        # DynamoDB encrypts always; without a key, with one of its own that costs nothing.
        encryption=dynamodb.TableEncryption.CUSTOMER_MANAGED if encryption_key else None,
        encryption_key=encryption_key,
        point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
            point_in_time_recovery_enabled=point_in_time_recovery
        ),
        deletion_protection=deletion_protection,
        removal_policy=removal_policy,
    )


def _string(name: str) -> dynamodb.Attribute:
    return dynamodb.Attribute(name=name, type=dynamodb.AttributeType.STRING)
