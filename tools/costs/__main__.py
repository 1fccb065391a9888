"""Print what a month of traffic costs, by AWS's list prices."""

from __future__ import annotations

import json
from collections.abc import Iterator

import click

from tools.costs import prices as price_list
from tools.costs.report import ASKED_RATIO, Cost, Example, as_json, by_service, example, price
from tools.costs.usage import MB, VERIFIED, Files, Line, Payloads, canary, standing

# A call log of 15,000,559 bytes became 4,401,376 with ISA-L's gzip at level 1.
RATIO = 3.4

_AMOUNT = click.FloatRange(min=0)
_SIZE = click.FloatRange(min=0, min_open=True)


@click.command(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option("--payloads", type=_AMOUNT, default=1_000_000, show_default=True, help="In a month.")
@click.option(
    "--payload-mb", type=_SIZE, default=15, show_default=True, help="JSON of each, uncompressed."
)
@click.option(
    "--ratio",
    type=click.FloatRange(min=1),
    default=RATIO,
    show_default=True,
    help="How many times smaller gzip makes them.",
)
@click.option("--reads", type=_AMOUNT, default=0, help="How often each document is read back.")
@click.option("--files", type=_AMOUNT, default=10_000, show_default=True, help="In a month.")
@click.option("--file-mb", type=_SIZE, default=200, show_default=True, help="Size of each.")
@click.option(
    "--downloads", type=_AMOUNT, default=1, show_default=True, help="How often each is downloaded."
)
@click.option(
    "--people", type=_AMOUNT, default=100, show_default=True, help="Who sign in, in a month."
)
@click.option(
    "--verify/--no-verify",
    default=None,
    help="Multipart uploads are read again and checked.  [default: those of up to 32 GiB]",
)
@click.option("--scan", is_flag=True, help="GuardDuty scans files for malware.")
@click.option(
    "--keep-months",
    type=_AMOUNT,
    default=1,
    show_default=True,
    help="How long documents and files are kept; shows a month in which all are there.",
)
@click.option("--canary-minutes", type=_SIZE, help="A canary tries so often.  [default: none]")
@click.option("--kms", is_flag=True, help="Keys of one's own; calls to them are not counted.")
@click.option("--private-network", is_flag=True, help="Functions run in a VPC of their own.")
@click.option("--no-tracing", is_flag=True, help="Functions send no traces to X-Ray.")
@click.option("--no-monitoring", is_flag=True, help="No alarms, dashboard and request metrics.")
@click.option("--lines", is_flag=True, help="Show each line, not services alone.")
@click.option("--json", "json_output", is_flag=True, help="One JSON object, for programs.")
def cli(
    *,
    payloads: float,
    payload_mb: float,
    ratio: float,
    reads: float,
    files: float,
    file_mb: float,
    downloads: float,
    people: float,
    verify: bool | None,
    scan: bool,
    keep_months: float,
    canary_minutes: float | None,
    kms: bool,
    private_network: bool,
    no_tracing: bool,
    no_monitoring: bool,
    lines: bool,
    json_output: bool,
) -> None:
    """The cost of a month of payloads and files, in US dollars.

    List prices of us-east-1 on the date of tools/costs/prices.toml, without free tiers and
    discounts.
    What each payload and file uses is in tools/costs/usage.py.
    """
    prices = price_list.load()
    if verify is None:
        verify = file_mb * MB <= VERIFIED
    used = [
        *_usage(
            Payloads(
                count=payloads,
                size=payload_mb * MB,
                ratio=ratio,
                keep_months=keep_months,
                reads=reads,
                tracing=not no_tracing,
            ),
            Files(
                count=files,
                size=file_mb * MB,
                downloads=downloads,
                keep_months=keep_months,
                people=people,
                verify=verify,
                scan=scan,
                tracing=not no_tracing,
            ),
            monitoring=not no_monitoring,
            verify=verify,
            scan=scan,
            kms=kms,
            private_network=private_network,
            tracing=not no_tracing,
        )
    ]
    if canary_minutes is not None:
        used += canary(canary_minutes, tracing=not no_tracing, monitoring=not no_monitoring)
    costs = price(used, prices)
    shown = example(prices, ratio=ratio, tracing=not no_tracing)
    if json_output:
        click.echo(json.dumps(as_json(costs, shown, prices)))
        return
    click.echo(
        f"{payloads:,.0f} payloads of {payload_mb:g} MB and {files:,.0f} files of {file_mb:g} MB "
        f"a month\nlist prices of {prices.region} on {prices.date}, US dollars, "
        "without free tiers\n"
    )
    _show(costs, lines)
    click.echo()
    _show_example(shown, ratio)


def _usage(payloads: Payloads, files: Files, **choices: bool) -> Iterator[Line]:
    if payloads.count:
        yield from payloads.lines()
    if files.count or files.people:
        yield from files.lines()
    yield from standing(
        ingest=payloads.count > 0,
        files=bool(files.count or files.people),
        **choices,
    )


def _show(costs: list[Cost], lines: bool) -> None:
    for service, dollars in by_service(costs).items():
        click.echo(f"{service:<86}{dollars:>12,.2f}")
        for cost in costs if lines else ():
            if cost.service == service:
                quantity = f"{cost.quantity:,.{0 if cost.quantity >= 100 else 2}f}"
                what = f"{cost.what:<26}{quantity:>16} {cost.unit}"
                click.echo(f"  {what:<84}{cost.dollars:>12,.2f}")
    click.echo(f"{'in all':<86}{sum(cost.dollars for cost in costs):>12,.2f}")


def _show_example(shown: Example, ratio: float) -> None:
    click.echo("One payload of 15 MB through S3")
    click.echo(f"  {'asked for, for S3: about':<60}{shown.asked:>14.7f}")
    again = f"PUT, GET, a week of it at a ratio of {ASKED_RATIO} come to"
    click.echo(f"  {again:<60}{shown.asked_again:>14.7f}")
    click.echo(f"  {f'here, for S3, at a ratio of {ratio:g}':<60}{sum(shown.s3.values()):>14.7f}")
    for what, dollars in shown.s3.items():
        click.echo(f"    {what:<58}{dollars:>14.7f}")
    click.echo(f"  {'the rest':<60}{sum(shown.rest.values()):>14.7f}")
    for service, dollars in shown.rest.items():
        click.echo(f"    {service:<58}{dollars:>14.7f}")
    click.echo(f"  {'in all':<60}{shown.total:>14.7f}")
    if "X-Ray" in shown.rest:
        click.echo(
            "  (X-Ray: traced are the first invocation of a function in each second, and 5 %"
        )
        click.echo("  of the others: at ten payloads a second it comes to a seventh of this.)")


if __name__ == "__main__":
    cli(prog_name="python -m tools.costs")
