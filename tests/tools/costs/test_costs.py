"""`make cost`: prices, what is counted, and what is shown."""

from __future__ import annotations

import dataclasses
import datetime
import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from tools.costs import prices as price_list
from tools.costs.__main__ import cli
from tools.costs.prices import Price, Prices
from tools.costs.report import by_service, example, price
from tools.costs.usage import (
    GB,
    MB,
    MIB,
    MONTH_SECONDS,
    Files,
    Line,
    Payloads,
    canary,
    standing,
    traced,
)

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def prices() -> Prices:
    return price_list.load()


def sums(lines: list[Line]) -> dict[tuple[str, str], float]:
    """Quantities by price and what they are for."""
    found: dict[tuple[str, str], float] = {}
    for line in lines:
        found[line.price, line.what] = found.get((line.price, line.what), 0) + line.quantity
    return found


def total(lines: list[Line], name: str) -> float:
    return sum(line.quantity for line in lines if line.price == name)


def large(**arguments: float) -> Payloads:
    """One payload of 15 MB, which comes through S3."""
    return Payloads(**{"count": 1, "size": 15 * MB, "ratio": 3.4, **arguments})


# Prices


def test_prices_are_dated_and_have_their_sources(prices: Prices) -> None:
    assert prices.date <= datetime.date(2026, 12, 31)
    assert prices.region == "us-east-1"
    for one in prices.by_name.values():
        assert one.page.startswith("https://aws.amazon.com/"), one.name
        assert one.unit
        assert one.first > 0


@pytest.mark.parametrize(
    ("quantity", "dollars"), [(0, 0), (5, 10), (10, 20), (15, 25), (20, 30), (30, 35)]
)
def test_tiers_are_gone_up(quantity: float, dollars: float) -> None:
    one = Price("x", "u", "p", "page", ((10, 2.0), (20, 1.0), (float("inf"), 0.5)))

    assert one.cost(quantity) == pytest.approx(dollars)


