"""Alarms that both services have: on API, functions, queues, sweep, tables and bucket."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from aws_cdk import Duration
from aws_cdk import aws_apigatewayv2 as apigateway
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sqs as sqs

from wideload_cdk.monitoring.alarm_factory import (
    HOUR,
    LASTING,
    ONCE,
    PERIOD,
    AlarmFactory,
    percent,
    total,
)
from wideload_cdk.monitoring.thresholds import Thresholds

# Name of the function that is invoked once an hour, where a share of invocations means nothing.
SWEEP = "sweep"


def add_api_alarms(
    alarms: AlarmFactory, stage: apigateway.HttpStage, thresholds: Thresholds
) -> None:
    """Add alarms on the share of answers 5xx, and on p99 latency."""
    alarms.add(
        "api-errors",
        metric=percent(
            stage.metric_server_error(statistic="Sum", period=PERIOD),
            stage.metric_count(statistic="Sum", period=PERIOD),
            "5xx answers, %",
        ),
        threshold=thresholds.server_error_percent,
        says=f"More than {thresholds.server_error_percent:g} % of requests are answered 5xx.",
        section="api-errors",
        # Missing: there were no requests.
    )
    alarms.add(
        "api-latency",
        metric=stage.metric_latency(statistic="p99", period=PERIOD),
        threshold=thresholds.latency.to_milliseconds(),
        says=f"One request in a hundred takes longer than {thresholds.latency.to_human_string()}.",
        section="api-latency",
        # Among few requests the p99 is the slowest one, so three periods must breach.
        periods=(3, 3),
        # Missing: there were no requests.
    )


def add_function_alarms(
    alarms: AlarmFactory,
    functions: Mapping[str, lambda_.IFunction],
    thresholds: Thresholds,
    *,
    alone: Sequence[str],
) -> None:
    """Add alarms on errors, throttles and durations near the timeout.

    Args:
        alarms: Makes them.
        functions: Functions by their names in the alarms.
        thresholds: Percent of invocations, and of the timeout.
        alone: Names of functions that work for minutes on one message, or run once an hour: there
            one invocation near the timeout raises the alarm.
    """
    for name, function in functions.items():
        if name == SWEEP:
            _add_sweep_errors(alarms, function)
        else:
            alarms.add(
                f"{name}-function-errors",
                metric=percent(
                    function.metric_errors(statistic="Sum", period=PERIOD),
                    function.metric_invocations(statistic="Sum", period=PERIOD),
                    f"{name}: errors, %",
                ),
                threshold=thresholds.function_error_percent,
                says=f"More than {thresholds.function_error_percent:g} % of the invocations of "
                f"the {name} function fail.",
                section="function-errors",
                # Missing: there were no invocations.
            )
        timeout = function.timeout if isinstance(function, lambda_.Function) else None
        # The timeout of an imported function is unknown.
        if timeout is None or timeout.is_unresolved():
            continue
        alarms.add(
            f"{name}-function-duration",
            metric=function.metric_duration(statistic="Maximum", period=PERIOD),
            threshold=timeout.to_milliseconds() * thresholds.function_duration_percent / 100,
            says=f"The {name} function takes more than "
            f"{thresholds.function_duration_percent:g} % of its timeout of "
            f"{timeout.to_human_string()}.",
            section="function-duration",
            periods=ONCE if name in alone else LASTING,
            # Missing: there were no invocations.
        )
    alarms.add(
        "function-throttles",
        metric=total(
            {
                f"{name}_throttles": function.metric_throttles(statistic="Sum", period=PERIOD)
                for name, function in functions.items()
            },
            "throttled invocations",
        ),
        threshold=0,
        says="Lambda refuses to run functions: too many run already.",
        section="function-throttles",
        # Missing: there were no invocations.
    )


def _add_sweep_errors(alarms: AlarmFactory, function: lambda_.IFunction) -> None:
    alarms.add(
        f"{SWEEP}-function-errors",
        metric=function.metric_errors(statistic="Sum", period=HOUR),
        # More than two: a run and both of its retries by Lambda. After a single error the retry or
        # the next run catches up.
        threshold=2,
        says="The sweep failed, and so did both of its repetitions.",
        section="function-errors",
        # Every clock hour has one run with its retries, at whatever minute the sweep starts.
        periods=ONCE,
        # Missing: there was no run, which `sweep-missing` reports.
    )


def add_dead_letter_alarm(alarms: AlarmFactory, name: str, queue: sqs.IQueue, says: str) -> None:
    """Add an alarm on any message in a dead-letter queue."""
    alarms.add(
        name,
        metric=queue.metric_approximate_number_of_messages_visible(
            statistic="Maximum", period=PERIOD
        ),
        threshold=0,
        says=says,
        section=name,
        periods=ONCE,
        # Missing: SQS reports nothing of a queue that was idle for six hours, and so is empty.
    )


def add_waiting_alarm(
    alarms: AlarmFactory, name: str, queue: sqs.IQueue, oldest: Duration, says: str
) -> None:
    """Add an alarm on the age of the oldest message in a queue that a function polls."""
    alarms.add(
        name,
        metric=queue.metric_approximate_age_of_oldest_message(statistic="Maximum", period=PERIOD),
        threshold=oldest.to_seconds(),
        says=says,
        section=name,
        periods=ONCE,
        # Missing: SQS reports nothing of a queue that was idle for six hours. This one is polled
        # all the time, so it is active while a message waits.
    )


def add_late_alarm(
    alarms: AlarmFactory, function: lambda_.IFunction, oldest: Duration, says: str
) -> None:
    """Add an alarm on the age of the changes that the function of a table's stream handles."""
    alarms.add(
        "events-late",
        metric=function.metric("IteratorAge", statistic="Maximum", period=PERIOD),
        threshold=oldest.to_milliseconds(),
        says=says,
        section="events-late",
        periods=ONCE,
        # Missing: there were no invocations, since the table did not change.
    )


