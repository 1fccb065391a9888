"""What each function of an ingest deployment may do, and why rule packs need not mind."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wideload_cdk.shared import grants
from wideload_cdk.shared.function import RuntimeFunction
from wideload_cdk.shared.rules import acknowledge, acknowledge_wildcard
from wideload_cdk.shared.tables import CALL_INDEX, OPEN_INDEX, TENANT_INDEX

if TYPE_CHECKING:
    from wideload_cdk.ingest.construct import PayloadIngest

TRANSIT_PREFIX = "transit/"
ARCHIVE_PREFIX = "archive/"


def grant_functions(ingest: PayloadIngest) -> None:
    """Give each function what it does, on the prefixes and tables where it does it."""
    for function in (ingest.api_function, ingest.worker_function):
        grants.grant_objects(ingest.bucket, function, TRANSIT_PREFIX, "s3:GetObject")
        grants.grant_objects(
            ingest.bucket, function, ARCHIVE_PREFIX, "s3:PutObject", "s3:AbortMultipartUpload"
        )
        grants.grant_list(ingest.bucket, function, TRANSIT_PREFIX)
        grants.grant_bucket_key(ingest.bucket, function)
        grants.grant_items(
            ingest.payloads_table, function, "dynamodb:GetItem", "dynamodb:UpdateItem"
        )
    # Presigned URLs carry the API function's own permissions; the deletions are a client's.
    grants.grant_objects(
        ingest.bucket, ingest.api_function, TRANSIT_PREFIX, "s3:PutObject", "s3:DeleteObject"
    )
    grants.grant_objects(
        ingest.bucket, ingest.api_function, ARCHIVE_PREFIX, "s3:GetObject", "s3:DeleteObject"
    )
    # Which of a listing have expired; and whether a document is missing, where S3 says 403.
    grants.grant_items(
        ingest.payloads_table,
        ingest.api_function,
        "dynamodb:PutItem",
        "dynamodb:DeleteItem",
        "dynamodb:BatchGetItem",
    )
    grants.grant_list(ingest.bucket, ingest.api_function, ARCHIVE_PREFIX)
    for index in (CALL_INDEX, TENANT_INDEX):
        grants.grant_query(ingest.payloads_table, ingest.api_function, index)
    grants.grant_consume(ingest.queue, ingest.worker_function)
    # The sweep looks at names alone, and reads no object.
    for prefix in (TRANSIT_PREFIX, ARCHIVE_PREFIX):
        grants.grant_list(ingest.bucket, ingest.sweep_function, prefix)
    grants.grant_items(
        ingest.payloads_table, ingest.sweep_function, "dynamodb:BatchGetItem", "dynamodb:UpdateItem"
    )
    grants.grant_query(ingest.payloads_table, ingest.sweep_function, OPEN_INDEX)
    senders = [ingest.api_function, ingest.sweep_function]
    if isinstance(ingest.worker_function, RuntimeFunction):  # a processor sends nothing
        senders.append(ingest.worker_function)
    for sender in senders:
        grants.grant_send(ingest.queue, sender)
    ingest.event_bus.grant_put_events_to(ingest.events_function)
    grants.grant_objects(ingest.bucket, ingest.events_function, ARCHIVE_PREFIX, "s3:DeleteObject")
    grants.grant_items(ingest.keys_table, ingest.authorizer_function, "dynamodb:GetItem")


def acknowledge_findings(ingest: PayloadIngest) -> None:
    """Say why what rule packs find here is meant."""
    reached = [
        (ingest.api_function, TRANSIT_PREFIX),
        (ingest.api_function, ARCHIVE_PREFIX),
        (ingest.worker_function, TRANSIT_PREFIX),
        (ingest.worker_function, ARCHIVE_PREFIX),
        (ingest.events_function, ARCHIVE_PREFIX),
    ]
    for function, prefix in reached:
        acknowledge_wildcard(
            function.role,
            ingest.bucket.arn_for_objects(f"{prefix}*"),
            f"The keys of payloads are known only at run time; all start with {prefix}.",
        )
    # The pack knows as dead-letter queues those of other queues alone.
    acknowledge(
        ingest.event_dead_letter_queue,
        "AwsSolutions-SQS3",
        "This is a dead-letter queue itself, of EventBridge rules and an event source mapping.",
    )
