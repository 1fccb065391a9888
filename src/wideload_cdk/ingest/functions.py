"""Functions of payload ingest: each one's definition, triggers and permissions."""

from __future__ import annotations

import dataclasses

from aws_cdk import Duration
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from wideload_cdk.ingest.tables import CALL_INDEX, OPEN_INDEX, TENANT_INDEX
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
from wideload_cdk.shared.queues import MAX_RECEIVE_COUNT, consume
from wideload_cdk.shared.streams import EVENTS_TIMEOUT, publish_stream

TRANSIT_PREFIX = "transit/"
ARCHIVE_PREFIX = "archive/"

# API Gateway waits 10 s for an authorizer.
AUTHORIZER_TIMEOUT = Duration.seconds(10)


@dataclasses.dataclass(frozen=True)
class Stores:
    """The bucket, table and queue that hold payloads."""

    bucket: s3.IBucket
    table: dynamodb.ITable
    queue: sqs.IQueue


def new_api_function(
    scope: Construct,
    settings: FunctionSettings,
    stores: Stores,
    *,
    reserved_concurrency: int | None,
) -> RuntimeFunction:
    """Make the function that answers the API and processes small payloads in the request."""
    function = RuntimeFunction(
        scope,
        "ApiFunction",
        handler="ingest_api",
        description="Wideload ingest: answers the API and processes small payloads",
        memory_size=ONE_VCPU_MEMORY_MB,
        timeout=API_TIMEOUT,
        reserved_concurrency=reserved_concurrency,
        settings=settings,
    )
    _grant_processing(function, stores)
    # Presigned URLs carry this function's own permissions. It deletes what a client deletes.
    grants.grant_objects(stores.bucket, function, TRANSIT_PREFIX, "s3:PutObject", "s3:DeleteObject")
    grants.grant_objects(stores.bucket, function, ARCHIVE_PREFIX, "s3:GetObject", "s3:DeleteObject")
    # BatchGetItem tells which payloads of a listing have expired.
    grants.grant_items(
        stores.table, function, "dynamodb:PutItem", "dynamodb:DeleteItem", "dynamodb:BatchGetItem"
    )
    # Without it, S3 answers 403 instead of 404 for a missing document.
    grants.grant_list(stores.bucket, function, ARCHIVE_PREFIX)
    for index in (CALL_INDEX, TENANT_INDEX):
        grants.grant_query(stores.table, function, index)
    grants.grant_send(stores.queue, function)
    return function


