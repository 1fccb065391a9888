"""DynamoDB table of file transfer."""

from __future__ import annotations

from aws_cdk import aws_dynamodb as dynamodb
from constructs import Construct

from wideload_cdk.shared.tables import DataProtection, new_table, string_attribute

DUE_INDEX = "by_due"


def new_files_table(scope: Construct, id: str, protection: DataProtection) -> dynamodb.Table:
    """Make the table, in which all items of one person share a partition key.

    These are files, contents, uploads and usage.
    """
    table = new_table(
        scope,
        id,
        protection,
        partition_key="owner",
        sort_key="item",
        time_to_live_attribute="expires_at",
        # Events tell the file that was deleted, too.
        stream=dynamodb.StreamViewType.NEW_AND_OLD_IMAGES,
    )
    # Sparse: only items that the sweep still has to process have a `due_shard`.
    table.add_global_secondary_index(
        index_name=DUE_INDEX,
        partition_key=string_attribute("due_shard"),
        sort_key=string_attribute("due_at"),
        projection_type=dynamodb.ProjectionType.KEYS_ONLY,
    )
    return table
