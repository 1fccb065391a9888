"""The public side of the package: names, imports, errors, version."""

from __future__ import annotations

import inspect
import pickle
import re
import subprocess
import sys
import tomllib
import types
from importlib import resources
from pathlib import Path

import pytest

import wideload
from tests.fake_aws.ingest import PAYLOAD_1
from wideload import compat, errors, signin

_CLIENT = Path(__file__).parents[2] / "client"


@pytest.mark.parametrize("module", [wideload, errors, compat, signin])
def test_all_names_what_is_public_and_nothing_else(module: types.ModuleType) -> None:
    public = {
        name
        for name, value in vars(module).items()
        if not name.startswith("_")
        and not inspect.ismodule(value)
        and getattr(value, "__module__", "").startswith("wideload")
    }
    if module in {compat, signin}:  # what they import from the package isn't their own
        public = {name for name in public if getattr(module, name).__module__ == module.__name__}

    assert public == {name for name in module.__all__ if name != "__version__"}


def test_every_error_is_exported_and_drawn_in_the_tree() -> None:
    assert set(errors.__all__) <= set(wideload.__all__)
    drawn = set(re.findall(r"\b\w+Error\b", str(errors.__doc__).split("`OSError`")[0]))
    assert drawn - {"ValueError", "TimeoutError"} == set(errors.__all__)


@pytest.mark.parametrize("name", errors.__all__)
def test_every_error_has_one_base_and_survives_pickling(name: str) -> None:
    error = getattr(errors, name)("what happened")
    error.payload_id = PAYLOAD_1

    copy = pickle.loads(pickle.dumps(error))

    assert isinstance(copy, wideload.WideloadError)
    assert (type(copy), str(copy), copy.payload_id) == (type(error), "what happened", PAYLOAD_1)


def test_everything_public_has_a_docstring() -> None:
    for name in wideload.__all__:
        value = getattr(wideload, name)
        if isinstance(value, str):
            continue
        assert value.__doc__, name
        for member, method in vars(value).items():
            if inspect.isfunction(method) and not member.startswith("_"):
                assert method.__doc__, f"{name}.{member}"


def test_the_version_is_the_distributions() -> None:
    project = tomllib.loads((_CLIENT / "pyproject.toml").read_text())["project"]

    assert wideload.__version__ == project["version"]


def test_types_are_declared() -> None:
    assert resources.files("wideload").joinpath("py.typed").is_file()


def test_importing_it_pulls_in_nothing_heavy() -> None:
    heavy = {
        "boto3",
        "botocore",
        "aws_cdk",
        "jsii",
        "rich",
        "click",
        "asyncio",
        "httpcore",
        "wideload_cdk",
    }
    code = "import sys, wideload; print(*{name.partition('.')[0] for name in sys.modules})"

    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert heavy.isdisjoint(ran.stdout.split())
    assert "wideload" in ran.stdout.split()
