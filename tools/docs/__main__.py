"""Write the sources of the documentation site; `make docs` builds them."""

from __future__ import annotations

import shutil
from pathlib import Path

import click

from tools.docs.command_line import command_line_page
from tools.docs.openapi import api_page
from tools.docs.pages import copy_pages

_ROOT = Path(__file__).parents[2]
_MERMAID = Path(__file__).parent / "node_modules" / "mermaid" / "dist" / "mermaid.min.js"


@click.command()
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
def cli(folder: Path) -> None:
    """Write the site's sources into FOLDER, in place of what is there."""
    shutil.rmtree(folder, ignore_errors=True)
    copy_pages(_ROOT, folder)
    reference = folder / "reference"
    (reference / "command-line.md").write_text(command_line_page())
    (folder / "javascripts").mkdir()
    shutil.copy(_MERMAID, folder / "javascripts")
    for service in ("ingest", "files"):
        page = api_page(_ROOT / "contract" / f"openapi-{service}.yaml")
        (reference / f"api-{service}.md").write_text(page)


cli()