def add_sweep_alarm(alarms: AlarmFactory, runs: cloudwatch.IMetric) -> None:
    """Add an alarm on missing runs of the sweep; `runs` counts finished ones by the hour."""
    alarms.add(
        "sweep-missing",
        metric=runs,
        threshold=1,
        below=True,
        says="The sweep, due every hour, has not come to its end.",
        section="sweep-missing",
        # The minute of a run varies, so a clock hour may have none.
        periods=(2, 2),
        # Missing: there was no run. So after the first deployment this alarm is on until the first
        # run has finished.
        missing_is_alarm=True,
    )


def add_backlog_alarm(alarms: AlarmFactory, backlog: cloudwatch.IMetric) -> None:
    """Add an alarm on work that the sweep leaves; `backlog` is the largest age in an hour."""
    alarms.add(
        "sweep-behind",
        metric=backlog,
        threshold=2 * HOUR.to_seconds(),
        says="The sweep goes on leaving things that have been due for longer than two hours.",
        section="sweep-behind",
        # A single run that runs out of time leaves the rest to the next one.
        periods=(2, 3),
        # Missing: there was no run, which `sweep-missing` reports.
    )


def add_table_alarms(
    alarms: AlarmFactory,
    name: str,
    table: dynamodb.ITable,
    operations: Sequence[str],
    thresholds: Thresholds,
) -> None:
    """Add alarms on requests to a table and its indexes that DynamoDB throttles or fails.

    `operations` are those that the functions use: DynamoDB counts by operation, and an alarm takes
    at most ten metrics. Unlike the table's `WriteThrottleEvents`, these metrics include writes
    that an index throttles.
    """
    alarms.add(
        f"{name}-table-throttles",
        metric=_operations(table, "ThrottledRequests", operations, f"{name}: throttled"),
        threshold=0,
        says=f"DynamoDB throttles requests to the {name} table.",
        section="table-throttles",
        # Missing: DynamoDB reports only numbers above 0.
    )
    alarms.add(
        f"{name}-table-errors",
        metric=_operations(table, "SystemErrors", operations, f"{name}: system errors"),
        threshold=thresholds.table_system_errors,
        says=f"DynamoDB fails more than {thresholds.table_system_errors} requests to the {name} "
        "table in five minutes.",
        section="table-errors",
        # Missing: DynamoDB reports only numbers above 0.
    )


def _operations(
    table: dynamodb.ITable, metric_name: str, operations: Sequence[str], label: str
) -> cloudwatch.MathExpression:
    return total(
        {
            operation[0].lower() + operation[1:]: table.metric(
                metric_name,
                dimensions_map={"TableName": table.table_name, "Operation": operation},
                statistic="Sum",
                period=PERIOD,
            )
            for operation in operations
        },
        label,
    )


def bucket_requests(
    bucket: s3.IBucket, metric_name: str, filter_id: str, *, statistic: str
) -> cloudwatch.Metric:
    """One of S3's request metrics, such as `5xxErrors`."""
    return cloudwatch.Metric(
        namespace="AWS/S3",
        metric_name=metric_name,
        dimensions_map={"BucketName": bucket.bucket_name, "FilterId": filter_id},
        statistic=statistic,
        period=PERIOD,
    )


def add_bucket_alarm(
    alarms: AlarmFactory, bucket: s3.IBucket, filter_id: str, thresholds: Thresholds
) -> None:
    """Add an alarm on requests, also those with presigned URLs, that S3 answers 5xx."""
    alarms.add(
        "bucket-errors",
        # Each request counts 0 or 1, so the average is a share:
        # https://docs.aws.amazon.com/AmazonS3/latest/userguide/metrics-dimensions.html
        metric=bucket_requests(bucket, "5xxErrors", filter_id, statistic="Average"),
        threshold=thresholds.bucket_error_percent / 100,
        says=f"S3 answers more than {thresholds.bucket_error_percent:g} % of requests with 5xx.",
        section="bucket-errors",
        # Missing: there were no requests.
    )


def add_concurrency_alarm(alarms: AlarmFactory, account_concurrency: int) -> None:
    """Add an alarm on concurrent functions of the whole account near the account's quota."""
    alarms.add(
        "account-concurrency",
        # Running functions and reserved concurrency:
        # https://docs.aws.amazon.com/lambda/latest/dg/monitoring-concurrency.html
        metric=cloudwatch.Metric(
            namespace="AWS/Lambda",
            metric_name="ClaimedAccountConcurrency",
            statistic="Maximum",
            period=PERIOD,
        ),
        threshold=account_concurrency * 0.8,
        says=f"More than 80 % of the account's {account_concurrency:,} concurrent functions are "
        "taken.",
        section="account-concurrency",
        # Missing: no function of the account is running.
    )
