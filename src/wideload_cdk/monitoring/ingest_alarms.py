"""What is watched in a `PayloadIngest` beyond what every API and function has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs

from wideload_cdk.monitoring.alarms import (
    HOUR,
    LASTING,
    ONCE,
    PERIOD,
    SWEEP,
    AlarmFactory,
    add_backlog_alarm,
    add_dead_letter_alarm,
    add_sweep_alarm,
    add_waiting_alarm,
)
from wideload_cdk.shared.function import RuntimeFunction

if TYPE_CHECKING:
    from wideload_cdk.ingest.canary import IngestCanary
    from wideload_cdk.ingest.construct import PayloadIngest

# One invocation of these is one payload, or one run an hour.
ALONE = ("worker", SWEEP)

# What callers notice, or what puts at risk what they were told is accepted. `canary-failing` is
# there with a canary alone.
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
    """Every function by its name in alarms and graphs."""
    return {
        "api": ingest.api_function,
        "worker": ingest.worker_function,
        SWEEP: ingest.sweep_function,
        "events": ingest.events_function,
        "authorizer": ingest.authorizer_function,
    }


def log_groups(ingest: PayloadIngest) -> list[logs.ILogGroup]:
    """Where the functions log. A `processor` logs where, and what, its owner likes."""
    return [
        function.log_group
        for function in functions(ingest).values()
        if isinstance(function, RuntimeFunction)
    ]


def tables(ingest: PayloadIngest) -> dict[str, tuple[dynamodb.ITable, list[str]]]:
    """Tables, and the operations that functions use on each."""
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
    """Payloads that fail, wait, get stuck or lost, and events that are late."""
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
        # Missing: none came to an end, good or bad. Those that don't end at all have an alarm of
        # their own, `payloads-waiting`.
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
        # It puts back what it finds, so one run that finds something has mended it. The sweep's
        # minute wanders, so of three clock hours one may see no run.
        periods=(2, 3),
        # Missing: no sweep ran; `sweep-missing` tells.
    )
    alarms.add(
        "payloads-lost",
        metric=ingest.metric_lost_upload_count(period=PERIOD),
        threshold=0,
        says="Uploads were deleted before they could be processed.",
        section="payloads-lost",
        periods=ONCE,
        # Missing: no sweep ran in these five minutes.
    )
    # The last thing that a run does is to count, zeros as well.
    add_sweep_alarm(
        alarms, ingest.metric_expired_upload_count(statistic="SampleCount", period=HOUR)
    )
    add_backlog_alarm(alarms, ingest.metric_sweep_backlog_age(period=HOUR))
    alarms.add(
        "events-late",
        metric=ingest.events_function.metric("IteratorAge", statistic="Maximum", period=PERIOD),
        threshold=oldest_event.to_milliseconds(),
        says=f"Events of finished payloads are told {oldest_event.to_human_string()} late.",
        section="events-late",
        periods=ONCE,
        # Missing: the function wasn't invoked, for nothing was finished.
    )


def add_canary_alarm(alarms: AlarmFactory, canary: IngestCanary) -> None:
    """A canary whose runs fail, or don't come."""
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
        # One lost run wakes nobody; and the time of runs may wander over the end of a period.
        periods=(2, 2),
        # Missing is what this is about: no run, no data. So it sounds once after the first
        # deployment, until the first run.
        missing_is_alarm=True,
    )
