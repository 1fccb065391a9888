"""Entry points of the operators' programs, which say what is missing in an installation."""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.util import find_spec


def keys() -> None:
    """`wideload-keys`."""
    _run("keys")


def payloads() -> None:
    """`wideload-payloads`."""
    _run("payloads")


def redrive() -> None:
    """`wideload-redrive`."""
    _run("redrive")


def tenants() -> None:
    """`wideload-tenants`."""
    _run("tenants")


def users() -> None:
    """`wideload-users`."""
    _run("users")


def _run(program: str) -> None:
    if not all(map(find_spec, ("boto3", "click"))):
        sys.exit(
            f"wideload-{program}: this program needs more packages: "
            "pip install 'wideload-cdk[operate]'"
        )
    import_module(f"wideload_cdk.{program}.__main__").cli()
