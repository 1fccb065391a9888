"""Functions of file transfer: each one's definition, triggers and permissions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aws_cdk import Duration, Stack
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from wideload_cdk.files.tables import DUE_INDEX
from wideload_cdk.shared import grants
from wideload_cdk.shared.events import invoke_hourly
from wideload_cdk.shared.findings import acknowledge_wildcard
from wideload_cdk.shared.function import (
    API_TIMEOUT,
    ONE_VCPU_MEMORY_MB,
    SMALL_MEMORY_MB,
    SWEEP_NEEDS_NO_DEAD_LETTERS,
    SWEEP_TIMEOUT,
    WORKER_TIMEOUT,
    FunctionSettings,
    RuntimeFunction,
)
from wideload_cdk.shared.queues import consume
from wideload_cdk.shared.streams import EVENTS_TIMEOUT, publish_stream

FILES_PREFIX = "files/"

# Each invocation streams a file, and waits for S3 most of the time.
VERIFIER_CONCURRENCY = 10
# Largest file that is verified by default: in the verifier's 15 minutes, less 20 seconds, at 39 MB
# a second, less than half of the 85 to 90 MB/s that AWS counts on for one request.
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/optimizing-performance-design-patterns.html
VERIFIED_BYTES = 32 * 2**30


# A result is two requests to the table.
SCAN_RESULTS_TIMEOUT = Duration.minutes(1)
SCAN_RESULTS_CONCURRENCY = 10
_VERDICTS = {
    "eventName": ["INSERT", "MODIFY"],
    "dynamodb": {"NewImage": {"scan_state": {"S": ["clean", "malware", "not_scanned"]}}},
}
"""Changes of objects that have a result of a scan."""

_RECORDS = (
    "dynamodb:GetItem",
    "dynamodb:BatchGetItem",
    "dynamodb:Query",
    "dynamodb:PutItem",
    "dynamodb:UpdateItem",
    "dynamodb:DeleteItem",
    "dynamodb:ConditionCheckItem",
)
"""Reads and transactions of records. Each function of file transfer also brings an owner's items
over that an earlier version wrote."""


def new_api_function(
    scope: Construct,
    settings: FunctionSettings,
    *,
    sign_in: Mapping[str, Any],
    bucket: s3.IBucket,
    table: dynamodb.ITable,
    verify_queue: sqs.IQueue | None,
    reserved_concurrency: int | None,
    authorize: lambda_.IFunction | None,
    authorize_timeout: Duration,
    authorize_failure: str,
) -> RuntimeFunction:
    """Make the function that answers the API. `sign_in` is its answer to `GET /sign-in`."""
    environment = {"WIDELOAD_SIGN_IN": Stack.of(scope).to_json_string(sign_in)}
    if authorize is not None:
        environment |= {
            "WIDELOAD_AUTHORIZE_FUNCTION": authorize.function_arn,
            "WIDELOAD_AUTHORIZE_SECONDS": str(authorize_timeout.to_seconds()),
            "WIDELOAD_AUTHORIZE_FAILURE": authorize_failure,
        }
    function = RuntimeFunction(
        scope,
        "ApiFunction",
        handler="files_api",
        description="Wideload files: answers the API",
        memory_size=ONE_VCPU_MEMORY_MB,
        timeout=API_TIMEOUT,
        reserved_concurrency=reserved_concurrency,
        environment=environment,
        settings=settings,
    )
    # Presigned URLs carry this function's own permissions.
    _grant_transfer(function, bucket, table, verify_queue)
    if authorize is not None:
        # `authorize.grant_invoke` would include all its versions and aliases.
        iam.Grant.add_to_principal(
            grantee=function,
            actions=["lambda:InvokeFunction"],
            resource_arns=[authorize.function_arn],
        )
    return function


def new_sweep(
    scope: Construct,
    settings: FunctionSettings,
    *,
    bucket: s3.IBucket,
    table: dynamodb.ITable,
    verify_queue: sqs.IQueue | None,
    dead_letter_queue: sqs.IQueue,
) -> RuntimeFunction:
    """Make the hourly function that completes or deletes unfinished uploads."""
    function = RuntimeFunction(
        scope,
        "Sweep",
        handler="files_sweep",
        description="Wideload files: takes away what was never completed",
        memory_size=SMALL_MEMORY_MB,
        timeout=SWEEP_TIMEOUT,
        settings=settings,
        no_dead_letters=SWEEP_NEEDS_NO_DEAD_LETTERS,
    )
    invoke_hourly(scope, "SweepSchedule", function=function, dead_letter_queue=dead_letter_queue)
    # It finishes what the API function has begun to complete, and deletes the rest.
    _grant_transfer(function, bucket, table, verify_queue)
    grants.grant_query(table, function, DUE_INDEX)
    return function


def new_verifier(
    scope: Construct,
    settings: FunctionSettings,
    *,
    bucket: s3.IBucket,
    table: dynamodb.ITable,
    queue: sqs.IQueue,
    event_bus: events.IEventBus,
) -> RuntimeFunction:
    """Make the function that reads queued multipart uploads to check their SHA-256."""
    function = RuntimeFunction(
        scope,
        "Verifier",
        handler="files_verifier",
        description="Wideload files: checks multipart uploads against their SHA-256",
        memory_size=ONE_VCPU_MEMORY_MB,
        timeout=WORKER_TIMEOUT,
        environment={"WIDELOAD_EVENT_BUS": event_bus.event_bus_name},
        settings=settings,
    )
    consume(
        scope,
        "VerifierQueue",
        queue=queue,
        function=function,
        max_concurrency=VERIFIER_CONCURRENCY,
    )
    grants.grant_objects(bucket, function, FILES_PREFIX, "s3:GetObject")
    _acknowledge_files(function, bucket)
    grants.grant_list(bucket, function, FILES_PREFIX)
    grants.grant_bucket_key(bucket, function)
    grants.grant_items(table, function, *_RECORDS)
    event_bus.grant_put_events_to(function)
    grants.grant_consume(queue, function)
    return function


def new_scan_results_function(
    scope: Construct,
    settings: FunctionSettings,
    *,
    environment_name: str,
    table: dynamodb.ITable,
    queue: sqs.IQueue,
) -> RuntimeFunction:
    """Make the function that records queued results of malware scanners."""
    function = RuntimeFunction(
        scope,
        "ScanResults",
        handler="files_scan_results",
        description="Wideload files: records what malware scanners find",
        memory_size=SMALL_MEMORY_MB,
        timeout=SCAN_RESULTS_TIMEOUT,
        environment={
            "WIDELOAD_ENVIRONMENT": environment_name,
            "WIDELOAD_FILES_TABLE": table.table_name,
        },
        settings=settings,
    )
    consume(
        scope,
        "ScanResultsQueue",
        queue=queue,
        function=function,
        max_concurrency=SCAN_RESULTS_CONCURRENCY,
    )
    grants.grant_items(table, function, "dynamodb:GetItem", "dynamodb:UpdateItem")
    grants.grant_consume(queue, function)
    return function


def new_events_function(
    scope: Construct,
    settings: FunctionSettings,
    *,
    environment_name: str,
    table: dynamodb.ITable,
    event_bus: events.IEventBus,
    dead_letter_queue: sqs.IQueue,
    scans_files: bool,
) -> RuntimeFunction:
    """Make the function that publishes an event for each file that is stored or deleted.

    With `scans_files`, also for each result of a malware scan.
    """
    function = RuntimeFunction(
        scope,
        "Events",
        handler="files_events",
        description="Wideload files: publishes events of stored and deleted files",
        memory_size=SMALL_MEMORY_MB,
        timeout=EVENTS_TIMEOUT,
        environment={
            "WIDELOAD_ENVIRONMENT": environment_name,
            "WIDELOAD_FILES_TABLE": table.table_name,
            "WIDELOAD_EVENT_BUS": event_bus.event_bus_name,
        },
        settings=settings,
    )
    publish_stream(
        scope,
        "EventsStream",
        table=table,
        function=function,
        event_bus=event_bus,
        dead_letter_queue=dead_letter_queue,
        filters=[
            {
                "eventName": ["INSERT", "REMOVE"],
                "dynamodb": {"Keys": {"item": {"S": [{"prefix": "FILE#"}]}}},
            },
            *([_VERDICTS] if scans_files else []),
        ],
    )
    grants.grant_items(table, function, "dynamodb:BatchGetItem")
    return function


def _grant_transfer(
    function: RuntimeFunction,
    bucket: s3.IBucket,
    table: dynamodb.ITable,
    verify_queue: sqs.IQueue | None,
) -> None:
    """Grant uploading, downloading and deleting files, and recording these."""
    grants.grant_objects(
        bucket,
        function,
        FILES_PREFIX,
        "s3:PutObject",
        "s3:GetObject",
        "s3:DeleteObject",
        "s3:AbortMultipartUpload",
        "s3:ListMultipartUploadParts",
    )
    _acknowledge_files(function, bucket)
    grants.grant_list(bucket, function, FILES_PREFIX)
    grants.grant_bucket_key(bucket, function)
    grants.grant_items(table, function, *_RECORDS)
    if verify_queue is not None:
        grants.grant_send(verify_queue, function)


def _acknowledge_files(function: RuntimeFunction, bucket: s3.IBucket) -> None:
    acknowledge_wildcard(
        function.role,
        bucket.arn_for_objects(f"{FILES_PREFIX}*"),
        f"The keys of files are known only at run time; all start with {FILES_PREFIX}.",
    )
