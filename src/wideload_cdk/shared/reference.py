"""`ServiceReference`: a service as another stack sees it, made by the same app or imported."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Never

from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_events as events
from constructs import Construct

from wideload_cdk.shared.checks import check_format
from wideload_cdk.shared.formats import ENVIRONMENT_NAME
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


class ImportedService(ServiceReference):
    """A deployment of another app. A grant names what it needs and was not given."""

    _imported_by: ClassVar[str]
    """The method that takes the attributes."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        environment_name: str,
        event_bus: events.IEventBus | None,
    ) -> None:
        super().__init__(scope, id)
        check_format("environment_name", environment_name, ENVIRONMENT_NAME)
        self.environment_name = environment_name
        self.event_bus = event_bus or default_event_bus(self)

    # Not for type checkers, which would then accept any name.
    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Never:
            where = f"{self._imported_by} of {self.node.path}"
            raise AttributeError(f"{name} was not given to {where}, and is needed here.")


def default_event_bus(scope: Construct) -> events.IEventBus:
    """The default bus of the account."""
    return events.EventBus.from_event_bus_name(scope, "DefaultEventBus", "default")
