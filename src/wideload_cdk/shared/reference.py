"""`ServiceReference`: what another stack can do with a service, made here or imported."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_events as events
from constructs import Construct

from wideload_cdk.shared.names import METRIC_NAMESPACE


class ServiceReference(Construct):
    """Metrics and published events of a service."""

    _service: ClassVar[str]
    """The metrics' dimension `service`."""
    _event_source: ClassVar[str]
    """The member `source` of published events."""

    event_bus: events.IEventBus
    environment_name: str
    """The metrics' dimension `environment`."""

    def metric(self, metric_name: str, **options: Any) -> cloudwatch.Metric:
        """A metric of namespace `Wideload` with this construct's dimensions."""
        return cloudwatch.Metric(
            namespace=METRIC_NAMESPACE,
            metric_name=metric_name,
            dimensions_map={"service": self._service, "environment": self.environment_name},
            **options,
        )

    def metric_sweep_backlog_age(self, **options: Any) -> cloudwatch.Metric:
        """Age of the oldest due item that a run of the sweep left to the next run, in seconds.

        0 if a run left none.
        """
        return self._metric("SweepBacklogAge", "Maximum", cloudwatch.Unit.SECONDS, options)

    def _metric(
        self, name: str, statistic: str, unit: cloudwatch.Unit, options: Mapping[str, Any]
    ) -> cloudwatch.Metric:
        return self.metric(name, **{"statistic": statistic, "unit": unit, **options})

    def _on(
        self,
        id: str,
        detail_type: str,
        *,
        target: events.IRuleTarget,
        detail: Mapping[str, Sequence[Any]] | None,
        options: Mapping[str, Any],
    ) -> events.Rule:
        """Make a rule for published events of `detail_type`."""
        narrowed = {name: list(values) for name, values in (detail or {}).items()}
        return events.Rule(
            self,
            id,
            event_bus=self.event_bus,
            event_pattern=events.EventPattern(
                source=[self._event_source],
                detail_type=[detail_type],
                # Last, so that `detail` cannot widen a rule to another deployment.
                detail={**narrowed, "environment": [self.environment_name]},
            ),
            targets=[target],
            **options,
        )


def default_event_bus(scope: Construct) -> events.IEventBus:
    """The default bus of the account."""
    return events.EventBus.from_event_bus_name(scope, "DefaultEventBus", "default")
