"""`synthesize`: the stacks of `app.py`, once per test session for each distinct input."""

from __future__ import annotations

import dataclasses
import functools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest

import app as app_module
from stacks.settings import ENVIRONMENTS

REPOSITORY = Path(__file__).parents[2]
CDK_JSON_CONTEXT = json.loads((REPOSITORY / "cdk.json").read_text())["context"]
PLACEHOLDER_CODE = "tests/stacks/placeholder_code"
PLACEHOLDER_PAGE = "tests/stacks/placeholder_page"
SERVICES = ("files", "ingest", "web")
"""Each has a stack in every environment."""


@dataclasses.dataclass(frozen=True)
class Acknowledgement:
    """One rule accepted at one construct."""

    path: str
    rule: str
    reason: str = dataclasses.field(compare=False)


@dataclasses.dataclass(frozen=True)
class Synthesized:
    """The output of `cdk synth` for one environment, and what its constructs acknowledge."""

    environment: str
    folder: Path
    report: dict[str, Any]

    def stack_name(self, service: str) -> str:
        return f"wideload-{self.environment}-{service}"

    @functools.cached_property
    def templates(self) -> dict[str, dict[str, Any]]:
        """The templates of all stacks by service. Tests must not change them."""
        prefix, suffix = self.stack_name(""), ".template.json"
        return {
            path.name.removeprefix(prefix).removesuffix(suffix): json.loads(path.read_text())
            for path in sorted(self.folder.glob(f"*{suffix}"))
        }

    @functools.cached_property
    def acknowledgements(self) -> list[Acknowledgement]:
        """Those of all constructs, as the stacks' metadata has them."""
        return [
            Acknowledgement(construct.removeprefix("/"), rule, reason)
            for path in sorted(self.folder.glob("*.metadata.json"))
            for construct, entries in json.loads(path.read_text()).items()
            for entry in entries
            if entry["type"] == "aws:cdk:acknowledged-rules"
            for rule, reason in entry["data"].items()
        ]

    def template(self, service: str) -> dict[str, Any]:
        return self.templates[service]

    def stack_properties(self, service: str) -> dict[str, Any]:
        """The stack's properties in the manifest: its tags, its protection."""
        manifest = json.loads((self.folder / "manifest.json").read_text())
        found: dict[str, Any] = manifest["artifacts"][self.stack_name(service)]["properties"]
        return found

    def resources(self, service: str, kind: str) -> dict[str, dict[str, Any]]:
        return {
            logical_id: resource
            for logical_id, resource in self.template(service)["Resources"].items()
            if resource["Type"] == kind
        }

    def function_variables(self, service: str) -> list[dict[str, Any]]:
        """Environment variables of each function."""
        functions = self.resources(service, "AWS::Lambda::Function").values()
        return [each["Properties"]["Environment"]["Variables"] for each in functions]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-snapshots",
        action="store_true",
        help="write the templates' snapshots anew; give tests/stacks as an argument with it",
    )


@pytest.fixture(scope="session")
def synthesize(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Synthesized]:
    """Synthesize an environment, with the context of `cdk.json` and placeholder code.

    Keyword arguments change settings.
    """

    @functools.cache
    def run(environment: str, **settings: str) -> Synthesized:
        folder = tmp_path_factory.mktemp(environment)
        app = cdk.App(
            outdir=str(folder),
            context={
                **CDK_JSON_CONTEXT,
                "env": environment,
                "lambda_code": PLACEHOLDER_CODE,
                "page": PLACEHOLDER_PAGE,
                **settings,
            },
        )
        app_module.build(app)
        app.synth()
        return Synthesized(
            environment=environment,
            folder=folder,
            report=json.loads((folder / "validation-report.json").read_text()),
        )

    return run


@pytest.fixture(params=sorted(ENVIRONMENTS))
def environment(request: pytest.FixtureRequest) -> str:
    """Each environment in turn."""
    return str(request.param)


@pytest.fixture
def synthesized(synthesize: Callable[..., Synthesized], environment: str) -> Synthesized:
    """Each environment, synthesized."""
    return synthesize(environment)


@pytest.fixture(params=SERVICES)
def service(request: pytest.FixtureRequest) -> str:
    """Each service in turn."""
    return str(request.param)
