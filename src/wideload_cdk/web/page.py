"""Find the built page that travels beside this module, and fit it to one deployment."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

BUILT = Path(__file__).parents[1] / "_web"
INDEX = "index.html"
CONFIG = "config.json"

# Browsers and CloudFront ask each time whether these have changed; everything else has its
# content's hash in its name.
FRESH = "no-cache"
LASTING = "public, max-age=31536000, immutable"


def built_page() -> Path:
    """Folder of the built page.

    Raises:
        FileNotFoundError: It has not been built.
    """
    if not (BUILT / INDEX).is_file():
        raise FileNotFoundError(
            f"There is no built page in {BUILT} (no {INDEX} in it). In a checkout, run "
            "`make build`; an installed wheel brings it along, so there reinstall wideload-cdk. "
            "Or pass `page=`."
        )
    return BUILT


def narrowed_index(page: Path, connect_sources: Sequence[str]) -> str:
    """The page's `index.html`, which may send requests to `connect_sources` alone.

    The headers that `WebApp` sets can name hosts by pattern only, since the hosts of an API that
    trusts the page's origin are made after it. A browser enforces both policies.
    """
    hosts = " ".join(connect_sources)
    rules = f"connect-src 'self' {hosts}; frame-src {hosts}"
    policy = f'<meta http-equiv="Content-Security-Policy" content="{rules}">'
    html = (page / INDEX).read_text()
    head = html.find("<head>")
    if head < 0:
        raise ValueError(f"{page / INDEX} has no <head>; build the page again.")
    at = head + len("<head>")
    return f"{html[:at]}\n    {policy}{html[at:]}"
