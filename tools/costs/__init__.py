"""The cost of a month of traffic by AWS's list prices: `python -m tools.costs --help`."""
