"""Which certificates the programs trust that `make` installs with: the system's."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import trustme
import uv

from local.paths import ROOT, node

Environment = dict[str, str]
TRUST = ("UV_SYSTEM_CERTS", "NODE_USE_SYSTEM_CA", "NODE_EXTRA_CA_CERTS", "SSL_CERT_DIR")


@pytest.fixture
def recipes_environment() -> Callable[..., Environment]:
    """The environment that make's recipes get, with some variables set by the caller."""

    def ask(**given: str) -> Environment:
        own = {name: value for name, value in os.environ.items() if name not in TRUST}
        done = subprocess.run(
            ["make", "--silent", "-f", "Makefile", "-f", "-", "show-environment"],
            cwd=ROOT,
            env=own | given,
            input="show-environment:\n\t@env -0\n",
            capture_output=True,
            text=True,
            check=True,
        )
        words = [line.partition("=") for line in done.stdout.split("\0") if line]
        return {name: value for name, _, value in words}

    return ask


def test_uv_trusts_what_the_system_trusts(
    recipes_environment: Callable[..., Environment],
) -> None:
    environment = recipes_environment()

    assert "system_certs: true" in _settings_of_uv(environment)
    assert "system_certs: false" in _settings_of_uv(environment | {"UV_SYSTEM_CERTS": "0"})


def test_npm_trusts_what_the_system_trusts(
    recipes_environment: Callable[..., Environment], tmp_path: Path
) -> None:
    """As on a machine whose system trusts a company's authority."""
    authority = trustme.CA(organization_name="A company's proxy").cert_pem
    authority.write_to_path(tmp_path / "system.pem")
    environment = recipes_environment(SSL_CERT_FILE=str(tmp_path / "system.pem"))

    trusted = _trusted_by_node(environment)

    assert authority.bytes().decode().strip() in trusted
    assert len(trusted) > 100, "npm's registry has a public certificate"


def test_the_caller_may_decide_otherwise(recipes_environment: Callable[..., Environment]) -> None:
    given = {"UV_SYSTEM_CERTS": "0", "NODE_USE_SYSTEM_CA": "0"}

    environment = recipes_environment(**given)

    assert {name: environment[name] for name in given} == given


def _settings_of_uv(environment: Environment) -> str:
    return subprocess.run(
        [uv.find_uv_bin(), "pip", "sync", "--show-settings", "requirements.txt"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    ).stdout


def _trusted_by_node(environment: Environment) -> list[str]:
    """The authorities that a TLS connection of npm's accepts."""
    script = "console.log(require('node:tls').getCACertificates('default').join('\\0'))"
    done = subprocess.run(
        [node(), "-e", script], env=environment, capture_output=True, text=True, check=True
    )
    return [certificate.strip() for certificate in done.stdout.split("\0")]
