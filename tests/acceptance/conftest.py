"""Options, fixtures and the report. Without `--environment` nothing here is collected."""

from __future__ import annotations

import signal
from collections.abc import Callable, Generator, Iterator
from pathlib import Path

import boto3
import pytest
from botocore.exceptions import BotoCoreError, ClientError

from tests.acceptance.deployment import Deployment
from tests.acceptance.embedded import CANT_SHOW
from tests.acceptance.http import Api
from tests.acceptance.report import Claim, Report
from tests.acceptance.run import Run

# What is measured comes after what is done, and what AWS counts last.
ORDER = (
    "test_configuration.py",
    "test_call_logs.py",
    "test_limits.py",
    "test_refusals.py",
    "test_files.py",
    "test_page.py",
    "test_stacks.py",
    "test_figures.py",
    "test_metrics.py",
)
NOTHING_LEFT = "The run left nothing behind."
DEPLOYMENT = pytest.StashKey[Deployment]()
REPORT = pytest.StashKey[Report]()


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("acceptance")
    group.addoption("--environment", help="name of the deployed environment")
    group.addoption("--report", type=Path, default=Path("dist/acceptance.md"))
    group.addoption("--thousand-parts", action="store_true", help="upload a file of 1,000 parts")
    group.addoption("--throwaway-stacks", action="store_true", help="deploy two small stacks")


def pytest_ignore_collect(config: pytest.Config) -> bool | None:
    """Leave them out of `make test`, where tests/integration/test_acceptance.py runs them."""
    return None if config.getoption("environment") else True


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    environment = config.getoption("environment")
    if not environment:
        return
    items.sort(key=lambda item: ORDER.index(item.path.name))
    session, report = boto3.Session(), Report(environment)
    session.events.register("before-call", report.note_call)
    deployment = Deployment(environment, session)
    try:
        deployment.outputs  # noqa: B018 - asks AWS
        report.region = deployment.region
    except (LookupError, BotoCoreError, ClientError) as error:
        raise pytest.UsageError(str(error)) from None
    config.stash[DEPLOYMENT] = deployment
    config.stash[REPORT] = report
    if deployment.embedded:
        for item in items:
            reason = CANT_SHOW.get(f"{item.path.name}::{item.originalname}")
            if reason:
                item.add_marker(pytest.mark.skip(reason=reason))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    told = yield
    claims = item.config.stash[REPORT].claims
    test = f"{item.path.name}::{item.name}"
    if told.when == "call" or told.outcome != "passed":
        outcome = "error" if told.failed and told.when != "call" else told.outcome
        claims.append(Claim(test, outcome, _seen(told)))
    return told


def _seen(told: pytest.TestReport) -> str:
    if isinstance(told.longrepr, tuple):
        return told.longrepr[2].removeprefix("Skipped: ")
    seen = [text for name, text in told.user_properties if name == "seen"]
    if told.failed:
        crash = getattr(told.longrepr, "reprcrash", None)
        seen.append(crash.message if crash else str(told.longrepr))
    return "; ".join(seen)


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    report = config.stash.get(REPORT, None)
    if report:
        path = config.getoption("report")
        report.write(path)
        terminalreporter.write_line(f"The report is in {path}.")


@pytest.fixture(scope="session")
def deployment(pytestconfig: pytest.Config) -> Deployment:
    return pytestconfig.stash[DEPLOYMENT]


@pytest.fixture(scope="session")
def run(pytestconfig: pytest.Config, deployment: Deployment) -> Iterator[Run]:
    """The things that this run makes; they are removed at its end, unless SIGKILL ends it."""
    run, report = Run(deployment), pytestconfig.stash[REPORT]
    report.traces += [f"An earlier run had left {name}; removed." for name in run.clear_killed()]
    # As CI ends a job that is cancelled.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    yield run
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: print("\nstill clearing up", flush=True))  # noqa: T201
    clear_up(run, report)


def clear_up(run: Run, report: Report) -> None:
    """Take away what a run made, and say in the report what is left, also if that fails."""
    try:
        run.clear()
    finally:
        report.traces.append("**Nobody could tell whether this run left something behind.**")
        left = run.leftovers()
        report.traces[-1:] = [f"**This run left {one}.**" for one in left] or [NOTHING_LEFT]
    assert not left


@pytest.fixture
def seen(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Says in the report what a test saw."""
    return lambda text: request.node.user_properties.append(("seen", text))


@pytest.fixture
def figure(pytestconfig: pytest.Config) -> Callable[[str, str], None]:
    """Adds a figure to the report."""
    return lambda what, value: pytestconfig.stash[REPORT].figures.append((what, value))


@pytest.fixture(scope="session")
def acme(run: Run) -> Api:
    """The ingest API, as the run's tenant calls it."""
    needs(run.deployment, "ingest")
    return run.ingest(run.new_key())


@pytest.fixture(scope="session")
def globex(run: Run) -> Api:
    """The same as another tenant."""
    needs(run.deployment, "ingest")
    return run.ingest(run.new_key(run.other_tenant))


@pytest.fixture(scope="session")
def ann(run: Run) -> Api:
    """The files API, as a person calls it."""
    needs_people(run.deployment)
    return run.files(run.sign_in(run.new_person()).access)


def needs(deployment: Deployment, service: str) -> None:
    """Skip the test where the environment has no such stack."""
    if not deployment.has(service):
        pytest.skip(f"The environment has no stack {service}.")


def needs_people(deployment: Deployment) -> None:
    """Skip the test where the run can't create a person who signs in."""
    needs(deployment, "files")
    if "UserPoolId" not in deployment.outputs["files"]:
        pytest.skip("People sign in at another issuer, where the run can make nobody.")
