"""Alarms that only a `PayloadIngest` has: on payloads, events and the canary."""

from __future__ import annotations

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs

from wideload_cdk.ingest.canary import IngestCanary
from wideload_cdk.ingest.construct import PayloadIngest
from wideload_cdk.monitoring.alarm_factory import HOUR, LASTING, ONCE, PERIOD, AlarmFactory
from wideload_cdk.monitoring.alarms import (
    SWEEP,
    add_backlog_alarm,
    add_dead_letter_alarm,
    add_late_alarm,
    add_sweep_alarm,
    add_waiting_alarm,
)
from wideload_cdk.shared.function import RuntimeFunction

# Functions with one payload per invocation, or one run an hour.
ALONE = ("worker", SWEEP)

# Alarms on failures that callers notice, or that put accepted payloads at risk. `canary-failing`
# exists only with a canary.
UNHEALTHY = (
    "api-errors",
    "api-latency",
    "payloads-failed",
    "payloads-waiting",
    "payloads-lost",
    "payload-dead-letters",
    "payloads-table-throttles",
    "canary-failing",
)


def functions(ingest: PayloadIngest) -> dict[str, lambda_.IFunction]:
    """All functions by their names in alarms and graphs."""
    return {
        "api": ingest.api_function,
        "worker": ingest.worker_function,
        SWEEP: ingest.sweep_function,
        "events": ingest.events_function,
        "authorizer": ingest.authorizer_function,
    }


def log_groups(ingest: PayloadIngest) -> list[logs.ILogGroup]:
    """Log groups of Wideload's functions; a custom `processor` isn't among them."""
    return [
        function.log_group
        for function in functions(ingest).values()
        if isinstance(function, RuntimeFunction)
    ]


def tables(ingest: PayloadIngest) -> dict[str, tuple[dynamodb.ITable, list[str]]]:
    """Tables, and the operations that the functions use on each."""
    return {
        "payloads": (
            ingest.payloads_table,
            ["GetItem", "BatchGetItem", "PutItem", "UpdateItem", "DeleteItem", "Query"],
        ),
        "keys": (ingest.keys_table, ["GetItem"]),
    }


def add_payload_alarms(
    alarms: AlarmFactory,
    ingest: PayloadIngest,
    *,
    failed_percent: float,
    oldest_message: Duration,
    oldest_event: Duration,
) -> None:
    """Add alarms on failed, waiting, stuck and lost payloads, and on late events."""
    failed = ingest.metric_payload_failed_count(period=PERIOD)
    stored = ingest.metric_payload_stored_count(period=PERIOD)
    alarms.add(
        "payloads-failed",
        metric=cloudwatch.MathExpression(
            expression="100 * FILL(failed, 0) / (FILL(failed, 0) + FILL(stored, 0))",
            using_metrics={"failed": failed, "stored": stored},
            label="failed payloads, %",
            period=PERIOD,
        ),
        threshold=failed_percent,
        says=f"More than {failed_percent:g} % of payloads fail.",
        section="payloads-failed",
        periods=LASTING,
        # Missing: no payload was finished. `payloads-waiting` watches those that never finish.
    )
    add_waiting_alarm(
        alarms,
        "payloads-waiting",
        ingest.queue,
        oldest_message,
        f"A payload has been waiting for longer than {oldest_message.to_human_string()}.",
    )
    add_dead_letter_alarm(
        alarms,
        "payload-dead-letters",
        ingest.dead_letter_queue,
        "Payloads were given up after five tries.",
    )
    add_dead_letter_alarm(
        alarms,
        "event-dead-letters",
        ingest.event_dead_letter_queue,
        "Events could not be passed on: of uploads, of the schedule or of finished payloads.",
    )
    alarms.add(
        "payloads-stuck",
        metric=ingest.metric_repaired_payload_count(period=HOUR),
        threshold=0,
        says="The sweep goes on finding payloads that nobody finishes.",
        section="payloads-stuck",
        # A run queues again what it finds, so only findings of several runs are an alarm. The
        # minute of a run varies, so of three clock hours one may have no run.
        periods=(2, 3),
        # Missing: there was no run, which `sweep-missing` reports.
    )
    alarms.add(
        "payloads-lost",
        metric=ingest.metric_lost_upload_count(period=PERIOD),
        threshold=0,
        says="Uploads were deleted before they could be processed.",
        section="payloads-lost",
        periods=ONCE,
        # Missing: there was no run in these five minutes.
    )
    # A run ends with this metric, also if its value is 0.
    add_sweep_alarm(
        alarms, ingest.metric_expired_upload_count(statistic="SampleCount", period=HOUR)
    )
    add_backlog_alarm(alarms, ingest.metric_sweep_backlog_age(period=HOUR))
    add_late_alarm(
        alarms,
        ingest.events_function,
        oldest_event,
        f"Events of finished payloads are told {oldest_event.to_human_string()} late.",
    )


def add_canary_alarm(alarms: AlarmFactory, canary: IngestCanary) -> None:
    """Add an alarm on failed or missing runs of the canary."""
    function, interval = canary.function, canary.interval
    alarms.add(
        "canary-failing",
        metric=cloudwatch.MathExpression(
            expression="invocations - errors",
            using_metrics={
                "invocations": function.metric_invocations(statistic="Sum", period=interval),
                "errors": function.metric_errors(statistic="Sum", period=interval),
            },
            label="runs that ended well",
            period=interval,
        ),
        threshold=1,
        below=True,
        says="The canary can't send payloads and read them back, or doesn't run.",
        section="canary-failing",
        # A single failed run is no alarm, and the time of a run varies, so a period may have none.
        periods=(2, 2),
        # Missing: there was no run. So after the first deployment this alarm is on until the first
        # run has finished.
        missing_is_alarm=True,
    )
