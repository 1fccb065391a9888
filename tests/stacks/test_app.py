"""`app.py`: the context of the command line becomes the settings, and nothing else does."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import aws_cdk as cdk
import pytest

import app as app_module
from local.paths import node
from tests.stacks.conftest import (
    CDK_JSON_CONTEXT,
    PLACEHOLDER_CODE,
    PLACEHOLDER_PAGE,
    REPOSITORY,
    SERVICES,
    Synthesized,
)


def test_environment_is_dev_by_default() -> None:
    assert app_module.settings_from(cdk.App()).environment == "dev"


def test_context_picks_the_environment_and_overrides_fields() -> None:
    app = cdk.App(context={"env": "prod", "rate_limit": "7", "retain": "false"})

    settings = app_module.settings_from(app)

    assert (settings.environment, settings.rate_limit, settings.retain) == ("prod", 7, False)


def test_values_from_cdk_json_may_be_typed() -> None:
    pages = ["https://a.example/", "https://b.example/"]
    app = cdk.App(context={"rate_limit": 7, "retain": True, "web_urls": pages})

    settings = app_module.settings_from(app)

    assert (settings.rate_limit, settings.retain) == (7, True)
    assert settings.web_urls == tuple(pages)


def test_context_of_the_cdk_itself_is_no_setting() -> None:
    app = cdk.App(
        context={
            **CDK_JSON_CONTEXT,
            "aws:cdk:bundling-stacks": ["**"],
            "availability-zones:account=1:region=x": ["x-1a"],
            "acknowledged-issue-numbers": [1],
        }
    )

    assert app_module.settings_from(app).environment == "dev"


def test_misspelt_setting_is_refused() -> None:
    with pytest.raises(ValueError, match=r"no setting 'log-level'. Did you mean log_level\?"):
        app_module.settings_from(cdk.App(context={"log-level": "DEBUG"}))


def test_synth_depends_on_nothing_around_it(
    tmp_path: Path, synthesize: Callable[[str], Synthesized]
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    context = {
        **CDK_JSON_CONTEXT,
        "env": "staging",
        "lambda_code": PLACEHOLDER_CODE,
        "page": PLACEHOLDER_PAGE,
    }

    done = subprocess.run(
        [sys.executable, str(REPOSITORY / "app.py")],
        cwd=elsewhere,
        env={
            # As needed to find Node.js and the jsii cache, and nothing of AWS or git.
            **{name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ},
            "JSII_NODE": str(node()),
            "TZ": "Asia/Tokyo",
            "CDK_OUTDIR": str(tmp_path / "out"),
            "CDK_CONTEXT_JSON": json.dumps(context),
        },
        check=False,
        capture_output=True,
        text=True,
        timeout=300,
    )

    assert (done.returncode, done.stderr) == (0, "")
    for service in SERVICES:
        path = tmp_path / "out" / f"wideload-staging-{service}.template.json"
        assert json.loads(path.read_text()) == synthesize("staging").template(service)
    assert list(elsewhere.iterdir()) == []


def test_wrong_setting_is_told_in_one_line() -> None:
    with pytest.raises(SystemExit) as ended:
        app_module.main(cdk.App(context={"env": "dev", "rate_limit": "many"}))

    assert ended.value.code == (
        "error: rate_limit is 'many'; give a whole number, 1 to 100,000 requests per second."
    )


def test_missing_code_is_told_in_one_line() -> None:
    with pytest.raises(SystemExit, match=r"\Aerror: .+; run `make build`.*\Z"):
        app_module.main(cdk.App(context={"env": "dev", "lambda_code": "docs"}))
