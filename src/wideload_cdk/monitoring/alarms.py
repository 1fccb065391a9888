"""Alarms: what all of them share, and those that every API, function, queue and table has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from aws_cdk import Duration
from aws_cdk import aws_apigatewayv2 as apigateway
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sqs as sqs
from constructs import Construct

PERIOD = Duration.minutes(5)
HOUR = Duration.hours(1)

# How many of how many periods must be too much.
ONCE = (1, 1)
# Invoked once an hour, where a share of the invocations within minutes says nothing.
SWEEP = "sweep"

# Ten minutes of fifteen: what mends itself by a retry wakes nobody.
LASTING = (2, 3)

_OK = cloudwatch.TreatMissingData.NOT_BREACHING
_ALARM = cloudwatch.TreatMissingData.BREACHING


class AlarmFactory:
    """Makes alarms that tell one topic, and name their section of the runbook.

    Args:
        scope: Parent of the alarms.
        name_prefix: What their names start with.
        runbook: Address of the runbook.
        topic: Is told of each alarm, and of its end.
    """

    def __init__(
        self, scope: Construct, *, name_prefix: str, runbook: str, topic: sns.ITopic
    ) -> None:
        self.scope = scope
        self.made: dict[str, cloudwatch.Alarm] = {}
        self._name_prefix = name_prefix
        self._runbook = runbook
        self._topic = topic

    def add(
        self,
        name: str,
        *,
        metric: cloudwatch.IMetric,
        threshold: float,
        says: str,
        section: str,
        periods: tuple[int, int] = LASTING,
        below: bool = False,
        missing_is_alarm: bool = False,
    ) -> cloudwatch.Alarm:
        """Make an alarm.

        Args:
            name: Its name after the prefix, in words with hyphens.
            metric: What it watches.
            threshold: What the metric must pass.
            says: One sentence: what is the matter.
            section: Heading of the runbook, as in a link.
            periods: How many periods of how many must pass it.
            below: Alarm below the threshold instead of above it.
            missing_is_alarm: Whether no data is a reason to worry. Else it is a sign of rest.
                Never `missing` or `ignore`: an alarm should not stay as it was, or go grey,
                only because traffic has stopped.
        """
        of_these, all_of = periods
        alarm = cloudwatch.Alarm(
            self.scope,
            "".join(word.capitalize() for word in name.split("-")),
            alarm_name=f"{self._name_prefix}-{name}",
            alarm_description=self.describe(says, section),
            metric=metric,
            threshold=threshold,
            datapoints_to_alarm=of_these,
            evaluation_periods=all_of,
            comparison_operator=cloudwatch.ComparisonOperator.LESS_THAN_THRESHOLD
            if below
            else cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
            treat_missing_data=_ALARM if missing_is_alarm else _OK,
        )
        self.made[name] = notify(alarm, self._topic)
        return alarm

    def add_unhealthy(
        self, service: str, *, when: Sequence[str], topic: sns.ITopic
    ) -> cloudwatch.CompositeAlarm:
        """Make the alarm that sounds with any of those that were made of the names in `when`."""
        rules = [
            cloudwatch.AlarmRule.from_alarm(self.made[name], cloudwatch.AlarmState.ALARM)
            for name in when
            if name in self.made
        ]
        alarm = cloudwatch.CompositeAlarm(
            self.scope,
            "Unhealthy",
            composite_alarm_name=f"{self._name_prefix}-unhealthy",
            alarm_description=self.describe(
                f"{service} is unhealthy: callers notice, or something accepted is at risk.",
                "unhealthy",
            ),
            alarm_rule=cloudwatch.AlarmRule.any_of(*rules),
        )
        alarm.add_alarm_action(actions.SnsAction(topic))
        alarm.add_ok_action(actions.SnsAction(topic))
        return alarm

    def describe(self, says: str, section: str) -> str:
        """What stands in the notification."""
        return f"{says} Runbook: {self._runbook}#{section}"


def notify(alarm: cloudwatch.Alarm, topic: sns.ITopic) -> cloudwatch.Alarm:
    """Tell `topic` when the alarm begins and when it ends."""
    alarm.add_alarm_action(actions.SnsAction(topic))
    alarm.add_ok_action(actions.SnsAction(topic))
    return alarm


def total(metrics: Mapping[str, cloudwatch.IMetric], label: str) -> cloudwatch.MathExpression:
    """The sum of `metrics`. Where one has no data, the others count: a plain sum would have none
    either, and AWS's error metrics exist only while there are errors."""
    return cloudwatch.MathExpression(
        expression=" + ".join(f"FILL({name}, 0)" for name in metrics),
        using_metrics=dict(metrics),
        label=label,
        period=PERIOD,
    )


