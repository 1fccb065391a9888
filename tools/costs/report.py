"""Prices of usage: by service, and for one payload beside the requirement's figure."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any

from tools.costs.prices import Prices
from tools.costs.usage import GB, MB, MONTH_DAYS, TRANSIT_DAYS, Line, Payloads

SERVICES = {
    "api": "API Gateway",
    "lambda": "Lambda",
    "s3": "S3",
    "dynamodb": "DynamoDB",
    "sqs": "SQS",
    "eventbridge": "EventBridge",
    "cloudwatch": "CloudWatch",
    "xray": "X-Ray",
    "kms": "KMS",
    "vpc": "VPC",
    "cognito": "Cognito",
    "guardduty": "GuardDuty",
    "transfer": "Data transfer",
}

# The example that the requirements give: this much for S3, for a call log of this size.
ASKED = 0.000013
ASKED_SIZE = 15 * MB
# The ratio with which one PUT, one GET and a week in transit come to it.
ASKED_RATIO = 10


@dataclasses.dataclass(frozen=True)
class Cost:
    """A line with its price."""

    service: str
    what: str
    quantity: float
    unit: str
    dollars: float


def price(lines: Iterable[Line], prices: Prices) -> list[Cost]:
    """Put prices to `lines`. Those of the same price share its tiers, in their order."""
    used: dict[str, float] = {}
    found = []
    for line in lines:
        before = used.get(line.price, 0.0)
        used[line.price] = before + line.quantity
        one = prices[line.price]
        dollars = one.cost(used[line.price]) - one.cost(before)
        service = SERVICES[line.price.partition(".")[0]]
        found.append(Cost(service, line.what, line.quantity, one.unit, dollars))
    return found


def by_service(costs: Iterable[Cost]) -> dict[str, float]:
    """Dollars by service, in a fixed order, without those that cost nothing."""
    sums = dict.fromkeys(SERVICES.values(), 0.0)
    for cost in costs:
        sums[cost.service] += cost.dollars
    return {service: dollars for service, dollars in sums.items() if dollars}


@dataclasses.dataclass(frozen=True)
class Example:
    """One payload of 15 MB through S3."""

    asked: float
    """Dollars for S3, as the requirements have it."""
    asked_again: float
    """The same from these prices: PUT, GET, and a week of what is left by `ASKED_RATIO`."""
    s3: Mapping[str, float]
    """Dollars by what it is for."""
    rest: Mapping[str, float]
    """Dollars by service, but for S3."""

    @property
    def total(self) -> float:
        return sum(self.s3.values()) + sum(self.rest.values())


def example(prices: Prices, *, ratio: float, tracing: bool) -> Example:
    """The requirement's example, beside what it costs here."""
    week = ASKED_SIZE / ASKED_RATIO / GB * TRANSIT_DAYS / MONTH_DAYS
    asked = [Line("s3.put", "", 1), Line("s3.get", "", 1), Line("s3.storage", "", week)]
    payload = Payloads(count=1, size=ASKED_SIZE, ratio=ratio, keep_months=0, tracing=tracing)
    costs = price(payload.lines(), prices)
    s3 = {f"{cost.what}: {cost.unit}": cost.dollars for cost in costs if cost.service == "S3"}
    return Example(
        asked=ASKED,
        asked_again=sum(cost.dollars for cost in price(asked, prices)),
        s3={what: dollars for what, dollars in s3.items() if dollars},
        rest={name: dollars for name, dollars in by_service(costs).items() if name != "S3"},
    )


def as_json(costs: list[Cost], shown: Example, prices: Prices) -> dict[str, Any]:
    """All of it, for programs."""
    return {
        "prices": {"date": prices.date.isoformat(), "region": prices.region},
        "total": sum(cost.dollars for cost in costs),
        "services": by_service(costs),
        "lines": [dataclasses.asdict(cost) for cost in costs],
        "example": {**dataclasses.asdict(shown), "total": shown.total},
    }
