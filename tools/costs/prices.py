"""List prices, from `prices.toml` beside this file."""

from __future__ import annotations

import dataclasses
import datetime
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

FILE = Path(__file__).parent / "prices.toml"

CHECKED = ("page", "price-list", "quoted")


@dataclasses.dataclass(frozen=True)
class Price:
    """AWS's price of a unit, in US dollars."""

    name: str
    unit: str
    page: str
    checked: str
    tiers: tuple[tuple[float, float], ...]
    """Upper bounds, the last one infinite, and the price of a unit up to there."""

    @property
    def first(self) -> float:
        """Price of the first unit."""
        return self.tiers[0][1]

    def cost(self, quantity: float) -> float:
        """Price of `quantity` units in a month."""
        cost = below = 0.0
        for bound, price in self.tiers:
            cost += (min(quantity, bound) - below) * price
            below = bound
            if quantity <= bound:
                break
        return cost


@dataclasses.dataclass(frozen=True)
class Prices:
    """All of them, as they were on one day in one region."""

    date: datetime.date
    region: str
    by_name: Mapping[str, Price]

    def __getitem__(self, name: str) -> Price:
        return self.by_name[name]


def load(file: Path = FILE) -> Prices:
    """Read a file of prices.

    Raises:
        ValueError: A price is incomplete, or its tiers don't go upwards.
    """
    read = tomllib.loads(file.read_text())
    date, region = read.pop("date"), read.pop("region")
    found = [
        _price(f"{service}.{name}", values)
        for service, prices in read.items()
        for name, values in prices.items()
    ]
    return Prices(date, region, {price.name: price for price in found})


def _price(name: str, values: Mapping[str, Any]) -> Price:
    missing = {"unit", "page", "checked", "tiers"} ^ set(values)
    if missing:
        raise ValueError(f"{name} in the prices lacks, or has too much: {', '.join(missing)}.")
    if values["checked"] not in CHECKED:
        raise ValueError(
            f"{name}: checked is {values['checked']!r}; give one of {', '.join(CHECKED)}."
        )
    tiers = tuple((tier.get("up_to", float("inf")), tier["price"]) for tier in values["tiers"])
    bounds = [bound for bound, _ in tiers]
    if bounds != sorted(set(bounds)) or bounds[-1] != float("inf"):
        raise ValueError(f"{name}: tiers must go upwards, and the last one has no up_to.")
    return Price(name, values["unit"], values["page"], values["checked"], tiers)