def new_worker(
    scope: Construct,
    settings: FunctionSettings,
    stores: Stores,
    *,
    max_concurrency: int,
    reserved_concurrency: int | None,
) -> RuntimeFunction:
    """Make the function that processes queued payloads."""
    function = RuntimeFunction(
        scope,
        "Worker",
        handler="ingest_worker",
        description="Wideload ingest: processes queued payloads",
        memory_size=ONE_VCPU_MEMORY_MB,
        timeout=WORKER_TIMEOUT,
        reserved_concurrency=reserved_concurrency,
        environment={
            "WIDELOAD_MAX_RECEIVES": str(MAX_RECEIVE_COUNT),
            # One tenant's many large payloads leave workers to the other tenants.
            "WIDELOAD_TENANT_WORKERS": str(max_concurrency * 4 // 5),
        },
        settings=settings,
    )
    attach_worker(scope, function, stores, max_concurrency=max_concurrency)
    grants.grant_send(stores.queue, function)
    return function


def attach_worker(
    scope: Construct, worker: lambda_.IFunction, stores: Stores, *, max_concurrency: int
) -> None:
    """Invoke `worker`, or a `processor` in its place, with queued payloads.

    Grant it what it needs to process them.
    """
    consume(
        scope, "WorkerQueue", queue=stores.queue, function=worker, max_concurrency=max_concurrency
    )
    _grant_processing(worker, stores)
    grants.grant_consume(stores.queue, worker)


def new_sweep(
    scope: Construct,
    settings: FunctionSettings,
    stores: Stores,
    *,
    dead_letter_queue: sqs.IQueue,
) -> RuntimeFunction:
    """Make the hourly function that queues unfinished payloads again."""
    function = RuntimeFunction(
        scope,
        "Sweep",
        handler="ingest_sweep",
        description="Wideload ingest: takes up what was left halfway",
        memory_size=SMALL_MEMORY_MB,
        timeout=SWEEP_TIMEOUT,
        settings=settings,
        no_dead_letters=SWEEP_NEEDS_NO_DEAD_LETTERS,
    )
    invoke_hourly(scope, "SweepSchedule", function=function, dead_letter_queue=dead_letter_queue)
    # It lists keys, and reads no object.
    for prefix in (TRANSIT_PREFIX, ARCHIVE_PREFIX):
        grants.grant_list(stores.bucket, function, prefix)
    grants.grant_items(stores.table, function, "dynamodb:BatchGetItem", "dynamodb:UpdateItem")
    grants.grant_query(stores.table, function, OPEN_INDEX)
    grants.grant_send(stores.queue, function)
    return function


def new_events_function(
    scope: Construct,
    settings: FunctionSettings,
    *,
    environment_name: str,
    event_bus: events.IEventBus,
    bucket: s3.IBucket,
    table: dynamodb.ITable,
    dead_letter_queue: sqs.IQueue,
) -> RuntimeFunction:
    """Make the function that publishes results and deletes documents of expired payloads."""
    function = RuntimeFunction(
        scope,
        "Events",
        handler="ingest_events",
        description="Wideload ingest: publishes what became of payloads, deletes what expired",
        memory_size=SMALL_MEMORY_MB,
        timeout=EVENTS_TIMEOUT,
        environment={
            "WIDELOAD_ENVIRONMENT": environment_name,
            "WIDELOAD_EVENT_BUS": event_bus.event_bus_name,
            "WIDELOAD_BUCKET": bucket.bucket_name,
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
                "eventName": ["INSERT", "MODIFY"],
                "dynamodb": {"NewImage": {"state": {"S": ["stored", "failed"]}}},
            },
            {
                "eventName": ["REMOVE"],
                # https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/time-to-live-ttl-streams.html
                "userIdentity": {"principalId": ["dynamodb.amazonaws.com"]},
                "dynamodb": {"OldImage": {"archive_key": {"S": [{"exists": True}]}}},
            },
        ],
    )
    grants.grant_objects(bucket, function, ARCHIVE_PREFIX, "s3:DeleteObject")
    _acknowledge_prefix(function.role, bucket, ARCHIVE_PREFIX)
    return function


def new_authorizer(
    scope: Construct,
    settings: FunctionSettings,
    *,
    environment_name: str,
    keys_table: dynamodb.ITable,
) -> RuntimeFunction:
    """Make the function that looks up API keys. It takes no variables of the caller's."""
    function = RuntimeFunction(
        scope,
        "Authorizer",
        handler="key_authorizer",
        description="Wideload ingest: looks up API keys",
        memory_size=ONE_VCPU_MEMORY_MB,
        timeout=AUTHORIZER_TIMEOUT,
        environment={
            "WIDELOAD_ENVIRONMENT": environment_name,
            "WIDELOAD_KEYS_TABLE": keys_table.table_name,
        },
        settings=dataclasses.replace(settings, environment={}),
    )
    grants.grant_items(keys_table, function, "dynamodb:GetItem")
    return function


def _grant_processing(function: lambda_.IFunction, stores: Stores) -> None:
    """Grant reading an upload, writing its document, and recording both."""
    grants.grant_objects(stores.bucket, function, TRANSIT_PREFIX, "s3:GetObject")
    grants.grant_objects(
        stores.bucket, function, ARCHIVE_PREFIX, "s3:PutObject", "s3:AbortMultipartUpload"
    )
    grants.grant_list(stores.bucket, function, TRANSIT_PREFIX)
    grants.grant_bucket_key(stores.bucket, function)
    grants.grant_items(stores.table, function, "dynamodb:GetItem", "dynamodb:UpdateItem")
    for prefix in (TRANSIT_PREFIX, ARCHIVE_PREFIX):
        _acknowledge_prefix(function.role, stores.bucket, prefix)


def _acknowledge_prefix(role: iam.IRole | None, bucket: s3.IBucket, prefix: str) -> None:
    acknowledge_wildcard(
        role,
        bucket.arn_for_objects(f"{prefix}*"),
        f"The keys of payloads are known only at run time; all start with {prefix}.",
    )
