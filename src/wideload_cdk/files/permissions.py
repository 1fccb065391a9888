"""What each function of a file transfer deployment may do, and why rule packs need not mind."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from aws_cdk import aws_apigatewayv2 as apigateway

from wideload_cdk.shared import grants
from wideload_cdk.shared.rules import acknowledge, acknowledge_wildcard
from wideload_cdk.shared.tables import DUE_INDEX

if TYPE_CHECKING:
    from wideload_cdk.files.construct import FileTransfer

FILES_PREFIX = "files/"


def grant_functions(files: FileTransfer) -> None:
    """Give each function what it does, under the prefix and on the table where it does it."""
    for function in (files.api_function, files.sweep_function):
        # Presigned URLs carry the API function's own permissions. The sweep finishes what the
        # API had begun to complete, and takes away what was not.
        grants.grant_objects(
            files.bucket,
            function,
            FILES_PREFIX,
            "s3:PutObject",
            "s3:GetObject",
            "s3:DeleteObject",
            "s3:AbortMultipartUpload",
            "s3:ListMultipartUploadParts",
        )
        grants.grant_list(files.bucket, function, FILES_PREFIX)
        grants.grant_bucket_key(files.bucket, function)
        grants.grant_items(
            files.files_table,
            function,
            "dynamodb:GetItem",
            "dynamodb:PutItem",
            "dynamodb:UpdateItem",
            "dynamodb:DeleteItem",
        )
        if files.verify_queue is not None:
            grants.grant_send(files.verify_queue, function)
    # The API looks up many files at once, and lists; the sweep asks the index what is due.
    grants.grant_items(
        files.files_table, files.api_function, "dynamodb:BatchGetItem", "dynamodb:Query"
    )
    grants.grant_query(files.files_table, files.sweep_function, DUE_INDEX)
    if files.verifier_function is not None:
        grants.grant_objects(files.bucket, files.verifier_function, FILES_PREFIX, "s3:GetObject")
        grants.grant_list(files.bucket, files.verifier_function, FILES_PREFIX)
        grants.grant_bucket_key(files.bucket, files.verifier_function)
        grants.grant_items(
            files.files_table,
            files.verifier_function,
            "dynamodb:GetItem",
            "dynamodb:UpdateItem",
            "dynamodb:DeleteItem",
        )
        files.event_bus.grant_put_events_to(files.verifier_function)
    if files.verify_queue is not None and files.verifier_function is not None:
        grants.grant_consume(files.verify_queue, files.verifier_function)


def acknowledge_findings(files: FileTransfer, open_routes: Sequence[apigateway.HttpRoute]) -> None:
    """Say why what rule packs find here is meant."""
    functions = (files.api_function, files.sweep_function, files.verifier_function)
    for function in functions:
        if function is not None:
            acknowledge_wildcard(
                function.role,
                files.bucket.arn_for_objects(f"{FILES_PREFIX}*"),
                f"The keys of files are known only at run time; all start with {FILES_PREFIX}.",
            )
    # The pack knows as dead-letter queues those of other queues alone.
    acknowledge(
        files.event_dead_letter_queue,
        "AwsSolutions-SQS3",
        "This is a dead-letter queue itself, of an EventBridge rule.",
    )
    for route in open_routes:
        acknowledge(
            route,
            "AwsSolutions-APIG4",
            "It tells programs where people sign in, which they ask before they have a token; "
            "nothing in its answer is secret.",
        )
