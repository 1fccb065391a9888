"""Services to monitor, templates of their monitoring, and readers of their alarms."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_lambda as lambda_
from aws_cdk.assertions import Template

from tests.constructs.conftest import cdk_json_context, name_prefix
from wideload_cdk import FileTransfer, PayloadIngest, TransferMonitoring


def new_stack(id: str) -> cdk.Stack:
    return cdk.Stack(cdk.App(context=cdk_json_context()), id)


def new_code(folder: Path) -> lambda_.Code:
    """Lambda code for one stack: the CDK refuses to share it between stacks."""
    return lambda_.Code.from_asset(str(folder))


def new_ingest(code_folder: Path, **arguments: Any) -> PayloadIngest:
    """An ingest in an app of its own."""
    return PayloadIngest(
        new_stack("Ingest"),
        "Ingest",
        code=new_code(code_folder),
        environment_name="blue",
        **arguments,
    )


def new_files(code_folder: Path, **arguments: Any) -> FileTransfer:
    """A file transfer in an app of its own."""
    return FileTransfer(
        new_stack("Files"),
        "Files",
        code=new_code(code_folder),
        environment_name="blue",
        **arguments,
    )


def monitor(
    service: PayloadIngest | FileTransfer,
    thresholds: dict[str, Any] | None = None,
    **arguments: Any,
) -> Template:
    """The template of a service's monitoring, in another stack of the same app.

    `arguments` are those of `TransferMonitoring`, `thresholds` those of its method.
    """
    stack = cdk.Stack(service.node.root, "Monitoring")  # type: ignore[arg-type]
    monitoring = TransferMonitoring(stack, "Watch", **arguments)
    if isinstance(service, PayloadIngest):
        monitoring.monitor_ingest(service, **(thresholds or {}))
    else:
        monitoring.monitor_files(service, **(thresholds or {}))
    return Template.from_stack(stack)


def alarms(template: Template) -> dict[str, dict[str, Any]]:
    """Properties of the alarms by their names without the prefix."""
    prefix = name_prefix(template) + "-"
    return {
        resource["Properties"]["AlarmName"].removeprefix(prefix): resource["Properties"]
        for resource in template.find_resources("AWS::CloudWatch::Alarm").values()
    }


def metrics_of(properties: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The metrics of an alarm's expression, by their ids."""
    return {
        metric["Id"]: metric["MetricStat"]
        for metric in properties.get("Metrics", [])
        if "MetricStat" in metric
    }


def operations_of(properties: dict[str, Any]) -> set[str]:
    """The DynamoDB operations that an alarm watches."""
    return {
        dimension["Value"]
        for metric in metrics_of(properties).values()
        for dimension in metric["Metric"]["Dimensions"]
        if dimension["Name"] == "Operation"
    }


def alarms_in(rule: str, template: Template) -> set[str]:
    """Names of the alarms that a composite alarm's rule contains."""
    prefix = name_prefix(template) + "-"
    return {
        resource["Properties"]["AlarmName"].removeprefix(prefix)
        for logical_id, resource in template.find_resources("AWS::CloudWatch::Alarm").items()
        if logical_id in rule
    }
