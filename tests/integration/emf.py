"""Lines in embedded metric format: whether CloudWatch takes them, and what it makes of them.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

MAX_LINE = 1024 * 1024
"""Bytes: of a log event."""
MAX_VALUES = 100
MAX_DIMENSION = 1024
"""Characters of a dimension's value."""
DAY = 24 * 3600
MAX_AGE, MAX_AHEAD = 14 * DAY, DAY / 12
"""Seconds. What is older, or lies farther ahead, CloudWatch refuses.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_MetricDatum.html"""


@dataclass(frozen=True)
class Emitted:
    """One metric of a line.

    Attributes:
        dimensions: Of each set, their names with their values.
    """

    namespace: str
    name: str
    unit: str
    dimensions: tuple[Mapping[str, str], ...]
    values: tuple[float, ...]


def faults(line: Mapping[str, Any], *, now: float) -> list[str]:
    """Faults of a line written until `now` for which CloudWatch refuses or ignores it."""
    found = [
        f"{error.json_path}: {error.message}" for error in _schema().iter_errors(instance=line)
    ]
    if found:
        return found
    if len(json.dumps(line)) > MAX_LINE:
        found.append(f"a log event has at most {MAX_LINE} bytes")
    age = now - line["_aws"]["Timestamp"] / 1000
    if not -MAX_AHEAD <= age <= MAX_AGE:
        found.append(f"Timestamp is {age:.0f} s ago: is it in milliseconds?")
    for directive in line["_aws"]["CloudWatchMetrics"]:
        for name in {name for names in directive["Dimensions"] for name in names}:
            value = line.get(name)
            if not isinstance(value, str) or not 0 < len(value) <= MAX_DIMENSION:
                found.append(f"dimension {name} has the value {value!r}")
        for metric in directive["Metrics"]:
            values = _values(line.get(metric["Name"]))
            if not 0 < len(values) <= MAX_VALUES or not all(map(_is_number, values)):
                found.append(f"metric {metric['Name']} has the value {line.get(metric['Name'])!r}")
    return found


def metrics_of(line: Mapping[str, Any]) -> Iterator[Emitted]:
    """The metrics of a line without faults."""
    for directive in line["_aws"]["CloudWatchMetrics"]:
        for metric in directive["Metrics"]:
            yield Emitted(
                namespace=directive["Namespace"],
                name=metric["Name"],
                unit=metric.get("Unit", "None"),
                dimensions=tuple(
                    {name: line[name] for name in names} for names in directive["Dimensions"]
                ),
                values=tuple(_values(line[metric["Name"]])),
            )


def _values(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _is_number(value: Any) -> bool:
    is_bool = isinstance(value, bool)
    return isinstance(value, int | float) and not is_bool and math.isfinite(value)


@cache
def _schema() -> Draft202012Validator:
    schema = json.loads(Path(__file__).with_name("emf.schema.json").read_text())
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)