def percent(
    part: cloudwatch.IMetric, whole: cloudwatch.IMetric, label: str
) -> cloudwatch.MathExpression:
    """`part` in percent of `whole`; no data where `whole` has none."""
    return cloudwatch.MathExpression(
        expression="100 * FILL(part, 0) / whole",
        using_metrics={"part": part, "whole": whole},
        label=label,
        period=PERIOD,
    )


def add_api_alarms(
    alarms: AlarmFactory,
    stage: apigateway.HttpStage,
    *,
    server_error_percent: float,
    latency: Duration,
) -> None:
    """Answers that are the server's fault, and answers that come late."""
    alarms.add(
        "api-errors",
        metric=percent(
            stage.metric_server_error(statistic="Sum", period=PERIOD),
            stage.metric_count(statistic="Sum", period=PERIOD),
            "5xx answers, %",
        ),
        threshold=server_error_percent,
        says=f"More than {server_error_percent:g} % of requests are answered 5xx.",
        section="api-errors",
        # Missing: nobody asked, so nobody was refused.
    )
    alarms.add(
        "api-latency",
        metric=stage.metric_latency(statistic="p99", period=PERIOD),
        threshold=latency.to_milliseconds(),
        says=f"One request in a hundred takes longer than {latency.to_human_string()}.",
        section="api-latency",
        # One slow request among few is the p99 of its period, so it must last.
        periods=(3, 3),
        # Missing: nobody asked, so nobody waits.
    )