def test_lines_of_the_same_price_share_its_tiers() -> None:
    one = Price("s3.put", "u", "p", "page", ((10, 2.0), (float("inf"), 1.0)))
    found = price(
        [Line("s3.put", "a", 8), Line("s3.put", "b", 8)],
        Prices(datetime.date(2026, 1, 1), "r", {"s3.put": one}),
    )

    assert [cost.dollars for cost in found] == [16, 4 + 6]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('unit = "u"\npage = "p"\nchecked = "page"', "lacks, or has too much: tiers"),
        ('unit = "u"\npage = "p"\nchecked = "guess"\ntiers = [{price=1}]', "checked is 'guess'"),
        (
            'unit = "u"\npage = "p"\nchecked = "page"\ntiers = [{up_to=2,price=1}]',
            "tiers must go upwards, and the last one has no up_to",
        ),
        (
            'unit = "u"\npage = "p"\nchecked = "page"\n'
            "tiers = [{up_to=2,price=1},{up_to=1,price=1},{price=1}]",
            "tiers must go upwards",
        ),
    ],
)
def test_odd_prices_are_refused(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "prices.toml"
    file.write_text(f'date = 2026-01-01\nregion = "r"\n[s3.put]\n{text}\n')

    with pytest.raises(ValueError, match=re.escape(message)):
        price_list.load(file)


# What a payload uses


def test_a_large_payload_uses_what_the_code_asks_for() -> None:
    found = sums(list(large().lines()))

    assert found["api.request", "requests"] == 2
    assert (
        found["s3.put", "uploads"] == found["s3.get", "uploads"] == found["s3.put", "archive"] == 1
    )
    assert found["dynamodb.write", "records and indexes"] == 11
    assert found["dynamodb.read", "records"] == 5
    # Two objects, for not quite three hours.
    assert found["dynamodb.read", "the sweep"] == 2.75
    assert found["sqs.request", "uploads"] == 3
    assert total(list(large().lines()), "lambda.request") == 4
    # S3 tells of the upload, its expiry and the archive; ingest of the result.
    assert total(list(large().lines()), "eventbridge.event") == 4


def test_a_small_payload_lies_in_its_record() -> None:
    lines = list(Payloads(count=1, size=10_000, ratio=3).lines())
    found = sums(lines)

    assert found["api.request", "requests"] == 1
    assert not [line for line in lines if line.price.startswith(("s3.", "sqs."))]
    assert found["dynamodb.write", "records and indexes"] == 1 + 4 + 2
    assert total(lines, "dynamodb.read") == 0
    assert total(lines, "lambda.request") == 2
    assert total(lines, "eventbridge.event") == 1


def test_a_body_is_metered_in_steps_of_512_kb() -> None:
    found = sums(list(Payloads(count=1, size=3 * MIB, ratio=1).lines()))

    assert found["api.request", "requests"] == 6
    assert found["s3.put", "archive"] == 1


def test_a_large_archive_is_sent_in_parts() -> None:
    found = sums(list(Payloads(count=1, size=20 * MIB, ratio=1).lines()))

    # Three of 8 MiB, beginning and joining.
    assert found["s3.put", "archive"] == 5


def test_what_is_too_large_for_a_request_is_queued() -> None:
    payloads = Payloads(count=1, size=60 * MB, ratio=1)
    found = sums(list(payloads.lines()))

    assert payloads.queued
    assert found["sqs.request", "uploads"] == 6
    assert found["lambda.request", "worker, again"] == 1
    assert found["lambda.duration", "worker"] > found["lambda.duration", "send or claim"]
    assert not large().queued


def test_storage_grows_with_the_months_that_documents_are_kept() -> None:
    year = sums(list(large(keep_months=12).lines()))

    assert year["s3.storage", "archive, 12 months"] == pytest.approx(12 * 15 * MB / 3.4 / GB)
    assert year["s3.storage", "uploads, 7 days"] == pytest.approx(15 * MB / 3.4 / GB * 7 * 24 / 730)


def test_reading_costs_a_request_and_the_way_out() -> None:
    lines = list(large(reads=2).lines())

    assert total(lines, "transfer.out") - total(list(large().lines()), "transfer.out") == (
        pytest.approx(2 * (15 * MB / 3.4 + 2_500) / GB)
    )
    assert sums(lines)["s3.get", "documents read"] == 4  # a HEAD before each


def test_traces_are_sampled_from_one_a_second_on() -> None:
    assert traced(1_000) == 1_000
    assert traced(MONTH_SECONDS) == MONTH_SECONDS
    assert traced(3 * MONTH_SECONDS) == pytest.approx(1.1 * MONTH_SECONDS)
    assert not [line for line in large(tracing=False).lines() if line.price == "xray.trace"]


# What a file uses


def test_a_small_file_is_one_put() -> None:
    files = Files(count=1, size=64 * MIB)
    found = sums(list(files.lines()))

    assert files.parts == 0
    assert found["s3.put", "files sent"] == 1
    assert found["api.request", "requests"] == 3
    assert found["dynamodb.write", "files"] == 26


@pytest.mark.parametrize(
    ("size", "parts"),
    [
        (64 * MIB + 1, 9),
        (200 * MB, 24),
        (78_125 * MIB, 9_766),
        (5 * 1024**4, 9_987),
        (50_000 * 1024**3, 10_000),
    ],
)
def test_large_files_come_in_parts(size: float, parts: int) -> None:
    files = Files(count=1, size=size)
    found = sums(list(files.lines()))

    assert files.parts == parts
    assert found["s3.put", "files sent"] == parts + 2 + -(-parts // 1000)
    assert found["api.request", "requests"] == 3 + -(-parts // 100)
    assert found["dynamodb.write", "files"] == 36


def test_downloads_are_the_way_out() -> None:
    lines = list(Files(count=1, size=GB, downloads=3).lines())

    assert total(lines, "transfer.out") == pytest.approx(3, rel=0.01)


def test_verifying_reads_files_again() -> None:
    plain = list(Files(count=1, size=GB).lines())
    verified = list(Files(count=1, size=GB, verify=True).lines())

    assert total(verified, "s3.get") - total(plain, "s3.get") == 1
    assert total(verified, "lambda.duration") > 20 * total(plain, "lambda.duration")
    assert list(Files(count=1, size=MB, verify=True).lines()) == list(
        Files(count=1, size=MB).lines()
    )


def test_scanning_is_billed_by_objects_and_bytes() -> None:
    plain = list(Files(count=1_000, size=GB).lines())
    scanned = list(Files(count=1_000, size=GB, scan=True).lines())

    assert total(scanned, "guardduty.object") == 1_000
    assert total(scanned, "guardduty.scanned") == 1_000
    for name in ("eventbridge.event", "s3.get"):
        assert total(scanned, name) - total(plain, name) == 1_000


# Standing ready


def test_standing_ready_costs_what_is_deployed() -> None:
    nothing = list(standing(ingest=False, files=False, monitoring=True))
    ingest = list(standing(ingest=True, files=False, monitoring=True))
    both = list(standing(ingest=True, files=True, monitoring=True))
    plain = list(standing(ingest=True, files=True, monitoring=False))

    assert nothing == []
    assert total(ingest, "cloudwatch.composite_alarm") == 1
    assert total(both, "cloudwatch.composite_alarm") == 2
    assert {line.price for line in plain} == {"sqs.request", "cloudwatch.metric"}


def test_keys_and_a_network_of_ones_own_cost_by_being_there() -> None:
    both = {"ingest": True, "files": True, "monitoring": False}

    chosen = list(standing(**both, kms=True, private_network=True))
    untraced = list(standing(**both, private_network=True, tracing=False))

    # One in each of three stacks; three endpoints, or two, in two zones.
    assert total(chosen, "kms.key") == 3
    assert total(chosen, "vpc.endpoint") == 3 * 2 * 730
    assert total(untraced, "vpc.endpoint") == 2 * 2 * 730


def test_a_canary_costs_by_its_runs() -> None:
    lines = list(canary(15, tracing=True, monitoring=True))

    runs = 730 * 4
    assert sums(lines)["lambda.request", "canary"] == runs
    assert total(lines, "s3.put") == 2 * runs  # the large one, sent and archived
    assert total(lines, "cloudwatch.alarm_metric") == 2
    assert not total(lines, "dynamodb.storage")
    assert not total(lines, "transfer.out")
    assert total(list(canary(30, tracing=True, monitoring=False)), "s3.put") == runs


def test_choices_are_counted_by_the_program() -> None:
    plain, chosen = (
        json.loads(run("--json", *options))
        for options in ((), ("--kms", "--private-network", "--canary-minutes", "15"))
    )

    assert "VPC" not in plain["services"]
    assert chosen["services"]["VPC"] == pytest.approx(43.8)
    assert chosen["services"]["KMS"] - plain["services"]["KMS"] == pytest.approx(3)
    assert chosen["services"]["Lambda"] > plain["services"]["Lambda"]


# What is shown


def test_the_requirements_example_is_shown_beside_what_it_costs(prices: Prices) -> None:
    shown = example(prices, ratio=3.4, tracing=True)

    assert shown.asked == 0.000013
    # A PUT, a GET and a week of a tenth of it.
    assert round(shown.asked_again, 6) == 0.000013
    assert sum(shown.s3.values()) == pytest.approx(0.0000321, rel=0.01)
    assert set(shown.rest) == {
        "API Gateway",
        "Lambda",
        "DynamoDB",
        "SQS",
        "EventBridge",
        "CloudWatch",
        "X-Ray",
        "Data transfer",
    }
    assert shown.total == pytest.approx(sum(shown.s3.values()) + sum(shown.rest.values()))


def test_every_service_that_has_a_price_has_a_name(prices: Prices) -> None:
    for name in prices.by_name:
        assert by_service(price([Line(name, "", 1)], prices)), name


def test_every_price_is_used(prices: Prices) -> None:
    used = {
        line.price
        for lines in (
            large(reads=1).lines(),
            Files(count=1, size=GB, people=1, verify=True, scan=True).lines(),
            standing(ingest=True, files=True, monitoring=True, private_network=True),
        )
        for line in lines
    }

    assert used == set(prices.by_name)


def run(*arguments: str) -> str:
    result = CliRunner().invoke(cli, list(arguments))
    assert result.exit_code == 0, result.output
    return result.output


def test_services_are_printed_with_their_sum() -> None:
    shown = run("--payloads", "1000000", "--files", "0", "--people", "0", "--no-monitoring")
    lines = shown.splitlines()
    table = lines[lines.index("") + 1 : next(n for n, line in enumerate(lines) if "in all" in line)]

    assert "1,000,000 payloads of 15 MB and 0 files" in lines[0]
    amounts = {line[:40].strip(): float(line[60:].replace(",", "")) for line in table}
    assert amounts["API Gateway"] == 2.0
    assert "Cognito" not in amounts
    [in_all] = [line for line in lines if line.startswith("in all")]
    assert float(in_all.split()[-1]) == pytest.approx(sum(amounts.values()), abs=0.05)
    assert re.search(r"asked for, for S3: about +0\.0000130$", shown, re.MULTILINE)


def test_lines_are_printed_on_demand() -> None:
    assert "records and indexes" not in run()
    assert re.search(r"records and indexes +11,000,000 write request unit +6\.88", run("--lines"))


def test_json_is_one_object_that_adds_up() -> None:
    shown = json.loads(run("--json", "--payloads", "5", "--files", "7"))

    assert shown["prices"] == {"date": "2026-11-22", "region": "us-east-1"}
    assert sum(shown["services"].values()) == pytest.approx(shown["total"])
    assert sum(line["dollars"] for line in shown["lines"]) == pytest.approx(shown["total"])
    assert shown["example"]["asked"] == 0.000013
    assert shown["example"]["total"] == pytest.approx(
        sum(shown["example"]["s3"].values()) + sum(shown["example"]["rest"].values())
    )


def test_switches_take_away() -> None:
    def services(*arguments: str) -> dict[str, float]:
        found: dict[str, float] = json.loads(run("--json", *arguments))["services"]
        return found

    assert "X-Ray" in services()
    assert "X-Ray" not in services("--no-tracing")
    assert "KMS" not in services("--no-monitoring")
    assert services()["Lambda"] > services("--no-verify")["Lambda"]
    assert services() == services("--verify")
    large = ("--file-mb", "34360")
    assert services(*large) == services(*large, "--no-verify") != services(*large, "--verify")
    assert "GuardDuty" not in services()
    assert "GuardDuty" in services("--scan")
    assert services("--keep-months", "12")["S3"] > 5 * services()["S3"]


@pytest.mark.parametrize(
    "arguments",
    [["--payloads", "-1"], ["--payload-mb", "0"], ["--ratio", "0.5"], ["--files", "many"]],
)
def test_odd_arguments_are_refused(arguments: list[str]) -> None:
    result = CliRunner().invoke(cli, arguments)

    assert result.exit_code == 2
    assert "Invalid value" in result.output


def test_help_says_what_is_printed() -> None:
    shown = run("--help")

    assert "The cost of a month of payloads and files, in US dollars." in shown
    for option in ("--payloads", "--file-mb", "--keep-months", "--json"):
        assert option in shown


def test_the_documentation_states_what_is_printed() -> None:
    def cost(*arguments: str) -> int:
        shown = json.loads(run("--json", "--people", "0", *arguments))
        return round(sum(shown["services"].values()))

    processed = ("--files", "0", "--keep-months", "0", "--no-monitoring")
    without_traces = cost(*processed, "--no-tracing")
    received = cost(*processed)
    monitored = cost("--files", "0", "--keep-months", "0")
    everything = cost("--files", "0")
    readme = " ".join((ROOT / "README.md").read_text().split())
    page = (ROOT / "docs" / "costs.md").read_text()

    assert (
        f"cost ${everything}: ${received} to receive and process them, "
        f"${everything - monitored} to keep them for a month, ${monitored - received} to monitor"
    ) in readme
    rows = [int(found) for found in re.findall(r"^\| .* \| \**(\d+)\** \|", page, re.M)]
    assert rows == [
        without_traces,
        received - without_traces,
        everything - monitored,
        monitored - received,
        everything,
    ]
    assert f"downloaded once, cost ${cost('--payloads', '0')} with" in page


def test_the_documentation_states_what_events_verifying_and_scanning_cost(prices: Prices) -> None:
    page = (ROOT / "docs" / "costs.md").read_text()
    terabyte = Files(count=1_000, size=1_000 * MB, tracing=False)

    def more(**choices: bool) -> float:
        lines = [*dataclasses.replace(terabyte, **choices).lines()]
        return dollars(lines, prices) - dollars([*terabyte.lines()], prices)

    told = [
        line
        for line in Files(count=1_000_000, size=MB, tracing=False).lines()
        if line.what in ("files stored", "files events")
    ]
    rows = re.findall(r"^\| .* \| (\d+\.\d\d) \|", page, re.M)
    assert [float(row) for row in rows] == [
        round(dollars(told, prices), 2),
        round(more(verify=True), 2),
        round(more(scan=True), 2),
    ]


def dollars(lines: list[Line], prices: Prices) -> float:
    return sum(cost.dollars for cost in price(lines, prices))
