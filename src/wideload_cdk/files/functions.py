"""The functions of file transfer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from aws_cdk import Stack

from wideload_cdk.shared.events import invoke_hourly
from wideload_cdk.shared.function import (
    API_TIMEOUT,
    ONE_VCPU_MEMORY_MB,
    SMALL_MEMORY_MB,
    SWEEP_NEEDS_NO_DEAD_LETTERS,
    SWEEP_TIMEOUT,
    WORKER_TIMEOUT,
    RuntimeFunction,
)
from wideload_cdk.shared.metrics import FILES
from wideload_cdk.shared.queues import consume

if TYPE_CHECKING:
    from wideload_cdk.files.construct import FileTransfer

# Each streams a file, most of the time waiting for S3.
VERIFIER_CONCURRENCY = 10


def new_functions(
    files: FileTransfer,
    *,
    variables: Mapping[str, str],
    environment: Mapping[str, str],
    api_reserved_concurrency: int | None,
    **options: Any,
) -> tuple[RuntimeFunction, RuntimeFunction, RuntimeFunction | None]:
    """Functions for API, sweep and, if there is a queue for it, verifier; and what invokes them.

    `variables` are what they are told by `files`, `environment` by who makes it, which wins.
    """
    api = RuntimeFunction(
        files,
        "ApiFunction",
        service=FILES,
        handler="files_api",
        description="Wideload files: answers the API",
        memory_size=ONE_VCPU_MEMORY_MB,
        timeout=API_TIMEOUT,
        reserved_concurrency=api_reserved_concurrency,
        environment={
            **variables,
            "WIDELOAD_SIGN_IN": Stack.of(files).to_json_string(files.sign_in),
            **environment,
        },
        **options,
    )
    sweep = RuntimeFunction(
        files,
        "Sweep",
        service=FILES,
        handler="files_sweep",
        description="Wideload files: takes away what was never completed",
        memory_size=SMALL_MEMORY_MB,
        timeout=SWEEP_TIMEOUT,
        environment={**variables, **environment},
        no_dead_letters=SWEEP_NEEDS_NO_DEAD_LETTERS,
        **options,
    )
    invoke_hourly(
        files,
        "SweepSchedule",
        function=sweep,
        dead_letter_queue=files.event_dead_letter_queue,
    )
    if files.verify_queue is None:
        return api, sweep, None
    verifier = RuntimeFunction(
        files,
        "Verifier",
        service=FILES,
        handler="files_verifier",
        description="Wideload files: checks multipart uploads against their SHA-256",
        memory_size=ONE_VCPU_MEMORY_MB,
        timeout=WORKER_TIMEOUT,
        environment={
            **variables,
            "WIDELOAD_EVENT_BUS": files.event_bus.event_bus_name,
            **environment,
        },
        **options,
    )
    consume(
        files,
        "VerifierQueue",
        files.verify_queue,
        verifier,
        max_concurrency=VERIFIER_CONCURRENCY,
    )
    return api, sweep, verifier
