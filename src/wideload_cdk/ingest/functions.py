"""The functions of payload ingest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aws_cdk import Duration
from aws_cdk import aws_lambda as lambda_

from wideload_cdk.shared.function import (
    API_TIMEOUT,
    ONE_VCPU_MEMORY_MB,
    SMALL_MEMORY_MB,
    SWEEP_NEEDS_NO_DEAD_LETTERS,
    SWEEP_TIMEOUT,
    WORKER_TIMEOUT,
    RuntimeFunction,
)
from wideload_cdk.shared.metrics import INGEST
from wideload_cdk.shared.queues import MAX_RECEIVE_COUNT

if TYPE_CHECKING:
    from wideload_cdk.ingest.construct import PayloadIngest

# API Gateway waits 10 s for an authorizer.
AUTHORIZER_TIMEOUT = Duration.seconds(10)
# A hundred events are ten calls of some 10 ms; the rest is for repeating them.
EVENTS_TIMEOUT = Duration.minutes(1)


@dataclass(frozen=True)
class IngestFunctions:
    api: RuntimeFunction
    worker: lambda_.IFunction
    sweep: RuntimeFunction
    events: RuntimeFunction
    authorizer: RuntimeFunction


def new_functions(
    ingest: PayloadIngest,
    *,
    processor: lambda_.IFunction | None,
    variables: Mapping[str, str],
    environment: Mapping[str, str],
    api_reserved_concurrency: int | None,
    worker_reserved_concurrency: int | None,
    worker_max_concurrency: int,
    **options: Any,
) -> IngestFunctions:
    """The functions, with `processor` in the worker's place if it is given.

    `variables` are what they are told by `ingest`, `environment` by who makes it, which wins.
    """
    queue = {"WIDELOAD_QUEUE_URL": ingest.queue.queue_url}
    api = RuntimeFunction(
        ingest,
        "ApiFunction",
        service=INGEST,
        handler="ingest_api",
        description="Wideload ingest: answers the API and processes small payloads",
        memory_size=ONE_VCPU_MEMORY_MB,
        timeout=API_TIMEOUT,
        reserved_concurrency=api_reserved_concurrency,
        environment={**variables, **queue, **environment},
        **options,
    )
    worker = processor or RuntimeFunction(
        ingest,
        "Worker",
        service=INGEST,
        handler="ingest_worker",
        description="Wideload ingest: processes queued payloads",
        memory_size=ONE_VCPU_MEMORY_MB,
        timeout=WORKER_TIMEOUT,
        reserved_concurrency=worker_reserved_concurrency,
        environment={
            **variables,
            **queue,
            "WIDELOAD_MAX_RECEIVES": str(MAX_RECEIVE_COUNT),
            # So that a tenant with many large payloads leaves workers to the others.
            "WIDELOAD_TENANT_WORKERS": str(worker_max_concurrency * 4 // 5),
            **environment,
        },
        **options,
    )
    sweep = RuntimeFunction(
        ingest,
        "Sweep",
        service=INGEST,
        handler="ingest_sweep",
        description="Wideload ingest: takes up what was left halfway",
        memory_size=SMALL_MEMORY_MB,
        timeout=SWEEP_TIMEOUT,
        environment={**variables, **queue, **environment},
        no_dead_letters=SWEEP_NEEDS_NO_DEAD_LETTERS,
        **options,
    )
    events = RuntimeFunction(
        ingest,
        "Events",
        service=INGEST,
        handler="ingest_events",
        description="Wideload ingest: publishes what became of payloads, deletes what expired",
        memory_size=SMALL_MEMORY_MB,
        timeout=EVENTS_TIMEOUT,
        environment={
            "WIDELOAD_ENVIRONMENT": ingest.environment_name,
            "WIDELOAD_EVENT_BUS": ingest.event_bus.event_bus_name,
            "WIDELOAD_BUCKET": ingest.bucket.bucket_name,
            **environment,
        },
        **options,
    )
    authorizer = RuntimeFunction(
        ingest,
        "Authorizer",
        service=INGEST,
        handler="key_authorizer",
        description="Wideload ingest: looks up API keys",
        memory_size=SMALL_MEMORY_MB,
        timeout=AUTHORIZER_TIMEOUT,
        environment={
            "WIDELOAD_ENVIRONMENT": ingest.environment_name,
            "WIDELOAD_KEYS_TABLE": ingest.keys_table.table_name,
        },
        **options,
    )
    return IngestFunctions(api, worker, sweep, events, authorizer)
