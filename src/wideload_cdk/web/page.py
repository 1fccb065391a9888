"""The built page in this package, and its `index.html` for one deployment."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

BUILT = Path(__file__).parents[1] / "_web"
INDEX = "index.html"
CONFIG = "config.json"

# Cache-Control of `index.html` and `config.json`, and of all other files, which have a hash of
# their content in their name.
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
    """The page's `index.html` with a policy that limits requests to `connect_sources`.

    The headers of `WebApp` name hosts only by pattern, since the API trusts the page's origin and
    so is made after `WebApp`. A browser enforces both policies.
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
