"""DynamoDB tables: on demand, encrypted, and as well protected as their construct wants."""

from __future__ import annotations

import dataclasses

from aws_cdk import RemovalPolicy
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_kms as kms
from constructs import Construct

from wideload_cdk.shared.findings import acknowledge_table


@dataclasses.dataclass(frozen=True)
class DataProtection:
    """Encryption, recovery and removal of the data that a service stores."""

    encryption_key: kms.IKey | None
    point_in_time_recovery: bool
    deletion_protection: bool
    removal_policy: RemovalPolicy


def new_table(
    scope: Construct,
    id: str,
    protection: DataProtection,
    *,
    partition_key: str,
    sort_key: str | None = None,
    time_to_live_attribute: str | None = None,
    stream: dynamodb.StreamViewType | None = None,
) -> dynamodb.Table:
    """Make an on-demand table whose keys are strings."""
    key = protection.encryption_key
    table = dynamodb.Table(
        scope,
        id,
        partition_key=string_attribute(partition_key),
        sort_key=string_attribute(sort_key) if sort_key else None,
        billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
        time_to_live_attribute=time_to_live_attribute,
        stream=stream,
        # Without a key of the caller's, DynamoDB encrypts with its own, at no cost.
        encryption=dynamodb.TableEncryption.CUSTOMER_MANAGED if key else None,
        encryption_key=key,
        point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
            point_in_time_recovery_enabled=protection.point_in_time_recovery
        ),
        deletion_protection=protection.deletion_protection,
        removal_policy=protection.removal_policy,
    )
    acknowledge_table(table, point_in_time_recovery=protection.point_in_time_recovery)
    return table


def string_attribute(name: str) -> dynamodb.Attribute:
    return dynamodb.Attribute(name=name, type=dynamodb.AttributeType.STRING)
