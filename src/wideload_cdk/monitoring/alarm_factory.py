"""`AlarmFactory`, which makes alarms of one kind, and the periods and expressions they use."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_sns as sns
from constructs import Construct

PERIOD = Duration.minutes(5)
HOUR = Duration.hours(1)

# M out of N evaluation periods must breach.
ONCE = (1, 1)
# Ten minutes of fifteen, so that a failure which a retry repairs raises no alarm.
LASTING = (2, 3)

_OK = cloudwatch.TreatMissingData.NOT_BREACHING
_ALARM = cloudwatch.TreatMissingData.BREACHING


class AlarmFactory:
    """Makes alarms that notify one topic and link their section of the runbook.

    Args:
        scope: Parent of the alarms.
        name_prefix: Prefix of their names.
        runbook: Address of the runbook.
        topic: Notified when an alarm begins and when it ends.
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
            metric: The metric, or an expression of metrics.
            threshold: The value that the metric must pass.
            says: One sentence that describes the problem.
            section: Anchor of the section in the runbook.
            periods: M out of N periods must pass the threshold.
            below: Alarm below the threshold instead of above it.
            missing_is_alarm: Whether missing data breaches. Else it doesn't. Never `missing` or
                `ignore`: an alarm should neither keep its state nor go grey when traffic stops.
        """
        datapoints, evaluated = periods
        alarm = cloudwatch.Alarm(
            self.scope,
            "".join(word.capitalize() for word in name.split("-")),
            alarm_name=f"{self._name_prefix}-{name}",
            alarm_description=self._describe(says, section),
            metric=metric,
            threshold=threshold,
            datapoints_to_alarm=datapoints,
            evaluation_periods=evaluated,
            comparison_operator=cloudwatch.ComparisonOperator.LESS_THAN_THRESHOLD
            if below
            else cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
            treat_missing_data=_ALARM if missing_is_alarm else _OK,
        )
        _notify(alarm, self._topic)
        self.made[name] = alarm
        return alarm

    def add_unhealthy(
        self, service: str, *, when: Sequence[str], topic: sns.ITopic
    ) -> cloudwatch.CompositeAlarm:
        """Make the composite alarm of those alarms in `when` that were made here."""
        rules = [
            cloudwatch.AlarmRule.from_alarm(self.made[name], cloudwatch.AlarmState.ALARM)
            for name in when
            if name in self.made
        ]
        alarm = cloudwatch.CompositeAlarm(
            self.scope,
            "Unhealthy",
            composite_alarm_name=f"{self._name_prefix}-unhealthy",
            alarm_description=self._describe(
                f"{service} is unhealthy: callers notice, or something accepted is at risk.",
                "unhealthy",
            ),
            alarm_rule=cloudwatch.AlarmRule.any_of(*rules),
        )
        _notify(alarm, topic)
        return alarm

    def _describe(self, says: str, section: str) -> str:
        return f"{says} Runbook: {self._runbook}#{section}"


def _notify(alarm: cloudwatch.AlarmBase, topic: sns.ITopic) -> None:
    """Notify `topic` when the alarm begins and when it ends."""
    notification = actions.SnsAction(topic)
    alarm.add_alarm_action(notification)
    alarm.add_ok_action(notification)


def total(metrics: Mapping[str, cloudwatch.IMetric], label: str) -> cloudwatch.MathExpression:
    """The sum of `metrics`, where missing data counts as 0.

    A plain sum has no data if one metric has none, and AWS publishes error metrics only while
    there are errors.
    """
    return cloudwatch.MathExpression(
        expression=" + ".join(f"FILL({name}, 0)" for name in metrics),
        using_metrics=dict(metrics),
        label=label,
        period=PERIOD,
    )


def percent(
    part: cloudwatch.IMetric, whole: cloudwatch.IMetric, label: str
) -> cloudwatch.MathExpression:
    """`part` in percent of `whole`; no data if `whole` has none."""
    return cloudwatch.MathExpression(
        expression="100 * FILL(part, 0) / whole",
        using_metrics={"part": part, "whole": whole},
        label=label,
        period=PERIOD,
    )
