"""`docs/settings.md` says of every setting what `stacks/settings.py` says."""

from __future__ import annotations

import ast
import dataclasses
import inspect

import pytest

from stacks.settings import ENVIRONMENTS, Settings
from tests.stacks.conftest import REPOSITORY

PAGE = REPOSITORY / "docs" / "settings.md"
DEPLOYED = ("dev", "staging", "prod")
HEAD = """\
# Settings

What an environment deploys. `stacks/settings.py` holds a frozen `Settings` for each of dev, staging
and prod; any field can be overridden for one run:

```sh
make deploy ENV=dev CONTEXT="-c canary_minutes=15 -c log_level=DEBUG"
```

What is to last belongs into the file: the next deployment, such as the pipeline's, knows nothing of
an earlier CONTEXT. Lists are separated by commas; an empty value unsets a setting that can do
without. A wrong name or value is refused with what is allowed. This page is written from that file:
`pytest tests/stacks --update-snapshots`.

| setting | default | what it is |
| --- | --- | --- |
"""


def documented() -> dict[str, str]:
    """The docstring of each field, in one line."""
    (definition,) = ast.parse(inspect.getsource(Settings)).body
    assert isinstance(definition, ast.ClassDef)
    found = {}
    for field, text in zip(definition.body, definition.body[1:], strict=False):
        if isinstance(field, ast.AnnAssign) and isinstance(text, ast.Expr):
            assert isinstance(field.target, ast.Name)
            assert isinstance(text.value, ast.Constant)
            found[field.target.id] = " ".join(str(text.value.value).split())
    return found


def value(environment: str, name: str) -> str:
    match getattr(ENVIRONMENTS[environment], name):
        case None | ():
            return "none"
        case bool(given):
            return str(given).lower()
        case int(given):
            return f"{given:,}"
        case given:
            return f"`{given}`"


def default(name: str) -> str:
    """The value in each environment, or the one that all share."""
    values = {environment: value(environment, name) for environment in DEPLOYED}
    if len(set(values.values())) == 1:
        return values["prod"]
    return ", ".join(f"{environment} {given}" for environment, given in values.items())


def render() -> str:
    rows = [
        f"| `{name}` | {default(name)} | {text} |\n"
        for name, text in documented().items()
        if name != "environment"
    ]
    return HEAD + "".join(rows)


def test_page_is_what_the_settings_say(request: pytest.FixtureRequest) -> None:
    if request.config.getoption("--update-snapshots", default=False):
        PAGE.write_text(render())

    assert PAGE.read_text() == render(), "write it anew: pytest tests/stacks --update-snapshots"


def test_every_field_is_on_it() -> None:
    assert set(documented()) == {field.name for field in dataclasses.fields(Settings)}