def add_function_alarms(
    alarms: AlarmFactory,
    functions: Mapping[str, lambda_.IFunction],
    *,
    error_percent: float,
    duration_percent: float,
    alone: Sequence[str] = (),
) -> None:
    """Invocations that end in an error, are throttled, or come near their timeout.

    `functions` maps their names in the alarms to them. Those that are `alone` work for minutes on
    one thing, or run once an hour: one invocation near the timeout is enough there.
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
                threshold=error_percent,
                says=f"More than {error_percent:g} % of the invocations of the {name} function "
                "fail.",
                section="function-errors",
                # Missing: it wasn't invoked.
            )
        timeout = function.timeout if isinstance(function, lambda_.Function) else None
        # An imported function's timeout can't be known here.
        if timeout is None or timeout.is_unresolved():
            continue
        alarms.add(
            f"{name}-function-duration",
            metric=function.metric_duration(statistic="Maximum", period=PERIOD),
            threshold=timeout.to_milliseconds() * duration_percent / 100,
            says=f"The {name} function takes more than {duration_percent:g} % of its timeout of "
            f"{timeout.to_human_string()}.",
            section="function-duration",
            periods=ONCE if name in alone else LASTING,
            # Missing: it wasn't invoked.
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
        # Missing: none was invoked.
    )


def _add_sweep_errors(alarms: AlarmFactory, function: lambda_.IFunction) -> None:
    alarms.add(
        f"{SWEEP}-function-errors",
        metric=function.metric_errors(statistic="Sum", period=HOUR),
        # A run and both repetitions by Lambda; one that fails alone is made good by the next.
        threshold=2,
        says="The sweep failed, and so did both of its repetitions.",
        section="function-errors",
        # In a clock hour there are three, whatever the minute at which the sweep begins.
        periods=ONCE,
        # Missing: it wasn't invoked; `sweep-missing` tells.
    )


def add_dead_letter_alarm(alarms: AlarmFactory, name: str, queue: sqs.IQueue, says: str) -> None:
    """Anything at all in a dead-letter queue."""
    alarms.add(
        name,
        metric=queue.metric_approximate_number_of_messages_visible(
            statistic="Maximum", period=PERIOD
        ),
        threshold=0,
        says=says,
        section=name,
        periods=ONCE,
        # Missing: SQS stops counting in a queue that nobody touched for six hours, and which
        # therefore is empty.
    )


def add_waiting_alarm(
    alarms: AlarmFactory, name: str, queue: sqs.IQueue, oldest: Duration, says: str
) -> None:
    """A message that has been waiting for too long in a queue that a function polls."""
    alarms.add(
        name,
        metric=queue.metric_approximate_age_of_oldest_message(statistic="Maximum", period=PERIOD),
        threshold=oldest.to_seconds(),
        says=says,
        section=name,
        periods=ONCE,
        # Missing: SQS stops counting in a queue that nobody touched for six hours; here a poller
        # asks all the time, so nothing can be missing while anything waits.
    )


def add_sweep_alarm(alarms: AlarmFactory, runs: cloudwatch.IMetric) -> None:
    """A sweep that doesn't come, or doesn't end. `runs` counts those that did, by the hour."""
    alarms.add(
        "sweep-missing",
        metric=runs,
        threshold=1,
        below=True,
        says="The sweep, due every hour, has not come to its end.",
        section="sweep-missing",
        # Its minute may wander over the end of a clock hour.
        periods=(2, 2),
        # Missing is what this is about: no run, no data. So it sounds once after the first
        # deployment, until the first run.
        missing_is_alarm=True,
    )


def add_backlog_alarm(alarms: AlarmFactory, backlog: cloudwatch.IMetric) -> None:
    """A sweep that leaves things to its next runs. `backlog` is the largest of an hour."""
    alarms.add(
        "sweep-behind",
        metric=backlog,
        threshold=2 * HOUR.to_seconds(),
        says="The sweep goes on leaving things that have been due for longer than two hours.",
        section="sweep-behind",
        # One run that is short of time leaves the rest to the next.
        periods=(2, 3),
        # Missing: no sweep ran; `sweep-missing` tells.
    )


def add_table_alarms(
    alarms: AlarmFactory,
    name: str,
    table: dynamodb.ITable,
    *,
    operations: Sequence[str],
    system_errors: int,
) -> None:
    """Requests to a table, indexes included, that DynamoDB throttles or fails.

    `operations` are those that functions use: DynamoDB counts each by itself, and one alarm takes
    at most ten metrics. A write that an index holds up counts as well, where the table's own
    `WriteThrottleEvents` leave it out.
    """
    alarms.add(
        f"{name}-table-throttles",
        metric=_operations(table, "ThrottledRequests", operations, f"{name}: throttled"),
        threshold=0,
        says=f"DynamoDB throttles requests to the {name} table.",
        section="table-throttles",
        # Missing: DynamoDB counts these only when there are any.
    )
    alarms.add(
        f"{name}-table-errors",
        metric=_operations(table, "SystemErrors", operations, f"{name}: system errors"),
        threshold=system_errors,
        says=f"DynamoDB fails more than {system_errors} requests to the {name} table in five "
        "minutes.",
        section="table-errors",
        # Missing: DynamoDB counts these only when there are any.
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
    alarms: AlarmFactory, bucket: s3.IBucket, filter_id: str, *, server_error_percent: float
) -> None:
    """Requests that S3 fails, those of clients with a presigned URL included."""
    alarms.add(
        "bucket-errors",
        # Each request counts 0 or 1, so the average is a share:
        # https://docs.aws.amazon.com/AmazonS3/latest/userguide/metrics-dimensions.html
        metric=bucket_requests(bucket, "5xxErrors", filter_id, statistic="Average"),
        threshold=server_error_percent / 100,
        says=f"S3 answers more than {server_error_percent:g} % of requests with 5xx.",
        section="bucket-errors",
        # Missing: nobody asked S3 for anything.
    )


def add_concurrency_alarm(alarms: AlarmFactory, account_concurrency: int) -> None:
    """Functions of the whole account, of other teams too, near what AWS lets run at once."""
    alarms.add(
        "account-concurrency",
        # What is taken by running functions, or reserved for others:
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
        # Missing: no function of the account runs.
    )
