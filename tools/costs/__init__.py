"""What a month of traffic costs by AWS's list prices: `python -m tools.costs --help`."""
