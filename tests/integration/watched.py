"""Metrics that alarms and dashboards watch, from synthesized templates, and those of AWS."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.integration.permissions import name_of


@dataclass(frozen=True)
class Metric:
    """A metric as an alarm or a widget names it, or as a function emits it."""

    namespace: str
    name: str
    dimensions: frozenset[tuple[str, str]]

    def __str__(self) -> str:
        where = ", ".join(f"{name}={value}" for name, value in sorted(self.dimensions))
        return f"{self.namespace} {self.name} ({where})"


@dataclass(frozen=True)
class Look:
    """One look at a metric: by an alarm or a widget."""

    by: str
    metric: Metric


@dataclass(frozen=True)
class Documented:
    """Metrics that AWS publishes in a namespace, with which dimensions; `source` says so."""

    source: str
    metrics: Mapping[tuple[str, ...], frozenset[str]]


RESOURCES = {
    "ApiId": "AWS::ApiGatewayV2::Api",
    "BucketName": "AWS::S3::Bucket",
    "FunctionName": "AWS::Lambda::Function",
    "QueueName": "AWS::SQS::Queue",
    "TableName": "AWS::DynamoDB::Table",
}
"""Types of what dimensions name."""

AWS = {
    "AWS/ApiGateway": Documented(
        "https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-metrics.html",
        {
            ("ApiId", "Stage"): frozenset(
                {"4xx", "5xx", "Count", "DataProcessed", "IntegrationLatency", "Latency"}
            )
        },
    ),
    "AWS/DynamoDB": Documented(
        "https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/metrics-dimensions.html",
        {
            ("TableName",): frozenset(
                {"ConsumedReadCapacityUnits", "ConsumedWriteCapacityUnits", "UserErrors"}
            ),
            ("Operation", "TableName"): frozenset(
                {"SuccessfulRequestLatency", "SystemErrors", "ThrottledRequests"}
            ),
        },
    ),
    "AWS/Lambda": Documented(
        "https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html",
        {
            (): frozenset({"ClaimedAccountConcurrency"}),
            ("FunctionName",): frozenset(
                {
                    "ConcurrentExecutions",
                    "Duration",
                    "Errors",
                    "Invocations",
                    "IteratorAge",
                    "Throttles",
                }
            ),
        },
    ),
    "AWS/S3": Documented(
        "https://docs.aws.amazon.com/AmazonS3/latest/userguide/metrics-dimensions.html",
        {
            ("BucketName", "FilterId"): frozenset(
                {"4xxErrors", "5xxErrors", "AllRequests", "GetRequests", "PutRequests"}
            )
        },
    ),
    "AWS/SQS": Documented(
        "https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/"
        "sqs-available-cloudwatch-metrics.html",
        {
            ("QueueName",): frozenset(
                {
                    "ApproximateAgeOfOldestMessage",
                    "ApproximateNumberOfMessagesDelayed",
                    "ApproximateNumberOfMessagesNotVisible",
                    "ApproximateNumberOfMessagesVisible",
                }
            )
        },
    ),
}


@dataclass
class Assembly:
    """The templates of an app, by the names of their stacks."""

    templates: Mapping[str, Mapping[str, Any]]
    resources: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    """By their names; those that metrics are about stand in one stack alone."""

    def __post_init__(self) -> None:
        for template in self.templates.values():
            for logical_id, resource in template.get("Resources", {}).items():
                self.resources[name_of(logical_id)] = resource

    def looks(self) -> Iterator[Look]:
        """Of all alarms and widgets."""
        for template in self.templates.values():
            for resource in template.get("Resources", {}).values():
                properties = resource.get("Properties", {})
                if resource["Type"] == "AWS::CloudWatch::Alarm":
                    yield from self._of_alarm(properties)
                if resource["Type"] == "AWS::CloudWatch::Dashboard":
                    yield from self._of_dashboard(properties["DashboardBody"])

    def _of_alarm(self, properties: Mapping[str, Any]) -> Iterator[Look]:
        by = f"alarm {properties['AlarmName']}"
        for metric in (
            [properties]
            if "MetricName" in properties
            else [
                one["MetricStat"]["Metric"] for one in properties["Metrics"] if "MetricStat" in one
            ]
        ):
            dimensions = {one["Name"]: one["Value"] for one in metric.get("Dimensions", [])}
            yield Look(by, self._metric(metric["Namespace"], metric["MetricName"], dimensions))

    def _of_dashboard(self, body: Any) -> Iterator[Look]:
        text = body if isinstance(body, str) else "".join(map(self._text, body["Fn::Join"][1]))
        for widget in json.loads(text)["widgets"]:
            properties = widget["properties"]
            for row in properties.get("metrics", []):
                names = [one for one in row if isinstance(one, str)]
                if names:  # else an expression
                    namespace, name, *pairs = names
                    dimensions = dict(zip(pairs[::2], pairs[1::2], strict=True))
                    yield Look(
                        f"widget {properties['title']}", self._metric(namespace, name, dimensions)
                    )

    def _metric(self, namespace: str, name: str, dimensions: Mapping[str, Any]) -> Metric:
        known = {key: self._text(value) for key, value in dimensions.items()}
        return Metric(namespace, name, frozenset(known.items()))

    def _text(self, value: Any) -> str:
        """A value of a template, where a reference is the name of what it refers to."""
        if isinstance(value, str):
            return value
        [(function, argument)] = value.items()
        if function == "Fn::GetStackOutput":
            outputs = self.templates[argument["StackName"]]["Outputs"]
            return self._text(outputs[argument["OutputName"]]["Value"])
        if function == "Fn::GetAtt":
            return name_of(argument[0])
        if function == "Ref":
            return name_of(argument)
        raise ValueError(f"{value} is not understood here")


def undocumented(looks: Iterable[Look], assembly: Assembly, namespace: str) -> list[str]:
    """Looks at metrics, but for those of our `namespace`, that AWS doesn't publish, or not of what
    is there."""
    return [
        f"{look.by} looks at {look.metric}, {fault}"
        for look in looks
        if look.metric.namespace != namespace
        for fault in _faults(look.metric, assembly)
    ]


def _faults(metric: Metric, assembly: Assembly) -> Iterator[str]:
    if metric.namespace not in AWS:
        yield f"in a namespace without a publisher here; known are {', '.join(AWS)}"
        return
    dimensions, documented = dict(metric.dimensions), AWS[metric.namespace]
    if metric.name not in documented.metrics.get(tuple(sorted(dimensions)), ()):
        yield f"which AWS doesn't publish: {documented.source}"
    for key, value in dimensions.items():
        if key in RESOURCES and assembly.resources.get(value, {}).get("Type") != RESOURCES[key]:
            yield f"but there is no {RESOURCES[key]} {value}"
    if "FilterId" in dimensions:
        bucket = assembly.resources.get(dimensions["BucketName"], {}).get("Properties", {})
        counted = {one["Id"] for one in bucket.get("MetricsConfigurations", [])}
        if dimensions["FilterId"] not in counted:
            yield "but the bucket has no such metrics configuration"


def not_emitted(looks: Iterable[Look], emitted: Iterable[Metric], namespace: str) -> list[str]:
    """Looks at metrics of ours that no function emits."""
    known = set(emitted)
    return [
        f"{look.by} looks at {look.metric}, which nothing emits"
        for look in looks
        if look.metric.namespace == namespace and look.metric not in known
    ]


def not_watched(
    looks: Iterable[Look], emitted: Iterable[Metric], reasons: Mapping[str, str]
) -> list[str]:
    """Metrics that are emitted, and that neither an alarm nor a widget looks at.

    Args:
        reasons: Names of metrics that no alarm or widget watches, on purpose, and why.
    """
    seen, made = {look.metric for look in looks}, set(emitted)
    return [
        *(
            f"{metric} is emitted, and nothing looks at it"
            for metric in sorted(made - seen, key=str)
            if metric.name not in reasons
        ),
        *(
            f"{name} is listed as not watched, and is, or is not emitted"
            for name in reasons
            if name not in {metric.name for metric in made - seen}
        ),
    ]
