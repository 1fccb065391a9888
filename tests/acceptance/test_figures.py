"""Figures: starts of the functions, the worker's speed, and the times of each route."""

from __future__ import annotations

import re
import statistics
from collections.abc import Callable, Iterator

import pytest

from tests.acceptance.conftest import needs
from tests.acceptance.deployment import Deployment, until
from tests.acceptance.http import Api
from tests.acceptance.run import Run

LOGS = 300
"""Seconds until lines are found in CloudWatch Logs: in a few, as a rule."""
REPORT = re.compile(r"REPORT .*?Duration: ([\d.]+) ms(?:.*Init Duration: ([\d.]+) ms)?", re.DOTALL)
READS = 20

Figure = Callable[[str, str], None]


def test_every_function_that_ran_reports_its_starts(
    run: Run, deployment: Deployment, figure: Figure
) -> None:
    functions = deployment.of_type("AWS::Lambda::Function", "ingest", "files")
    reported = 0
    for function in functions:
        found = deployment.client("lambda").get_function_configuration(FunctionName=function.id)
        group = found["LoggingConfig"]["LogGroup"]
        times = list(reports(deployment, group, run.began))
        cold = [duration + init for duration, init in times if init]
        warm = [duration for duration, init in times if not init]
        if times:
            reported += 1
            figure(
                f"{function.name}: starts",
                f"{_spread(cold)} cold, {_spread(warm)} warm",
            )
    assert reported


def test_the_worker_says_how_fast_it_is(run: Run, deployment: Deployment, figure: Figure) -> None:
    needs(deployment, "ingest")
    if "POST /get-upload-url" not in run.seconds:
        pytest.skip("Nothing was uploaded in this run, of which only a part was selected.")
    [worker] = [
        one for one in deployment.of_type("AWS::Lambda::Function", "ingest") if "Worker" in one.name
    ]
    found = deployment.client("lambda").get_function_configuration(FunctionName=worker.id)
    group = found["LoggingConfig"]["LogGroup"]

    def largest() -> tuple[float, float] | None:
        """Bytes and milliseconds of the largest payload that the worker processed."""
        emitted = [
            (line["S3UploadSize"][0], line["ProcessingDuration"][0])
            for line in deployment.lines(group, run.began)
            if "S3UploadSize" in line and "ProcessingDuration" in line
        ]
        return max(emitted, default=None)

    found_one = until(largest, seconds=LOGS)
    assert found_one, f"no line of {group} has S3UploadSize and ProcessingDuration"
    size, milliseconds = found_one
    figure(
        "worker",
        f"{size / 1000 / milliseconds:.1f} MB/s of gzip ({size / 1e6:.1f} MB in "
        f"{milliseconds / 1000:.1f} s)",
    )


def test_each_route_answers(run: Run, acme: Api, ann: Api, figure: Figure) -> None:
    """Seen from here, network and all; p99 of few requests is the slowest of them."""
    for api, path in ((acme, "/call-logs"), (ann, "/files"), (ann, "/sign-in")):
        statuses = {api.request("GET", path).status for _ in range(READS)}
        assert statuses == {200}, path
    for route, seconds in sorted(run.seconds.items()):
        figure(f"{route} ({len(seconds)} times)", _percentiles(seconds))


def reports(deployment: Deployment, group: str, since: float) -> Iterator[tuple[float, float]]:
    """Milliseconds of each invocation: its work, and its initialization or 0."""
    for line in deployment.lines(group, since):
        if line.get("type") == "platform.report":
            metrics = line["record"]["metrics"]
            yield metrics["durationMs"], metrics.get("initDurationMs", 0.0)
        elif match := REPORT.search(line.get("text", "")):
            yield float(match[1]), float(match[2] or 0)


def _spread(milliseconds: list[float]) -> str:
    if not milliseconds:
        return "none"
    median = statistics.median(milliseconds)
    return f"{len(milliseconds)}: {median:,.0f} ms, at most {max(milliseconds):,.0f} ms"


def _percentiles(seconds: list[float]) -> str:
    ordered = sorted(seconds)
    p99 = ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))]
    return f"p50 {statistics.median(ordered) * 1000:,.0f} ms, p99 {p99 * 1000:,.0f} ms"
