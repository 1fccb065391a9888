"""The claims that the embedded cloud can't show, and why: they are skipped there.

docs/acceptance.md holds the same table, made by `markdown()`.
"""

from __future__ import annotations

from collections.abc import Mapping

NO_METRICS = "It makes no metrics from log lines, and publishes none for its services."
DROPPED = "Its CloudFormation drops this property, so the service doesn't know of it."

CANT_SHOW: Mapping[str, str] = {
    "test_configuration.py::test_unfinished_multipart_uploads_are_aborted_by_lifecycle": DROPPED,
    "test_configuration.py::test_uploads_in_transit_expire_by_lifecycle": DROPPED,
    "test_configuration.py::test_access_logs_expire_by_lifecycle": DROPPED,
    "test_configuration.py::test_plain_http_is_refused": "It supports only TLS, on one port.",
    "test_metrics.py::test_the_metric_is_in_cloudwatch": NO_METRICS,
    "test_metrics.py::test_no_alarm_sounds": NO_METRICS + " So no alarm is deployed there.",
    "test_metrics.py::test_no_alarm_lacks_data": NO_METRICS + " So no alarm is deployed there.",
    "test_stacks.py::test_consumers_follow_the_value_of_an_output": (
        "How it resolves references between stacks says nothing about AWS."
    ),
}
"""`file::test` to reason."""


def markdown() -> str:
    """The table, as Markdown."""
    rows = [
        f"| {claim_of(name.partition('::')[2])} | {reason} |" for name, reason in CANT_SHOW.items()
    ]
    return "\n".join(["| claim | why not on the embedded cloud |", "| --- | --- |", *rows]) + "\n"


def claim_of(test: str) -> str:
    """The claim that a test's name makes, with its parameters."""
    name, bracket, parameters = test.partition("[")
    return name.removeprefix("test_").replace("_", " ") + (
        f" ({parameters[:-1]})" if bracket else ""
    )
