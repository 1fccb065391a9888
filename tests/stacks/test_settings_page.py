"""`docs/settings.md` is generated from `stacks/settings.py`."""

from __future__ import annotations

import typing

import pytest

from stacks.settings import DEPLOYED, ENVIRONMENTS, Settings
from tests.stacks.conftest import REPOSITORY

PAGE = REPOSITORY / "docs" / "settings.md"
HEAD = """\
# Settings

Settings of the environments. `stacks/settings.py` holds a frozen `Settings` for each of them; any
field can be overridden for one run:

```sh
make deploy ENV=dev CONTEXT="-c canary_minutes=15 -c log_level=DEBUG"
```

Put lasting changes into the file: the next deployment, such as the pipeline's, doesn't know the
CONTEXT of an earlier one. Separate the entries of a list by commas. Where "empty" is allowed,
`-c field=` removes the setting. An error about a wrong name or value says what is allowed. This
page is generated from that file: `pytest tests/stacks --update-snapshots`.

| setting | default | allowed | meaning |
| --- | --- | --- | --- |
"""


def allowed(name: str) -> str:
    """The phrase for a field's values, and whether it may be empty."""
    annotation = Settings.model_fields[name].annotation
    listed = typing.get_origin(annotation) is tuple
    phrase = f"a list; each entry: {Settings.allowed(name)}" if listed else Settings.allowed(name)
    empty = listed or type(None) in typing.get_args(annotation)
    return f"{phrase}; or empty" if empty else phrase


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
        f"| `{name}` | {default(name)} | {allowed(name)} | {' '.join(text.split())} |\n"
        for name, field in Settings.model_fields.items()
        if (text := field.description) and name != "environment"
    ]
    return HEAD + "".join(rows)


def test_page_is_generated_from_the_settings(request: pytest.FixtureRequest) -> None:
    if request.config.getoption("--update-snapshots", default=False):
        PAGE.write_text(render())

    assert PAGE.read_text() == render(), "write it anew: pytest tests/stacks --update-snapshots"
