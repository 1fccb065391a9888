"""DynamoDB tables of payload ingest."""

from __future__ import annotations

from aws_cdk import aws_dynamodb as dynamodb
from constructs import Construct

from wideload_cdk.shared.tables import DataProtection, new_table, string_attribute

OPEN_INDEX = "by_open"
CALL_INDEX = "by_call"
TENANT_INDEX = "by_tenant"

# Only the attributes that a listing shows: an item carries up to 8 KiB of document, which every
# index that projects it would store and pay for again.
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
# Index to partition key, sort key and further projected attributes. All are sparse: only unfinished
# payloads have an `open_shard`, only finished ones the other two partition keys.
PAYLOAD_INDEXES = {
    OPEN_INDEX: (
        "open_shard",
        "created_at",
        ["state", "tenant", "source", "s3_key", "lease_until"],
    ),
    CALL_INDEX: ("tenant_call", "payload_id", _LISTED),
    TENANT_INDEX: ("tenant_shard", "payload_id", _LISTED),
}


def new_payloads_table(scope: Construct, id: str, protection: DataProtection) -> dynamodb.Table:
    """Make the table with one item per payload, and idempotency records beside them."""
    table = new_table(
        scope,
        id,
        protection,
        partition_key="payload_id",
        time_to_live_attribute="expires_at",
        # The old image tells an item that has just become `stored` from one that was before.
        stream=dynamodb.StreamViewType.NEW_AND_OLD_IMAGES,
    )
    for name, (partition_key, sort_key, projected) in PAYLOAD_INDEXES.items():
        table.add_global_secondary_index(
            index_name=name,
            partition_key=string_attribute(partition_key),
            sort_key=string_attribute(sort_key),
            projection_type=dynamodb.ProjectionType.INCLUDE,
            non_key_attributes=projected,
        )
    return table


def new_keys_table(scope: Construct, id: str, protection: DataProtection) -> dynamodb.Table:
    """Make the table with one item per API key, which holds only the key's hash."""
    return new_table(scope, id, protection, partition_key="key_id")
