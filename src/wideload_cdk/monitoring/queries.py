"""Saved queries of CloudWatch Logs Insights.

`docs/runbook.md` shows the same queries; a test compares them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

from aws_cdk import aws_logs as logs
from constructs import Construct

from wideload_cdk.shared.api import ServiceApi


class SavedQuery(NamedTuple):
    """A query of the API's access log, or of the functions' logs."""

    name: str
    logs: Literal["access", "functions"]
    text: str


# Lambda's runtime writes an uncaught exception with `log_level`, or since its version 4.0.4 with
# `level`, and always with `errorMessage`; `record` is part of Lambda's own report on an invocation.
# https://github.com/aws/aws-lambda-python-runtime-interface-client/issues/220
_SHARED = (
    SavedQuery(
        "answered-5xx",
        "access",
        """\
fields @timestamp, request_id, route, status, latency_ms, integration_status, integration_error
| filter status >= 500
| sort @timestamp desc
| limit 100""",
    ),
    SavedQuery(
        "answered-429",
        "access",
        """\
filter status = 429
| stats count(*) as refused by bin(1m), source_ip
| sort refused desc
| limit 100""",
    ),
    SavedQuery(
        "slow-routes",
        "access",
        """\
stats count(*) as requests, pct(latency_ms, 50) as p50, pct(latency_ms, 99) as p99, \
max(latency_ms) as slowest by route
| sort p99 desc""",
    ),
    SavedQuery(
        "failures",
        "functions",
        """\
fields @timestamp, level, message, errorType, errorMessage, exception_name, exception, \
correlation_id, s3_key, requestId, record.status, record.requestId, @log
| filter level = "ERROR" or log_level = "ERROR" or ispresent(errorMessage) \
or record.status in ["error", "timeout", "failure"]
| sort @timestamp desc
| limit 100""",
    ),
    SavedQuery(
        "durations-and-memory",
        "functions",
        """\
filter ispresent(record.metrics.durationMs)
| stats count(*) as invocations, pct(record.metrics.durationMs, 99) as p99_ms, \
max(record.metrics.durationMs) as slowest_ms, max(record.metrics.maxMemoryUsedMB) as memory_mb, \
max(record.metrics.memorySizeMB) as of_mb by @log""",
    ),
    SavedQuery(
        "refusals",
        "functions",
        """\
filter message = "refused"
| stats count(*) as refused by code, status
| sort refused desc""",
    ),
    SavedQuery(
        "one-request",
        "functions",
        """\
fields @timestamp, level, message, code, status, exception, errorType, errorMessage, \
record.status, @log
| filter correlation_id = "REQUEST_ID" or function_request_id = "REQUEST_ID" \
or requestId = "REQUEST_ID" or record.requestId = "REQUEST_ID"
| sort @timestamp asc""",
    ),
    SavedQuery(
        "sweeps",
        "functions",
        """\
filter message = "swept"
| sort @timestamp desc
| limit 50""",
    ),
)

INGEST = (
    *_SHARED,
    SavedQuery(
        "one-payload",
        "functions",
        """\
fields @timestamp, level, message, tenant, code, detail, reason, state, exception, \
function_request_id, @log
| filter payload_id = "PAYLOAD_ID" or s3_key like "PAYLOAD_ID"
| sort @timestamp asc""",
    ),
    SavedQuery(
        "failed-by-tenant",
        "functions",
        """\
filter message = "payload failed"
| stats count(*) as failed, latest(payload_id) as last_payload by tenant, code, via
| sort failed desc
| limit 100""",
    ),
    SavedQuery(
        "failed-payloads",
        "functions",
        """\
fields @timestamp, payload_id, tenant, code, detail, via, correlation_id, function_request_id
| filter message = "payload failed"
| sort @timestamp desc
| limit 1000""",
    ),
    SavedQuery(
        "failing-payloads",
        "functions",
        """\
filter message = "processing failed"
| stats count(*) as tries, latest(exception_name) as why, max(@timestamp) as last by s3_key
| sort tries desc
| limit 100""",
    ),
)

FILES = (
    *_SHARED,
    SavedQuery(
        "one-file",
        "functions",
        """\
fields @timestamp, level, message, outcome, exception, function_request_id, @log
| filter file_id = "FILE_ID" or id = "FILE_ID"
| sort @timestamp asc""",
    ),
)


def save_queries(
    scope: Construct,
    queries: Sequence[SavedQuery],
    *,
    folder: str,
    api: ServiceApi,
    function_logs: Sequence[logs.ILogGroup],
) -> None:
    """Save `queries` in CloudWatch under `folder`, each with its log groups."""
    groups = {
        "access": [api.access_log_group.log_group_name],
        "functions": [group.log_group_name for group in function_logs],
    }
    for query in queries:
        # The L2 class would build another text from parts.
        logs.CfnQueryDefinition(
            scope,
            "".join(word.capitalize() for word in query.name.split("-")),
            name=f"{folder}/{query.name}",
            query_string=query.text,
            log_group_names=groups[query.logs],
        )
